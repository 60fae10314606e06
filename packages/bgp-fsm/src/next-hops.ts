import { isLinkLocal, type Address, type Family } from '@metallb-ts/netip'
import type { PackContext } from './pack-context.ts'
import type { RouteAttributes } from './route.ts'

/** Where the peer sends what it sends to this route; undefined when there is nothing to say on this session. */
export function nextHopsOf(
  family: Family,
  { nextHop = 'self' }: RouteAttributes,
  { nextHops, negotiated: { extendedNextHop } }: PackContext,
): readonly Address[] | undefined {
  const own = nextHop === 'self' ? nextHops[family] : [nextHop]
  // RFC 8950 §4: an IPv4 prefix goes by an IPv6 next hop where that was agreed on and we have no other.
  if (own === undefined || own.length === 0) return family === 'ipv4' && extendedNextHop ? nextHops.ipv6 : undefined
  if (own[0]!.family === family) return own
  return family === 'ipv4' && extendedNextHop ? own : undefined
}

/** It stands in NEXT_HOP, and the prefixes at the end of the UPDATE (RFC 4271 §4.3); else all is in MP_REACH_NLRI. */
export function isClassicHop(family: Family, hops: readonly Address[]): boolean {
  return family === 'ipv4' && hops[0]!.family === 'ipv4'
}

/** A global address first, a link-local one behind it or alone (RFC 2545 §3). */
export function ipv6Hops(addresses: readonly Address[]): readonly Address[] {
  const global = addresses.find(one => !isLinkLocal(one))
  const local = addresses.find(isLinkLocal)
  return [global, local].filter(one => one !== undefined)
}
