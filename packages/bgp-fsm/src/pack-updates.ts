import { ByteWriter, type Address, type Family, type Prefix } from '@metallb-ts/netip'
import type { PendingChanges } from './adj-rib-out.ts'
import type { Negotiated } from './negotiate.ts'
import { compareLarge, type RouteAttributes } from './route.ts'
import { encodeAttribute, type CodecContext, type PathAttribute } from './wire/attributes.ts'
import {
  AFI,
  AS_TRANS,
  HEADER_LENGTH,
  MAX_EXTENDED_LENGTH,
  MAX_MESSAGE_LENGTH,
  MESSAGE_TYPES,
  SAFI_UNICAST,
} from './wire/constants.ts'
import { encodePrefix, prefixOctets } from './wire/nlri.ts'

/** What the bytes of our UPDATEs to one peer depend on. */
export interface PackContext {
  /** AS number that stands in AS_PATH. */
  readonly asn: number
  readonly negotiated: Negotiated
  /** Our addresses on the way to the peer, by family; a family without one cannot be announced. */
  readonly nextHops: Readonly<Partial<Record<Family, readonly Address[]>>>
}

export interface Packed {
  readonly messages: readonly Uint8Array[]
  readonly withdrawn: readonly Prefix[]
  readonly announced: readonly Prefix[]
  /** Prefixes that could not be announced, for want of a next hop of their family. */
  readonly unreachable: readonly Prefix[]
}

/** The fewest UPDATEs that say it: withdrawals first, prefixes of equal attributes together, up to the agreed length. */
export function packUpdates({ withdrawn, announced }: PendingChanges, context: PackContext): Packed {
  const limit = context.negotiated.extendedMessages ? MAX_EXTENDED_LENGTH : MAX_MESSAGE_LENGTH
  const messages = [...packWithdrawals(withdrawn, limit, context)]
  const sent: Prefix[] = []
  const unreachable: Prefix[] = []
  for (const { family, attributes, prefixes } of announced) {
    const nextHops = attributes.nextHop === undefined ? nextHopsFor(family, context) : [attributes.nextHop]
    if (nextHops === undefined) {
      unreachable.push(...prefixes)
      continue
    }
    messages.push(...packGroup(family, attributes, nextHops, prefixes, limit, context))
    sent.push(...prefixes)
  }
  return { messages, withdrawn, announced: sent, unreachable }
}

/** RFC 4724 §2: an UPDATE that announces nothing says that this family has been told in full. */
export function endOfRib(family: Family): Uint8Array {
  if (family === 'ipv4') return message(MAX_MESSAGE_LENGTH, to => void to.u16(0).u16(0))
  return message(MAX_MESSAGE_LENGTH, to => {
    to.u16(0).u16(6).u8(0x80).u8(15).u8(3).u16(AFI.ipv6).u8(SAFI_UNICAST)
  })
}

const UPDATE_FIXED = HEADER_LENGTH + 4
const MP_HEADER = 4 // flags, code and an extended length
const MP_UNREACH_FIXED = MP_HEADER + 3

function* packWithdrawals(
  withdrawn: readonly Prefix[],
  limit: number,
  { negotiated }: PackContext,
): Generator<Uint8Array> {
  for (const chunk of chunks(withdrawn.filter(isIpv4), limit - UPDATE_FIXED)) {
    yield message(limit, to => {
      to.u16(chunk.octets)
      for (const prefix of chunk.prefixes) encodePrefix(prefix, to)
      to.u16(0)
    })
  }
  if (!negotiated.families.includes('ipv6')) return
  for (const chunk of chunks(
    withdrawn.filter(prefix => !isIpv4(prefix)),
    limit - UPDATE_FIXED - MP_UNREACH_FIXED,
  )) {
    yield message(limit, to => {
      to.u16(0).u16(chunk.octets + MP_UNREACH_FIXED)
      to.u8(0x90)
        .u8(15)
        .u16(chunk.octets + 3)
        .u16(AFI.ipv6)
        .u8(SAFI_UNICAST)
      for (const prefix of chunk.prefixes) encodePrefix(prefix, to)
    })
  }
}

