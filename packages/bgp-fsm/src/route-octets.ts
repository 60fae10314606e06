import { ByteWriter, formatAddress, type Address, type Family } from '@metallb-ts/netip'
import type { PendingReason, RibEntry } from './adj-rib-out.ts'
import { isClassicHop, nextHopsOf } from './next-hops.ts'
import type { PackContext } from './pack-context.ts'
import { sortedUnique, sortedUniqueLarge, WELL_KNOWN_COMMUNITIES, type RouteAttributes } from './route.ts'
import { hideLongAsns } from './wire/as4.ts'
import { encodeAttribute, type PathAttribute } from './wire/attributes.ts'

/** What an UPDATE says of its routes but MP_REACH_NLRI, in the order of the attributes' codes (RFC 4271 §5). */
export function attributeOctets(
  family: Family,
  attributes: RouteAttributes,
  hops: readonly Address[],
  context: PackContext,
): Uint8Array {
  const known = KNOWN.get(attributes) ?? new Map<string, Uint8Array>()
  KNOWN.set(attributes, known)
  const key = `${family} ${textOf(hops)} ${context.asn} ${context.negotiated.internal} ${context.negotiated.fourOctetAs}`
  const before = known.get(key)
  if (before !== undefined) return before
  if (known.size >= MOST_KNOWN) known.clear()
  const to = new ByteWriter()
  const list = pathAttributes(attributes, isClassicHop(family, hops) ? hops[0] : undefined, context)
  for (const attribute of list) encodeAttribute(attribute, context.negotiated, to)
  const octets = to.finish()
  known.set(key, octets)
  return octets
}

/** Why this route cannot be told on this session; undefined when it can. Equal for routes that say the same. */
export function heldBack({ prefix, attributes, pathId }: RibEntry, context: PackContext): PendingReason | undefined {
  const { family } = prefix.address
  const { families, addPath, longLived } = context.negotiated
  if (!families.includes(family)) return 'family-not-negotiated'
  if (pathId !== undefined && !addPath.includes(family)) return 'no-add-path'
  // RFC 9494 §4.3: who does not know the mark would take a last resort for a route like others.
  const isLastResort = attributes.communities?.includes(WELL_KNOWN_COMMUNITIES['llgr-stale']) === true
  if (isLastResort && !longLived) return 'no-long-lived-restart'
  const hops = nextHopsOf(family, attributes, context)
  if (hops === undefined) return 'no-next-hop'
  const { length } = attributeOctets(family, attributes, hops, context)
  return length > context.limit - MOST_OTHER_OCTETS ? 'attributes-too-long' : undefined
}

/** A session's own next hops are always the same. */
function textOf(hops: readonly Address[]): string {
  const known = TEXTS.get(hops)
  if (known !== undefined) return known
  const text = hops.map(formatAddress).join()
  TEXTS.set(hops, text)
  return text
}

const TEXTS = new WeakMap<readonly Address[], string>()
/** Peers of one kind are told the same of the same attributes. */
const KNOWN = new WeakMap<RouteAttributes, Map<string, Uint8Array>>()
const MOST_KNOWN = 8
/** Header and lengths, MP_REACH_NLRI with two IPv6 next hops, a path identifier and the longest prefix. */
const MOST_OTHER_OCTETS = 19 + 4 + (4 + 5 + 32) + (4 + 17)
const DEFAULT_LOCAL_PREFERENCE = 100
const MOST_PREPENDED = 10

function pathAttributes(
  attributes: RouteAttributes,
  nextHop: Address | undefined,
  { asn, negotiated: { internal, fourOctetAs } }: PackContext,
): PathAttribute[] {
  const { origin = 'igp', localPreference = DEFAULT_LOCAL_PREFERENCE, med, asPathPrepend = 0 } = attributes
  const { communities = [], largeCommunities = [], extendedCommunities = [] } = attributes
  // RFC 4271 §5.1.2: our own AS in front, on external sessions only.
  const asns = internal ? [] : new Array<number>(1 + Math.min(asPathPrepend, MOST_PREPENDED)).fill(asn)
  const segments = asns.length === 0 ? [] : [{ type: 'sequence' as const, asns }]
  const { path, as4Path } = fourOctetAs ? { path: segments, as4Path: undefined } : hideLongAsns(segments)
  const list: (PathAttribute | undefined)[] = [
    { kind: 'origin', value: origin },
    { kind: 'as-path', segments: path },
    nextHop && { kind: 'next-hop', address: nextHop },
    med === undefined ? undefined : { kind: 'med', value: med },
    internal ? { kind: 'local-preference', value: localPreference } : undefined,
    communities.length === 0 ? undefined : { kind: 'communities', values: sortedUnique(communities) },
    extendedCommunities.length === 0
      ? undefined
      : { kind: 'extended-communities', values: sortedUnique(extendedCommunities) },
    as4Path && { kind: 'as4-path', segments: as4Path },
    largeCommunities.length === 0
      ? undefined
      : { kind: 'large-communities', values: sortedUniqueLarge(largeCommunities) },
  ]
  return list.filter(one => one !== undefined)
}
