import { BGP_ADVERTISEMENTS, BGP_PEERS, IP_ADDRESS_POOLS, L2_ADVERTISEMENTS } from '@metallb-ts/api'
import { BIRD_ASN, FRR_ASN, HOSTS, LAN, NODE_ASN } from './addresses.ts'
import { SYSTEM, type Cluster } from './cluster.ts'

const namespace = SYSTEM

/** Addresses on the LAN, answered for by one node. */
export const LAN_POOL = { name: 'lan', addresses: ['10.77.0.200-10.77.0.220', 'fd77::2:0/120'] } as const

/** Addresses that routers learn. */
export const ROUTED_POOL = { name: 'routed', addresses: ['198.51.100.0/24', '2001:db8:100::/120'] } as const

/** Pools, advertisements and peers as an operator would write them. */
export async function applyConfiguration(cluster: Cluster, routers: readonly ('frr' | 'bird')[]): Promise<void> {
  for (const { name, addresses } of [LAN_POOL, ROUTED_POOL]) {
    const autoAssign = name === LAN_POOL.name
    await cluster.apply(IP_ADDRESS_POOLS, { metadata: { name, namespace }, spec: { addresses, autoAssign } })
  }
  await cluster.apply(L2_ADVERTISEMENTS, {
    metadata: { name: 'lan', namespace },
    spec: { ipAddressPools: [LAN_POOL.name] },
  })
  await cluster.apply(BGP_ADVERTISEMENTS, {
    metadata: { name: 'routed', namespace },
    spec: { ipAddressPools: [ROUTED_POOL.name], communities: [`${NODE_ASN}:100`] },
  })
  for (const router of routers) await applyPeers(cluster, router)
}

/** One session per family, as most routers are set up. */
export async function applyPeers(cluster: Cluster, router: 'frr' | 'bird', more: object = {}): Promise<void> {
  const peerASN = router === 'frr' ? FRR_ASN : BIRD_ASN
  for (const family of ['ipv4', 'ipv6'] as const) {
    await cluster.apply(BGP_PEERS, {
      metadata: { name: `${router}-${family}`, namespace },
      spec: { myASN: NODE_ASN, peerASN, peerAddress: LAN[family](HOSTS[router]), holdTime: '9s', ...more },
    })
  }
}
