import { ByteWriter, isLinkLocal, type Address, type Family } from '@metallb-ts/netip'
import type { PendingChanges, PendingReason, RibEntry, RouteGroup } from './adj-rib-out.ts'
import type { Negotiated } from './negotiate.ts'
import { sortedUnique, sortedUniqueLarge, WELL_KNOWN_COMMUNITIES, type RouteAttributes } from './route.ts'
import { hideLongAsns } from './wire/as4.ts'
import { encodeAttribute, type PathAttribute } from './wire/attributes.ts'
import { AFI, HEADER_LENGTH, MESSAGE_TYPES, SAFI_UNICAST } from './wire/constants.ts'
import { encodePrefix, prefixOctets, type NlriPrefix } from './wire/nlri.ts'

/** What the bytes of our UPDATEs to one peer depend on. */
export interface PackContext {
  /** AS number that stands in AS_PATH. */
  readonly asn: number
  readonly negotiated: Negotiated
  /** Our addresses on the way to the peer, by family: a global one, and a link-local one behind it or alone. */
  readonly nextHops: Readonly<Partial<Record<Family, readonly Address[]>>>
  /** Longest UPDATE to send, 23 to 65535. */
  readonly limit: number
}

/** One UPDATE, and what the peer knows or forgets by it. */
export interface PackedUpdate {
  readonly bytes: Uint8Array
  readonly withdrawn: readonly RibEntry[]
  readonly announced: readonly RibEntry[]
}

/** The fewest UPDATEs that say it: withdrawals first, prefixes of equal attributes together, up to the limit. */
export function* packUpdates({ withdrawn, announced }: PendingChanges, context: PackContext): Generator<PackedUpdate> {
  for (const family of ['ipv4', 'ipv6'] as const) {
    const own = withdrawn.filter(({ prefix }) => prefix.address.family === family)
    if (own.length > 0) yield* packWithdrawals(family, own, context)
  }
  for (const group of announced) yield* packGroup(group, context)
}

/** Why this route cannot be told on this session; undefined when it can. */
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
  const room = context.limit - UPDATE_FIXED - MP_REACH_MOST - LONGEST_PREFIX
  return commonOctets(family, attributes, hops, context).length > room ? 'attributes-too-long' : undefined
}

/** RFC 4724 §2: an UPDATE that announces nothing says that this family has been told in full. */
export function endOfRib(family: Family): Uint8Array {
  return message(64, to => {
    if (family === 'ipv4') to.u16(0).u16(0)
    else to.u16(0).u16(6).u8(OPTIONAL).u8(MP_UNREACH).u8(3).u16(AFI.ipv6).u8(SAFI_UNICAST)
  })
}

const UPDATE_FIXED = HEADER_LENGTH + 4
const OPTIONAL = 0x80
const EXTENDED_LENGTH = 0x10
const MP_REACH = 14
const MP_UNREACH = 15
const MP_REACH_MOST = 4 + 5 + 32
const LONGEST_PREFIX = 4 + 17
const DEFAULT_LOCAL_PREFERENCE = 100
const MOST_PREPENDED = 10

function* packWithdrawals(
  family: Family,
  entries: readonly RibEntry[],
  { limit, negotiated }: PackContext,
): Generator<PackedUpdate> {
  const isClassic = family === 'ipv4' && !negotiated.extendedNextHop
  const fixed = isClassic ? 0 : 4 + 3
  for (const { part, nlri, octets } of chunks(entries, negotiated, limit - UPDATE_FIXED - fixed)) {
    const bytes = message(limit, to => {
      to.u16(isClassic ? octets : 0)
      if (!isClassic) {
        to.u16(octets + fixed)
        attributeHead(to, MP_UNREACH, octets + 3)
        to.u16(AFI[family]).u8(SAFI_UNICAST)
      }
      for (const prefix of nlri) encodePrefix(prefix, to)
      if (isClassic) to.u16(0)
    })
    yield { bytes, withdrawn: part, announced: [] }
  }
}

function* packGroup({ family, attributes, entries }: RouteGroup, context: PackContext): Generator<PackedUpdate> {
  const { limit, negotiated } = context
  const hops = nextHopsOf(family, attributes, context)
  if (hops === undefined) return
  const common = commonOctets(family, attributes, hops, context)
  const isClassic = isClassicHop(family, hops)
  const hopOctets = hops.reduce((sum, hop) => sum + (hop.family === 'ipv4' ? 4 : 16), 0)
  const fixed = isClassic ? 0 : 4 + 5 + hopOctets
  for (const { part, nlri, octets } of chunks(entries, negotiated, limit - UPDATE_FIXED - common.length - fixed)) {
    const bytes = message(limit, to => {
      to.u16(0).u16(common.length + (isClassic ? 0 : fixed + octets))
      if (!isClassic) {
        // RFC 7606 §5.1: MP_REACH_NLRI stands first.
        attributeHead(to, MP_REACH, 5 + hopOctets + octets)
        to.u16(AFI[family]).u8(SAFI_UNICAST).u8(hopOctets)
        for (const hop of hops) writeAddress(hop, to)
        to.u8(0)
        for (const prefix of nlri) encodePrefix(prefix, to)
      }
      to.bytes(common)
      if (isClassic) for (const prefix of nlri) encodePrefix(prefix, to)
    })
    yield { bytes, withdrawn: [], announced: part }
  }
}

