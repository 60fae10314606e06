import {
  addressBytes,
  addressFromBytes,
  ByteReader,
  ByteWriter,
  ShortReadError,
  type Address,
  type Prefix,
} from '@metallb-ts/netip'
import type { LargeCommunity } from '../route.ts'
import { AFI, SAFI_UNICAST } from './constants.ts'
import { decodePrefixes, encodePrefix } from './nlri.ts'

/** What a path attribute says (RFC 4271 §4.3 and the documents named in the rows below). */
export type PathAttribute =
  | { readonly kind: 'origin'; readonly value: 'igp' | 'egp' | 'incomplete' }
  | { readonly kind: 'as-path'; readonly segments: readonly AsSegment[] }
  | { readonly kind: 'next-hop'; readonly address: Address }
  | { readonly kind: 'med'; readonly value: number }
  | { readonly kind: 'local-preference'; readonly value: number }
  | { readonly kind: 'atomic-aggregate' }
  | { readonly kind: 'aggregator'; readonly asn: number; readonly address: Address }
  | { readonly kind: 'communities'; readonly values: readonly number[] }
  | { readonly kind: 'originator-id'; readonly id: number }
  | { readonly kind: 'cluster-list'; readonly ids: readonly number[] }
  | {
      readonly kind: 'mp-reach'
      readonly afi: number
      readonly safi: number
      readonly nextHops: readonly Address[]
      readonly prefixes: readonly Prefix[]
    }
  | { readonly kind: 'mp-unreach'; readonly afi: number; readonly safi: number; readonly prefixes: readonly Prefix[] }
  | { readonly kind: 'extended-communities'; readonly values: readonly bigint[] }
  | { readonly kind: 'as4-path'; readonly segments: readonly AsSegment[] }
  | { readonly kind: 'as4-aggregator'; readonly asn: number; readonly address: Address }
  | { readonly kind: 'large-communities'; readonly values: readonly LargeCommunity[] }
  | { readonly kind: 'unknown'; readonly code: number; readonly flags: number; readonly value: Uint8Array }

export interface AsSegment {
  readonly type: 'set' | 'sequence' | 'confed-sequence' | 'confed-set'
  readonly asns: readonly number[]
}

/** What RFC 7606 asks for when an attribute is malformed. */
export type Penalty = 'attribute-discard' | 'treat-as-withdraw' | 'session-reset'

export interface UpdateIssue {
  readonly attribute: number
  readonly penalty: Penalty
  readonly reason: 'bad-flags' | 'bad-length' | 'bad-value' | 'duplicate' | 'missing' | 'not-from-outside'
}

/** What both sides agreed on, as far as bytes depend on it. */
export interface CodecContext {
  /** AS numbers in AS_PATH have four octets (RFC 6793). */
  readonly fourOctetAs: boolean
  /** The session is internal; some attributes are only valid there. */
  readonly internal: boolean
}

export function encodeAttribute(attribute: PathAttribute, context: CodecContext, to: ByteWriter): void {
  if (attribute.kind === 'unknown') return writeAttribute(attribute.code, attribute.flags, attribute.value, to)
  const row = ROWS[attribute.kind]
  const value = new ByteWriter()
  ;(row.encode as (attribute: PathAttribute, to: ByteWriter, context: CodecContext) => void)(attribute, value, context)
  writeAttribute(row.code, row.flags, value.finish(), to)
}

export type AttributeReading =
  { readonly ok: true; readonly attribute: PathAttribute } | { readonly ok: false; readonly issue: UpdateIssue }

/** One attribute from its code, flags and value. Never throws, whatever the bytes. */
export function decodeAttribute(
  code: number,
  flags: number,
  value: Uint8Array,
  context: CodecContext,
): AttributeReading {
  const row = BY_CODE.get(code)
  if (row === undefined) {
    // RFC 4271 §6.3: a well-known attribute that we do not know cannot be ignored.
    if ((flags & OPTIONAL) === 0) return issue(code, 'session-reset', 'bad-value')
    return { ok: true, attribute: { kind: 'unknown', code, flags: flags & ~EXTENDED, value: value.slice() } }
  }
  if (((flags ^ row.flags) & (OPTIONAL | TRANSITIVE)) !== 0) return issue(code, penaltyFor(row, context), 'bad-flags')
  try {
    const attribute = row.decode(value, context)
    if (attribute === undefined) return issue(code, penaltyFor(row, context), 'bad-value')
    if (attribute === 'not-from-outside') return issue(code, 'attribute-discard', 'not-from-outside')
    return { ok: true, attribute }
  } catch (error) {
    if (error instanceof ShortReadError) return issue(code, penaltyFor(row, context), 'bad-length')
    throw error
  }
}

