/** The plan of one laboratory. Every lab has the same addresses, since none can be reached from outside its namespaces. */
export const LAN = {
  ipv4: (host: number): string => `10.77.0.${host}`,
  ipv6: (host: number): string => `fd77::${host.toString(16)}`,
  ipv4Length: 24,
  ipv6Length: 64,
} as const

export const HOSTS = { control: 100, client: 50, frr: 251, bird: 252 } as const

export const NODES = ['n1', 'n2', 'n3'] as const

export type NodeName = (typeof NODES)[number]

export function nodeHost(node: NodeName): number {
  return NODES.indexOf(node) + 1
}

/** The pod of a node lives in a network of its own. */
export function podAddress(node: NodeName): { readonly ipv4: string; readonly ipv6: string } {
  return { ipv4: `10.244.${nodeHost(node)}.2`, ipv6: `fd44:${nodeHost(node)}::2` }
}

export function podGateway(node: NodeName): { readonly ipv4: string; readonly ipv6: string } {
  return { ipv4: `10.244.${nodeHost(node)}.1`, ipv6: `fd44:${nodeHost(node)}::1` }
}

/** Clients behind the routers. */
export const FAR = {
  frr: {
    router: { ipv4: '10.78.1.1', ipv6: 'fd78:1::1' },
    client: { ipv4: '10.78.1.2', ipv6: 'fd78:1::2' },
    ipv4: '10.78.1.0/24',
    ipv6: 'fd78:1::/64',
  },
  bird: {
    router: { ipv4: '10.78.2.1', ipv6: 'fd78:2::1' },
    client: { ipv4: '10.78.2.2', ipv6: 'fd78:2::2' },
    ipv4: '10.78.2.0/24',
    ipv6: 'fd78:2::/64',
  },
} as const

export const NODE_ASN = 64_512
export const FRR_ASN = 64_513
export const BIRD_ASN = 64_514
/** A router that is two hops from the nodes. */
export const FAR_BIRD_ASN = 64_515