/** Always four octets of head, so that what fits does not depend on what is in it. */
function attributeHead(to: ByteWriter, code: number, length: number): void {
  to.u8(OPTIONAL | EXTENDED_LENGTH)
    .u8(code)
    .u16(length)
}

function writeAddress({ family, value }: Address, to: ByteWriter): void {
  if (family === 'ipv4') to.u32(Number(value))
  else to.u64(value >> 64n).u64(value & 0xffff_ffff_ffff_ffffn)
}

/** RFC 8950 §4: an IPv4 prefix goes by an IPv6 next hop where that was agreed on and we have no other. */
function nextHopsOf(
  family: Family,
  { nextHop = 'self' }: RouteAttributes,
  { nextHops, negotiated }: PackContext,
): readonly Address[] | undefined {
  const own = nextHop === 'self' ? nextHops[family] : [nextHop]
  if (own !== undefined && own.length > 0)
    return own[0]!.family === 'ipv4' && family === 'ipv6' ? undefined : usable(family, own, negotiated)
  return family === 'ipv4' && negotiated.extendedNextHop ? nextHops.ipv6 : undefined
}

function usable(
  family: Family,
  hops: readonly Address[],
  { extendedNextHop }: Negotiated,
): readonly Address[] | undefined {
  const needsAgreement = family === 'ipv4' && hops[0]!.family === 'ipv6'
  return needsAgreement && !extendedNextHop ? undefined : hops
}

function isClassicHop(family: Family, hops: readonly Address[]): boolean {
  return family === 'ipv4' && hops[0]!.family === 'ipv4'
}

/** Every attribute but MP_REACH_NLRI, in the order of their codes (RFC 4271 §5). */
function commonOctets(
  family: Family,
  attributes: RouteAttributes,
  hops: readonly Address[],
  context: PackContext,
): Uint8Array {
  const { negotiated } = context
  const to = new ByteWriter()
  const list = pathAttributes(attributes, isClassicHop(family, hops) ? hops[0] : undefined, context)
  for (const attribute of list) encodeAttribute(attribute, negotiated, to)
  return to.finish()
}

function pathAttributes(
  attributes: RouteAttributes,
  nextHop: Address | undefined,
  { asn, negotiated }: PackContext,
): PathAttribute[] {
  const { origin = 'igp', localPreference = DEFAULT_LOCAL_PREFERENCE, med, asPathPrepend = 0 } = attributes
  const { communities = [], largeCommunities = [], extendedCommunities = [] } = attributes
  const { internal, fourOctetAs } = negotiated
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

interface Chunk {
  readonly part: readonly RibEntry[]
  readonly nlri: readonly NlriPrefix[]
  readonly octets: number
}

function* chunks(entries: readonly RibEntry[], { addPath }: Negotiated, room: number): Generator<Chunk> {
  const hasIds = addPath.includes(entries[0]!.prefix.address.family)
  let part: RibEntry[] = []
  let nlri: NlriPrefix[] = []
  let octets = 0
  for (const entry of entries) {
    const prefix = hasIds ? { ...entry.prefix, pathId: entry.pathId ?? 0 } : entry.prefix
    const needed = prefixOctets(prefix)
    if (octets + needed > room) {
      yield { part, nlri, octets }
      part = []
      nlri = []
      octets = 0
    }
    part.push(entry)
    nlri.push(prefix)
    octets += needed
  }
  yield { part, nlri, octets }
}

function message(limit: number, body: (to: ByteWriter) => void): Uint8Array {
  const to = new ByteWriter({ limit, initial: 256 })
  to.u32(0xffff_ffff).u32(0xffff_ffff).u32(0xffff_ffff).u32(0xffff_ffff).u16(0).u8(MESSAGE_TYPES.update)
  body(to)
  return to.patchU16(16, to.length).finish()
}

/** A global address first, a link-local one behind it or alone (RFC 2545 §3). */
export function ipv6Hops(addresses: readonly Address[]): readonly Address[] {
  const global = addresses.find(one => !isLinkLocal(one))
  const local = addresses.find(isLinkLocal)
  return [global, local].filter(one => one !== undefined)
}