export const ATTRIBUTE_CODES = { origin: 1, asPath: 2, nextHop: 3, mpReach: 14, mpUnreach: 15 } as const

type Known = Exclude<PathAttribute, { kind: 'unknown' }>

interface Row<Kind extends Known['kind']> {
  readonly code: number
  readonly flags: number
  /** RFC 7606 §7 */
  readonly penalty: Penalty
  readonly encode: (attribute: Extract<Known, { kind: Kind }>, to: ByteWriter, context: CodecContext) => void
  readonly decode: (
    value: Uint8Array,
    context: CodecContext,
  ) => Extract<Known, { kind: Kind }> | 'not-from-outside' | undefined
}

const OPTIONAL = 0x80
const TRANSITIVE = 0x40
const EXTENDED = 0x10
const WELL_KNOWN = TRANSITIVE
const OPTIONAL_TRANSITIVE = OPTIONAL | TRANSITIVE

const ORIGINS = ['igp', 'egp', 'incomplete'] as const
const SEGMENTS = { set: 1, sequence: 2, 'confed-sequence': 3, 'confed-set': 4 } as const

/** One row per number: code, flags, penalty and both directions. An attribute without a row does not compile. */
const ROWS: { readonly [Kind in Known['kind']]: Row<Kind> } = {
  origin: {
    code: 1, // RFC 4271 §5.1.1
    flags: WELL_KNOWN,
    penalty: 'treat-as-withdraw',
    encode: ({ value }, to) => void to.u8(ORIGINS.indexOf(value)),
    decode: value => {
      const origin = value.length === 1 ? ORIGINS[value[0]!] : undefined
      return origin === undefined ? undefined : { kind: 'origin', value: origin }
    },
  },
  'as-path': {
    code: 2, // RFC 4271 §5.1.2
    flags: WELL_KNOWN,
    penalty: 'treat-as-withdraw',
    encode: ({ segments }, to, { fourOctetAs }) => encodeSegments(segments, fourOctetAs, to),
    decode: (value, { fourOctetAs }) => asPath('as-path', decodeSegments(value, fourOctetAs)),
  },
  'next-hop': {
    code: 3, // RFC 4271 §5.1.3
    flags: WELL_KNOWN,
    penalty: 'treat-as-withdraw',
    encode: ({ address }, to) => void to.bytes(addressBytes(address)),
    decode: value => (value.length === 4 ? { kind: 'next-hop', address: addressFromBytes(value) } : undefined),
  },
  med: {
    code: 4, // RFC 4271 §5.1.4
    flags: OPTIONAL,
    penalty: 'treat-as-withdraw',
    encode: ({ value }, to) => void to.u32(value),
    decode: value => number32(value, number => ({ kind: 'med', value: number })),
  },
  'local-preference': {
    code: 5, // RFC 4271 §5.1.5; RFC 7606 §7.5: from outside it is discarded whatever it says
    flags: WELL_KNOWN,
    penalty: 'treat-as-withdraw',
    encode: ({ value }, to) => void to.u32(value),
    decode: (value, { internal }) =>
      internal ? number32(value, number => ({ kind: 'local-preference', value: number })) : 'not-from-outside',
  },
  'atomic-aggregate': {
    code: 6, // RFC 4271 §5.1.6
    flags: WELL_KNOWN,
    penalty: 'attribute-discard',
    encode: () => {},
    decode: value => (value.length === 0 ? { kind: 'atomic-aggregate' } : undefined),
  },
  aggregator: {
    code: 7, // RFC 4271 §5.1.7
    flags: OPTIONAL_TRANSITIVE,
    penalty: 'attribute-discard',
    encode: ({ asn, address }, to, { fourOctetAs }) => {
      if (fourOctetAs) to.u32(asn)
      else to.u16(asn)
      to.bytes(addressBytes(address))
    },
    decode: (value, { fourOctetAs }) => {
      if (value.length !== (fourOctetAs ? 8 : 6)) return undefined
      const reader = new ByteReader(value)
      return {
        kind: 'aggregator',
        asn: fourOctetAs ? reader.u32() : reader.u16(),
        address: addressFromBytes(reader.rest()),
      }
    },
  },
  communities: {
    code: 8, // RFC 1997
    flags: OPTIONAL_TRANSITIVE,
    penalty: 'treat-as-withdraw',
    encode: ({ values }, to) => {
      for (const value of values) to.u32(value)
    },
    decode: value => list(value, 4, values => ({ kind: 'communities', values })),
  },
  'originator-id': {
    code: 9, // RFC 4456 §8; RFC 7606 §7.9
    flags: OPTIONAL,
    penalty: 'treat-as-withdraw',
    encode: ({ id }, to) => void to.u32(id),
    decode: (value, { internal }) =>
      internal ? number32(value, id => ({ kind: 'originator-id', id })) : 'not-from-outside',
  },
  'cluster-list': {
    code: 10, // RFC 4456 §8; RFC 7606 §7.10
    flags: OPTIONAL,
    penalty: 'treat-as-withdraw',
    encode: ({ ids }, to) => {
      for (const id of ids) to.u32(id)
    },
    decode: (value, { internal }) =>
      internal ? list(value, 4, ids => ({ kind: 'cluster-list', ids })) : 'not-from-outside',
  },
  'mp-reach': {
    code: ATTRIBUTE_CODES.mpReach, // RFC 4760 §3
    flags: OPTIONAL,
    penalty: 'session-reset', // RFC 7606 §7.11: what it announces cannot be known
    encode: ({ afi, safi, nextHops, prefixes }, to) => {
      const addresses = nextHops.map(addressBytes)
      to.u16(afi)
        .u8(safi)
        .u8(addresses.reduce((sum, bytes) => sum + bytes.length, 0))
      for (const bytes of addresses) to.bytes(bytes)
      to.u8(0)
      for (const prefix of prefixes) encodePrefix(prefix, to)
    },
    decode: value => decodeReach(new ByteReader(value)),
  },
  'mp-unreach': {
    code: ATTRIBUTE_CODES.mpUnreach, // RFC 4760 §4
    flags: OPTIONAL,
    penalty: 'session-reset', // RFC 7606 §7.12
    encode: ({ afi, safi, prefixes }, to) => {
      to.u16(afi).u8(safi)
      for (const prefix of prefixes) encodePrefix(prefix, to)
    },
    decode: value => {
      const reader = new ByteReader(value)
      const afi = reader.u16()
      const safi = reader.u8()
      const prefixes = familyPrefixes(afi, safi, reader)
      return prefixes === undefined ? undefined : { kind: 'mp-unreach', afi, safi, prefixes }
    },
  },
  'extended-communities': {
    code: 16, // RFC 4360 §2
    flags: OPTIONAL_TRANSITIVE,
    penalty: 'treat-as-withdraw',
    encode: ({ values }, to) => {
      for (const value of values) to.u64(value)
    },
    decode: value => {
      if (value.length === 0 || value.length % 8 !== 0) return undefined
      const reader = new ByteReader(value)
      return { kind: 'extended-communities', values: Array.from({ length: value.length / 8 }, () => reader.u64()) }
    },
  },
  'as4-path': {
    code: 17, // RFC 6793 §3; §6: malformed ones are discarded
    flags: OPTIONAL_TRANSITIVE,
    penalty: 'attribute-discard',
    encode: ({ segments }, to) => encodeSegments(segments, true, to),
    decode: value => asPath('as4-path', decodeSegments(value, true)),
  },
  'as4-aggregator': {
    code: 18, // RFC 6793 §3
    flags: OPTIONAL_TRANSITIVE,
    penalty: 'attribute-discard',
    encode: ({ asn, address }, to) => void to.u32(asn).bytes(addressBytes(address)),
    decode: value => {
      if (value.length !== 8) return undefined
      const reader = new ByteReader(value)
      return { kind: 'as4-aggregator', asn: reader.u32(), address: addressFromBytes(reader.rest()) }
    },
  },
  'large-communities': {
    code: 32, // RFC 8092 §3
    flags: OPTIONAL_TRANSITIVE,
    penalty: 'treat-as-withdraw',
    encode: ({ values }, to) => {
      for (const { global, local1, local2 } of values) to.u32(global).u32(local1).u32(local2)
    },
    decode: value => {
      if (value.length === 0 || value.length % 12 !== 0) return undefined
      const reader = new ByteReader(value)
      const one = (): LargeCommunity => ({ global: reader.u32(), local1: reader.u32(), local2: reader.u32() })
      return { kind: 'large-communities', values: Array.from({ length: value.length / 12 }, one) }
    },
  },
}

