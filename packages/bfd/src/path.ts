import { equalAddresses, formatAddress, isLinkLocal, type Address } from '@metallb-ts/netip'

/** What a session watches: the way between two addresses. IPv4 and IPv6 between the same systems are two paths. */
export type BfdPath = SingleHopPath | MultihopPath

/** The peer is on a link of ours (RFC 5881). */
export interface SingleHopPath {
  readonly kind: 'single-hop'
  readonly remote: Address
  /** Needed for a link-local address. @default whichever the peer is behind */
  readonly interface?: string
  /** Sent from. @default the system's choice */
  readonly local?: Address
  readonly vrf?: string
}

/** Routers are between (RFC 5883). */
export interface MultihopPath {
  readonly kind: 'multihop'
  readonly remote: Address
  /** Both ends know a session by both addresses. */
  readonly local: Address
  readonly vrf?: string
}

export type PathKind = BfdPath['kind']

/** `192.0.2.1`, `fe80::1%eth0`, `198.51.100.1 from 192.0.2.10 in red`: the same for everybody who means the same path. */
export type SessionKey = string

export function pathKey(path: BfdPath): SessionKey {
  const zone = path.kind === 'single-hop' && path.interface !== undefined ? `%${path.interface}` : ''
  const from = path.local === undefined ? '' : ` from ${formatAddress(path.local)}`
  const vrf = path.vrf === undefined ? '' : ` in ${path.vrf}`
  const hops = path.kind === 'multihop' ? ' multihop' : ''
  return `${formatAddress(path.remote)}${zone}${from}${vrf}${hops}`
}

/** Why there can be no such path; undefined when there can. */
export function pathProblem(path: BfdPath): string | undefined {
  const { remote, local } = path
  if (local !== undefined && local.family !== remote.family) return 'both ends of a path are of one family'
  if (local !== undefined && equalAddresses(local, remote)) return 'a path has two ends'
  if (remote.family !== 'ipv6' || !isLinkLocal(remote)) return undefined
  if (path.kind === 'multihop') return 'no router passes link-local packets on'
  return path.interface === undefined ? 'a link-local address needs its interface' : undefined
}
