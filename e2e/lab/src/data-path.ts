import { spawnSync } from 'node:child_process'
import { NODES, type NodeName } from './addresses.ts'
import type { Namespaces } from './topology.ts'

/** One address of a Service, and the pods behind it. */
export interface VirtualAddress {
  readonly address: string
  readonly ports: readonly { readonly protocol: 'tcp' | 'udp'; readonly port: number; readonly targetPort: number }[]
  readonly endpoints: readonly { readonly node: string; readonly address: string }[]
  /** Only endpoints of the node itself, and the client's address kept. */
  readonly isLocal: boolean
}

/** What kube-proxy does, for labs without it: on every node, traffic to an address goes to one of its pods. */
export function writeDataPath(spaces: Namespaces, addresses: readonly VirtualAddress[]): void {
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
