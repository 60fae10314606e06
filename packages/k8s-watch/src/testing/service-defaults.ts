import type { StoredObject } from './object-store.ts'

/** Gives a Service what the API server gives it: cluster addresses by its families, node ports, the usual defaults. */
export class ServiceDefaults {
  #next = 1
  #nextNodePort = 30_000

  apply(service: StoredObject): StoredObject {
    const spec = (service['spec'] ?? {}) as Record<string, unknown>
    if (spec['type'] === 'ExternalName') return service
    const families = this.#families(spec)
    const clusterIPs = (spec['clusterIPs'] as string[] | undefined) ?? families.map(family => this.#clusterIp(family))
    const type = (spec['type'] as string | undefined) ?? 'ClusterIP'
    const isExternal = type === 'LoadBalancer' || type === 'NodePort'
    return {
      ...service,
      spec: {
        sessionAffinity: 'None',
        internalTrafficPolicy: 'Cluster',
        ...(isExternal && { externalTrafficPolicy: 'Cluster' }),
        ...(type === 'LoadBalancer' && { allocateLoadBalancerNodePorts: true }),
        ...spec,
        type,
        ipFamilies: families,
        ipFamilyPolicy: spec['ipFamilyPolicy'] ?? 'SingleStack',
        clusterIPs,
        clusterIP: clusterIPs[0],
        ports: ((spec['ports'] as Record<string, unknown>[] | undefined) ?? []).map(port => ({
          protocol: 'TCP',
          targetPort: port['port'],
          ...(isExternal && { nodePort: this.#nextNodePort++ }),
          ...port,
        })),
      },
      status: service['status'] ?? { loadBalancer: {} },
    }
  }

  #families(spec: Record<string, unknown>): string[] {
    const given = (spec['ipFamilies'] as string[] | undefined) ?? []
    const wantsTwo = spec['ipFamilyPolicy'] === 'RequireDualStack' || spec['ipFamilyPolicy'] === 'PreferDualStack'
    const first = given[0] ?? 'IPv4'
    return wantsTwo ? [first, given[1] ?? (first === 'IPv4' ? 'IPv6' : 'IPv4')] : [first]
  }

  #clusterIp(family: string): string {
    const n = ++this.#next
    return family === 'IPv6' ? `fd10:96::${n.toString(16)}` : `10.96.${(n >> 8) & 255}.${n & 255}`
  }
}

/** Without what the server chose where its sender left the choice: nobody owns that. */
export function withoutChoices(service: StoredObject, sent: StoredObject): StoredObject {
  const spec = service['spec'] as Record<string, unknown> | undefined
  if (spec === undefined) return service
  const asked = (sent['spec'] ?? {}) as Record<string, unknown>
  const kept = Object.entries(spec).filter(([field]) => !CHOSEN.has(field) || asked[field] !== undefined)
  const askedPorts = (asked['ports'] ?? []) as readonly Record<string, unknown>[]
  const ports = ((spec['ports'] ?? []) as readonly Record<string, unknown>[]).map(({ nodePort, ...port }, i) =>
    askedPorts[i]?.['nodePort'] === undefined ? port : { ...port, nodePort },
  )
  return { ...service, spec: { ...Object.fromEntries(kept), ports } }
}

const CHOSEN: ReadonlySet<string> = new Set(['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy'])

/** The API server's own default for an address that some load balancer wrote. */
export function defaultIpMode(service: StoredObject): StoredObject {
  const status = service['status'] as { loadBalancer?: { ingress?: { ip?: string; ipMode?: string }[] } } | undefined
  const ingress = status?.loadBalancer?.ingress
  if (ingress === undefined) return service
  const filled = ingress.map(entry =>
    entry.ip === undefined || entry.ipMode !== undefined ? entry : { ...entry, ipMode: 'VIP' },
  )
  return { ...service, status: { ...status, loadBalancer: { ...status?.loadBalancer, ingress: filled } } }
}
