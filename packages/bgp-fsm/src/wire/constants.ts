import type { Family } from '@metallb-ts/netip'

/** RFC 4271 §4.1 */
export const HEADER_LENGTH = 19
/** RFC 4271 §4: the longest message unless both sides offer RFC 8654. */
export const MAX_MESSAGE_LENGTH = 4_096
/** RFC 8654 §3 */
export const MAX_EXTENDED_LENGTH = 65_535
/** RFC 6793 §9: stands in two octets for an AS number that needs four. */
export const AS_TRANS = 23_456

/** RFC 4271 §4.1, RFC 2918 §3. */
export const MESSAGE_TYPES = { open: 1, update: 2, notification: 3, keepalive: 4, 'route-refresh': 5 } as const

/** Address families that this speaker carries, SAFI unicast. */
export const AFI = { ipv4: 1, ipv6: 2 } as const
/** Subsequent address family: unicast (RFC 4760 §6). */
export const SAFI_UNICAST = 1

/** The family that AFI and SAFI name; undefined for one that we do not carry. */
export function familyOf(afi: number, safi: number): Family | undefined {
  if (safi !== SAFI_UNICAST) return undefined
  return afi === AFI.ipv4 ? 'ipv4' : afi === AFI.ipv6 ? 'ipv6' : undefined
}
