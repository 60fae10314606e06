import {
  equalAddresses,
  formatPrefix,
  isLoopback,
  isMulticast,
  isUnspecified,
  type Address,
  type Family,
  type Prefix,
} from '@metallb-ts/netip'
import { mergeAs4 } from './wire/as4.ts'
import { passOn, type PathAttribute } from './wire/attributes.ts'
import type { NlriPrefix } from './wire/nlri.ts'
import { gravest, type Update } from './wire/update.ts'

/** What stands behind one received UPDATE once every rule was applied. */
export interface ReceivedRoutes {
  readonly announced: readonly NlriPrefix[]
  readonly withdrawn: readonly NlriPrefix[]
  /** Routes that are no error and still not for us, with the reason; they replace what was announced before. */
  readonly rejected: readonly { readonly prefix: NlriPrefix; readonly reason: RejectReason }[]
  readonly attributes: readonly PathAttribute[]
  /** As it came; empty for routes that were withdrawn. */
  readonly nextHops: readonly Address[]
}

/** Why a received route is not for us, though nothing is wrong with it. */
export type RejectReason = 'as-loop' | 'own-originator' | 'unusable-next-hop' | 'unusable-prefix' | 'leak'

export interface ReceiveContext {
  readonly localAsn: number
  readonly routerId: number
  readonly families: readonly Family[]
  readonly fourOctetAs: boolean
  readonly peerAsn: number
  /** Our address on this session: a next hop that leads back to us is none. */
  readonly localAddress: Address
  /** How often our AS may stand in a path. @default 0 */
  readonly allowOwnAs?: number
  /** The peer's role beside ours (RFC 9234). @default none */
  readonly peerRole?: 'provider' | 'route-server' | 'route-server-client' | 'customer' | 'peer'
}

/** RFC 7606 §2 and RFC 4271 §9.1.2, for one UPDATE: what it announces, what it takes back, and what is not for us. */
export function receivedRoutes(update: Update, context: ReceiveContext): ReceivedRoutes {
  const attributes = context.fourOctetAs ? update.attributes : mergeAs4(update.attributes)
  const reach = find(attributes, 'mp-reach')
  const unreach = find(attributes, 'mp-unreach')
  const isOurs = (family: Family): boolean => context.families.includes(family)
  const announced = [
    ...(isOurs('ipv4') ? update.announced : []),
    ...(reach !== undefined && isOurs(reach.family) ? reach.prefixes : []),
  ]
  const told = new Set(announced.map(keyOf))
  // RFC 4271 §4.3: a prefix in both fields is announced.
  const withdrawn = [
    ...(isOurs('ipv4') ? update.withdrawn : []),
    ...(unreach !== undefined && isOurs(unreach.family) ? unreach.prefixes : []),
  ].filter(prefix => !told.has(keyOf(prefix)))
  if (gravest(update.issues) === 'treat-as-withdraw')
    return { announced: [], withdrawn: [...withdrawn, ...announced], rejected: [], attributes: [], nextHops: [] }

  const nextHop = find(attributes, 'next-hop')?.address
  const nextHops = reach?.nextHops ?? (nextHop === undefined ? [] : [nextHop])
  const reason = rejectReason(attributes, nextHops, context)
  const silly = announced.filter(isUnusable)
  return {
    announced: reason === undefined ? announced.filter(prefix => !isUnusable(prefix)) : [],
    withdrawn,
    rejected: [
      ...(reason === undefined
        ? []
        : announced.filter(prefix => !isUnusable(prefix)).map(prefix => ({ prefix, reason }))),
      ...silly.map(prefix => ({ prefix, reason: 'unusable-prefix' as const })),
    ],
    attributes: passOn(attributes.filter(({ kind }) => kind !== 'mp-reach' && kind !== 'mp-unreach')),
    nextHops,
  }
}

/** One text per route: prefix, and path identifier where there is one. */
export function keyOf(prefix: NlriPrefix): string {
  return prefix.pathId === undefined ? formatPrefix(prefix) : `${formatPrefix(prefix)}#${prefix.pathId}`
}

function rejectReason(
  attributes: readonly PathAttribute[],
  nextHops: readonly Address[],
  context: ReceiveContext,
): RejectReason | undefined {
  const path = find(attributes, 'as-path')?.segments.flatMap(({ asns }) => asns) ?? []
  if (path.filter(asn => asn === context.localAsn).length > (context.allowOwnAs ?? 0)) return 'as-loop'
  if (find(attributes, 'originator-id')?.id === context.routerId) return 'own-originator' // RFC 4456 §8
  const isUsable = (hop: Address): boolean =>
    !isLoopback(hop) && !isMulticast(hop) && !equalAddresses(hop, context.localAddress) && !isUnspecified(hop)
  if (nextHops.length > 0 && !nextHops.some(isUsable)) return 'unusable-next-hop'
  return isLeak(attributes, context) ? 'leak' : undefined
}

/** RFC 9234 §5: a route that was sent down once must not come up again. */
function isLeak(attributes: readonly PathAttribute[], { peerRole, peerAsn }: ReceiveContext): boolean {
  const otc = find(attributes, 'only-to-customer')?.asn
  if (otc === undefined || peerRole === undefined) return false
  if (peerRole === 'customer' || peerRole === 'route-server-client') return true
  return peerRole === 'peer' && otc !== peerAsn
}

/** Multicast, class E, loopback, and what lies in 0/8 below the default route. */
function isUnusable({ address, length }: Prefix): boolean {
  if (address.family === 'ipv6') return length >= 8 && isMulticast(address)
  const first = Number(address.value >> 24n)
  return length >= 4 ? first >= 224 || (length >= 8 && (first === 127 || first === 0)) : false
}

function find<Kind extends PathAttribute['kind']>(
  attributes: readonly PathAttribute[],
  kind: Kind,
): Extract<PathAttribute, { kind: Kind }> | undefined {
  return attributes.find((one): one is Extract<PathAttribute, { kind: Kind }> => one.kind === kind)
}
