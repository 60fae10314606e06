import { spawnSync } from 'node:child_process'
import type { EndpointSlice, Service } from '@metallb-ts/api'
import { ENDPOINT_SLICES, SERVICES, type KubeClient } from '@metallb-ts/k8s-watch'
import { NODES, type NodeName } from './addresses.ts'
import type { Namespaces } from './topology.ts'

/** What kube-proxy does, for labs without it: nftables rules that follow Services and EndpointSlices until stopped. */
export function followServices(client: KubeClient, spaces: Namespaces): { stop(): void } {
  let written = ''
  async function refresh(): Promise<void> {
    const [services, slices] = await Promise.all([
      client.list<Service>(SERVICES),
      client.list<EndpointSlice>(ENDPOINT_SLICES),
    ])
    const addresses = services.items.flatMap(service => virtualAddresses(service, slices.items))
    const text = JSON.stringify(addresses)
    if (text === written) return
    writeDataPath(spaces, addresses)
    written = text
  }
  const timer = setInterval(() => void refresh().catch(() => {}), REFRESH_MS)
  return { stop: () => clearInterval(timer) }
}

const REFRESH_MS = 200

/** One address of a Service, and the pods behind it. */
interface VirtualAddress {
  readonly address: string
  readonly ports: readonly { readonly protocol: 'tcp' | 'udp'; readonly port: number; readonly targetPort: number }[]
  readonly endpoints: readonly { readonly node: string; readonly address: string }[]
  /** Only endpoints of the node itself, and the client's address kept. */
  readonly isLocal: boolean
}

/** On every node, traffic to an address goes to one of its pods. */
function writeDataPath(spaces: Namespaces, addresses: readonly VirtualAddress[]): void {
  for (const node of NODES) {
    const result = spawnSync('ip', ['netns', 'exec', spaces.node(node), 'nft', '-f', '-'], {
      input: ruleset(node, addresses),
      encoding: 'utf8',
    })
    if (result.status !== 0) throw new Error(`nft on ${node}: ${result.stderr}`)
  }
}

function ruleset(node: NodeName, addresses: readonly VirtualAddress[]): string {
  const tables = (['ipv4', 'ipv6'] as const).map(family => {
    const own = addresses.filter(({ address }) => address.includes(':') === (family === 'ipv6'))
    const table = family === 'ipv4' ? 'ip' : 'ip6'
    return `
add table ${table} lab
delete table ${table} lab
table ${table} lab {
  chain prerouting {
    type nat hook prerouting priority dstnat;
${own.flatMap(virtual => rules(node, virtual, table)).join('\n')}
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    meta mark & 0x4000 == 0x4000 masquerade
  }
}`
  })
  return tables.join('\n')
}

function rules(node: NodeName, { address, ports, endpoints, isLocal }: VirtualAddress, table: 'ip' | 'ip6'): string[] {
  const usable = isLocal ? endpoints.filter(endpoint => endpoint.node === node) : endpoints
  return ports.map(({ protocol, port, targetPort }) => {
    const match = `    ${table} daddr ${address} ${protocol} dport ${port}`
    if (usable.length === 0) return `${match} drop`
    const targets = usable.map((endpoint, i) => `${i} : ${endpoint.address}`).join(', ')
    const mark = isLocal ? '' : 'meta mark set meta mark | 0x4000 '
    const to =
      table === 'ip'
        ? `numgen random mod ${usable.length} map { ${targets} } : ${targetPort}`
        : `[numgen random mod ${usable.length} map { ${targets} }] : ${targetPort}`
    return `${match} ${mark}dnat to ${to.replace(/^\[(.*)\] : (\d+)$/, '$1 : $2')}`
  })
}

function virtualAddresses({ metadata, spec, status }: Service, slices: readonly EndpointSlice[]): VirtualAddress[] {
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => {
    if (ip === undefined) return []
    const family = ip.includes(':') ? 'IPv6' : 'IPv4'
    const own = slices.filter(
      slice => slice.addressType === family && slice.metadata.labels?.['kubernetes.io/service-name'] === metadata.name,
    )
    const endpoints = own
      .flatMap(slice => slice.endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready !== false)
    return [
      {
        address: ip,
        isLocal: spec?.externalTrafficPolicy === 'Local',
        ports: (spec?.ports ?? []).map(({ port, protocol, targetPort }) => ({
          protocol: protocol === 'UDP' ? 'udp' : 'tcp',
          port,
          targetPort: Number(targetPort),
        })),
        endpoints: endpoints.map(({ nodeName = '', addresses = [] }) => ({
          node: nodeName,
          address: addresses[0] ?? '',
        })),
      },
    ]
  })
}
