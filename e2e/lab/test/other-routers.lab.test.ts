import { BGP_PEERS, BGP_SESSION_STATES, type BGPSessionState } from '@metallb-ts/api'
import { eventually, FRR_ASN, HOSTS, LAN, NODE_ASN, nodeHost, NODES, SYSTEM, type Lab } from '@metallb-ts/lab'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nextHops, startedLab } from './support.ts'

const ROUTED = { annotations: { 'metallb.io/address-pool': 'routed' } }
const FAMILIES = ['ipv4', 'ipv6'] as const
const via = (family: (typeof FAMILIES)[number]): readonly string[] => NODES.map(node => LAN[family](nodeHost(node)))

describe('routers that crash, that have no addresses, or none of a family', () => {
  let lab: Lab
  let ipv4 = ''
  let ipv6 = ''

  beforeAll(async () => {
    lab = await startedLab(['frr', 'bird'], {
      more: { enableGracefulRestart: true },
      frrRestartsGracefully: true,
    })
    await lab.cluster.service('api', { ipFamilyPolicy: 'RequireDualStack' }, ROUTED)
    ;[ipv4 = '', ipv6 = ''] = await lab.cluster.addresses('api', 2)
    for (const router of ['frr', 'bird'] as const) {
      await nextHops(lab, router, ipv4, via('ipv4'))
      await nextHops(lab, router, ipv6, via('ipv6'))
    }
  })

  afterAll(() => lab?.remove())

  async function paths(family: 'ipv4' | 'ipv6', address: string): Promise<readonly FrrPath[]> {
    const shown = await lab.router('frr').command(`show bgp ${family} unicast ${address} json`)
    return (JSON.parse(shown) as { readonly paths?: readonly FrrPath[] }).paths ?? []
  }

  async function states(peer: string): Promise<readonly NonNullable<BGPSessionState['status']>[]> {
    const { items } = await lab.cluster.client.list<BGPSessionState>(BGP_SESSION_STATES)
    return items.flatMap(({ status }) => (status?.peer === peer && status.bgpStatus === 'Established' ? [status] : []))
  }

  /** The fewest ways that FRR's kernel has to an address while something happens. */
  async function leastWays(during: () => Promise<void>): Promise<number> {
    let least = Infinity
    let isOver = false
    const look = async (): Promise<void> => {
      while (!isOver) {
        for (const address of [ipv4, ipv6]) {
          least = Math.min(least, (await lab.router('frr').nextHops(address)).length)
        }
      }
    }
    const looking = look()
    await during().finally(() => (isOver = true))
    await looking
    return least
  }

  it('[row 85] FRR crashes and comes back with graceful restart: its kernel has a way to each address all the time', async () => {
    const frr = lab.router('frr')
    const knows = async (family: 'ipv4' | 'ipv6', address: string): Promise<boolean> => {
      const shown = await frr.command(`show bgp ${family} unicast ${address}`).catch(() => '')
      return via(family).every(hop => shown.includes(hop)) && !/stale/i.test(shown)
    }
    const least = await leastWays(async () => {
      await frr.crash()
      await eventually('the speakers to notice', async () => (await states('frr-ipv4')).length === 0)
      await frr.recover()
      await eventually('FRR to know every way again', async () => {
        return (await knows('ipv4', ipv4)) && (await knows('ipv6', ipv6))
      })
      await nextHops(lab, 'frr', ipv4, via('ipv4'))
      await nextHops(lab, 'frr', ipv6, via('ipv6'))
    })
    expect(least).toBeGreaterThan(0)
  })

  it('[row 83] over a wire with nothing but link-local addresses FRR hears of both families, with those for next hops', async () => {
    const wire = lab.connect('n1', 'frr')
    const activated = FAMILIES.flatMap(family => [
      `address-family ${family} unicast`,
      `neighbor ${wire.router} activate`,
      'exit-address-family',
    ])
    const neighbor = `neighbor ${wire.router} interface remote-as ${NODE_ASN}`
    await lab.router('frr').command(['configure terminal', `router bgp ${FRR_ASN}`, neighbor, ...activated].join('\n'))
    const nodeSelectors = [{ matchLabels: { 'kubernetes.io/hostname': 'n1' } }]
    await lab.cluster.apply(BGP_PEERS, {
      metadata: { name: 'wire', namespace: SYSTEM },
      spec: { myASN: NODE_ASN, peerASN: FRR_ASN, interface: wire.node, nodeSelectors },
    })
    const node = await lab.linkLocal('n1', wire.node)
    for (const [family, address] of [
      ['ipv4', ipv4],
      ['ipv6', ipv6],
    ] as const) {
      await eventually(`${address} at FRR, by ${node}`, async () =>
        (await paths(family, address)).some(
          ({ valid, nexthops, peer }) =>
            valid === true && peer.interface === wire.router && nexthops.some(({ ip }) => ip === node),
        ),
      )
      await eventually(`${node} in the kernel for ${address}`, async () =>
        (await lab.router('frr').nextHops(address)).includes(node),
      )
    }
    const [state] = await eventually('the state of the session', async () => {
      const all = await states('wire')
      return all.length > 0 ? all : undefined
    })
    expect(state).toMatchObject({
      node: 'n1',
      interface: wire.node,
      negotiated: { families: ['ipv4-unicast', 'ipv6-unicast'] },
    })
  })

  it('[row 48] [row 51] a router that has lost IPv4 hears of IPv6 alone, and the states of its sessions say so', async () => {
    lab.dropAddress('bird', LAN.ipv4(HOSTS.bird), LAN.ipv4Length)
    const bird = lab.router('bird')
    await eventually('no IPv4 route', async () => !(await bird.command('show route')).includes(`${ipv4}/32`))
    const shown = await bird.command(`show route for ${ipv6} all`)
    for (const hop of via('ipv6')) expect(shown).toContain(`BGP.next_hop: ${hop}`)
    await nextHops(lab, 'bird', ipv6, via('ipv6'))
    await eventually('no state of a session that is over', async () => (await states('bird-ipv4')).length === 0)
    const six = await states('bird-ipv6')
    expect(six).toHaveLength(NODES.length)
    for (const state of six) expect(state).toMatchObject({ negotiated: { families: ['ipv6-unicast'] } })
  })
})

interface FrrPath {
  readonly valid?: boolean
  readonly nexthops: readonly { readonly ip: string }[]
  readonly peer: { readonly interface?: string }
}