type AnyRow = Pick<Row<Known['kind']>, 'code' | 'flags' | 'penalty'> & {
  readonly decode: (value: Uint8Array, context: CodecContext) => Known | 'not-from-outside' | undefined
}

const BY_CODE = new Map<number, AnyRow>(Object.values(ROWS).map(row => [row.code, row]))

/** RFC 7606 §7.5, §7.9, §7.10: from outside, what is only valid inside is discarded, however malformed. */
function penaltyFor({ code, penalty }: AnyRow, { internal }: CodecContext): Penalty {
  return !internal && (code === 5 || code === 9 || code === 10) ? 'attribute-discard' : penalty
}

function issue(attribute: number, penalty: Penalty, reason: UpdateIssue['reason']): AttributeReading {
  return { ok: false, issue: { attribute, penalty, reason } }
}

function writeAttribute(code: number, flags: number, value: Uint8Array, to: ByteWriter): void {
  if (value.length > 255)
    to.u8(flags | EXTENDED)
      .u8(code)
      .u16(value.length)
  else to.u8(flags).u8(code).u8(value.length)
  to.bytes(value)
}

function encodeSegments(segments: readonly AsSegment[], fourOctetAs: boolean, to: ByteWriter): void {
  for (const { type, asns } of segments) {
    to.u8(SEGMENTS[type]).u8(asns.length)
    for (const asn of asns) {
      if (fourOctetAs) to.u32(asn)
      else to.u16(asn)
    }
  }
}