function* packGroup(
  family: Family,
  attributes: RouteAttributes,
  nextHops: readonly Address[],
  prefixes: readonly Prefix[],
  limit: number,
  context: PackContext,
): Generator<Uint8Array> {
  const isClassic = family === 'ipv4' && nextHops[0]!.family === 'ipv4'
  const common = encodeAll(pathAttributes(attributes, isClassic ? nextHops[0]! : undefined, context), context)
  if (isClassic) {
    for (const chunk of chunks(prefixes, limit - UPDATE_FIXED - common.length)) {
      yield message(limit, to => {
        to.u16(0).u16(common.length).bytes(common)
        for (const prefix of chunk.prefixes) encodePrefix(prefix, to)
      })
    }
    return
  }
  const hopOctets = nextHops.reduce((sum, hop) => sum + (hop.family === 'ipv4' ? 4 : 16), 0)
  const fixed = MP_HEADER + 5 + hopOctets
  for (const chunk of chunks(prefixes, limit - UPDATE_FIXED - common.length - fixed)) {
    yield message(limit, to => {
      to.u16(0).u16(common.length + fixed + chunk.octets)
      // RFC 7606 §5.1: MP_REACH_NLRI stands first.
      to.u8(0x90)
        .u8(14)
        .u16(5 + hopOctets + chunk.octets)
        .u16(AFI[family])
        .u8(SAFI_UNICAST)
        .u8(hopOctets)
      for (const { value, family: hopFamily } of nextHops) {
        if (hopFamily === 'ipv4') to.u32(Number(value))
        else to.u64(value >> 64n).u64(value & 0xffff_ffff_ffff_ffffn)
      }
      to.u8(0)
      for (const prefix of chunk.prefixes) encodePrefix(prefix, to)
      to.bytes(common)
    })
  }
}

/** In the order of their codes, RFC 4271 §5. */
function pathAttributes(
  attributes: RouteAttributes,
  nextHop: Address | undefined,
  { asn, negotiated }: PackContext,
): PathAttribute[] {
  const { localPreference, med, communities = [], largeCommunities = [], prepend = 0 } = attributes
  const { internal, fourOctetAs } = negotiated
  const path = internal ? [] : new Array<number>(1 + prepend).fill(asn)
  const hidesAs = !fourOctetAs && asn > 0xffff && path.length > 0
  const segments = (asns: readonly number[]) => (asns.length === 0 ? [] : [{ type: 'sequence' as const, asns }])
  return [
    { kind: 'origin', value: 'igp' },
    { kind: 'as-path', segments: segments(hidesAs ? path.map(() => AS_TRANS) : path) },
    ...(nextHop === undefined ? [] : [{ kind: 'next-hop', address: nextHop } as const]),
    ...(med === undefined ? [] : [{ kind: 'med', value: med } as const]),
    ...(internal ? [{ kind: 'local-preference', value: localPreference ?? DEFAULT_LOCAL_PREFERENCE } as const] : []),
    ...(communities.length === 0
      ? []
      : [{ kind: 'communities', values: [...communities].sort((a, b) => a - b) } as const]),
    ...(hidesAs ? [{ kind: 'as4-path', segments: segments(path) } as const] : []),
    ...(largeCommunities.length === 0
      ? []
      : [{ kind: 'large-communities', values: [...largeCommunities].sort(compareLarge) } as const]),
  ]
}

const DEFAULT_LOCAL_PREFERENCE = 100

function encodeAll(attributes: readonly PathAttribute[], { negotiated }: PackContext): Uint8Array {
  const to = new ByteWriter()
  const codec: CodecContext = { fourOctetAs: negotiated.fourOctetAs, internal: negotiated.internal }
  for (const attribute of attributes) encodeAttribute(attribute, codec, to)
  return to.finish()
}

/** RFC 8950 §4: an IPv4 prefix may go by an IPv6 next hop when the peer said so. */
function nextHopsFor(family: Family, { nextHops, negotiated }: PackContext): readonly Address[] | undefined {
  const own = nextHops[family]
  if (own !== undefined && own.length > 0) return own
  return family === 'ipv4' && negotiated.extendedNextHop ? nextHops.ipv6 : undefined
}

function* chunks(
  prefixes: readonly Prefix[],
  room: number,
): Generator<{ prefixes: readonly Prefix[]; octets: number }> {
  let from = 0
  let octets = 0
  for (let i = 0; i < prefixes.length; i++) {
    const needed = prefixOctets(prefixes[i]!)
    if (octets + needed > room) {
      yield { prefixes: prefixes.slice(from, i), octets }
      from = i
      octets = 0
    }
    octets += needed
  }
  if (from < prefixes.length) yield { prefixes: prefixes.slice(from), octets }
}

function message(limit: number, body: (to: ByteWriter) => void): Uint8Array {
  const to = new ByteWriter({ limit, initial: 128 })
  to.u32(0xffff_ffff).u32(0xffff_ffff).u32(0xffff_ffff).u32(0xffff_ffff).u16(0).u8(MESSAGE_TYPES.update)
  body(to)
  return to.patchU16(16, to.length).finish()
}

function isIpv4({ address }: Prefix): boolean {
  return address.family === 'ipv4'
}