function decodeSegments(value: Uint8Array, fourOctetAs: boolean): AsSegment[] | undefined {
  const reader = new ByteReader(value)
  const segments: AsSegment[] = []
  while (reader.remaining > 0) {
    const code = reader.u8()
    const type = (Object.keys(SEGMENTS) as AsSegment['type'][]).find(name => SEGMENTS[name] === code)
    const count = reader.u8()
    if (type === undefined || count === 0) return undefined // RFC 7606 §7.2
    segments.push({ type, asns: Array.from({ length: count }, () => (fourOctetAs ? reader.u32() : reader.u16())) })
  }
  return segments
}

function asPath<Kind extends 'as-path' | 'as4-path'>(
  kind: Kind,
  segments: AsSegment[] | undefined,
): { kind: Kind; segments: AsSegment[] } | undefined {
  return segments === undefined ? undefined : { kind, segments }
}

function number32<Made>(value: Uint8Array, make: (number: number) => Made): Made | undefined {
  return value.length === 4 ? make(new ByteReader(value).u32()) : undefined
}

function list<Made>(value: Uint8Array, width: number, make: (values: number[]) => Made): Made | undefined {
  if (value.length === 0 || value.length % width !== 0) return undefined
  const reader = new ByteReader(value)
  return make(Array.from({ length: value.length / width }, () => reader.u32()))
}

function decodeReach(reader: ByteReader): Extract<Known, { kind: 'mp-reach' }> | undefined {
  const afi = reader.u16()
  const safi = reader.u8()
  const hop = reader.bytes(reader.u8())
  reader.skip(1)
  const nextHops = splitNextHop(hop)
  const prefixes = familyPrefixes(afi, safi, reader)
  return nextHops === undefined || prefixes === undefined
    ? undefined
    : { kind: 'mp-reach', afi, safi, nextHops, prefixes }
}

/** RFC 2545 §3: one IPv6 address, or a global and a link-local one; RFC 4760 also an IPv4 address. */
function splitNextHop(hop: Uint8Array): Address[] | undefined {
  if (hop.length === 4 || hop.length === 16) return [addressFromBytes(hop)]
  if (hop.length === 32) return [addressFromBytes(hop.subarray(0, 16)), addressFromBytes(hop.subarray(16))]
  return undefined
}

/** Prefixes of a family that we do not carry are skipped, not judged. */
function familyPrefixes(afi: number, safi: number, reader: ByteReader): Prefix[] | undefined {
  if (safi !== SAFI_UNICAST || (afi !== AFI.ipv4 && afi !== AFI.ipv6)) {
    reader.rest()
    return []
  }
  return decodePrefixes(reader, afi === AFI.ipv4 ? 'ipv4' : 'ipv6')
}
