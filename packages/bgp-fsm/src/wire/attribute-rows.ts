import { addressBytes, addressFromBytes, ByteReader, type ByteWriter } from '@metallb-ts/netip'
import type { LargeCommunity } from '../route.ts'
import {
  decodeReach,
  decodeSegments,
  decodeUnreach,
  encodeReach,
  encodeSegments,
  encodeUnreach,
} from './attribute-values.ts'
import type { CodecContext, IssueReason, PathAttribute, Penalty } from './attributes.ts'

type Known = Exclude<PathAttribute, { kind: 'unknown' }>

export interface Row<Kind extends Known['kind']> {
  readonly code: number
  readonly flags: number
  /** RFC 7606 §7 */
  readonly penalty: Penalty
  /** Valid on internal sessions only. */
  readonly isInternal: boolean
  readonly encode: (attribute: Extract<Known, { kind: Kind }>, to: ByteWriter, context: CodecContext) => void
  /** What it says, why it says nothing, or `opaque` when it is none of our families. */
  readonly decode: (value: Uint8Array, context: CodecContext) => Extract<Known, { kind: Kind }> | IssueReason | 'opaque'
}

export type AnyRow = Pick<Row<Known['kind']>, 'code' | 'flags' | 'penalty' | 'isInternal'> & {
  readonly decode: (value: Uint8Array, context: CodecContext) => Known | IssueReason | 'opaque'
}

export const OPTIONAL = 0x80
export const TRANSITIVE = 0x40

export const ATTRIBUTE_CODES = {
  origin: 1,
  asPath: 2,
  nextHop: 3,
  localPreference: 5,
  mpReach: 14,
  mpUnreach: 15,
} as const

export function rowOf(code: number): AnyRow | undefined {
  return BY_CODE.get(code)
}

const WELL_KNOWN = { flags: TRANSITIVE, isInternal: false } as const
const NON_TRANSITIVE = { flags: OPTIONAL, isInternal: false } as const
const OPTIONAL_TRANSITIVE = { flags: OPTIONAL | TRANSITIVE, isInternal: false } as const

const ORIGINS = ['igp', 'egp', 'incomplete'] as const

/** One row per number: code, flags, penalty and both directions. An attribute without a row does not compile. */
export const ATTRIBUTE_ROWS: { readonly [Kind in Known['kind']]: Row<Kind> } = {
  origin: {
    ...WELL_KNOWN,
    code: ATTRIBUTE_CODES.origin, // RFC 4271 §5.1.1
    penalty: 'treat-as-withdraw',
    encode: ({ value }, to) => void to.u8(ORIGINS.indexOf(value)),
    decode: value => {
      if (value.length !== 1) return 'bad-length'
      const origin = ORIGINS[value[0]!]
      return origin === undefined ? 'bad-value' : { kind: 'origin', value: origin }
    },
  },
  'as-path': {
    ...WELL_KNOWN,
    code: ATTRIBUTE_CODES.asPath, // RFC 4271 §5.1.2
    penalty: 'treat-as-withdraw',
    encode: ({ segments }, to, { fourOctetAs }) => encodeSegments(segments, fourOctetAs, to),
    decode: (value, { fourOctetAs, confederation = false }) => {
      const segments = decodeSegments(value, fourOctetAs)
      if (typeof segments === 'string') return segments
      // RFC 5065 §5: these come from inside the confederation only.
      const isForeign = !confederation && segments.some(({ type }) => type.startsWith('confed'))
      return isForeign ? 'bad-value' : { kind: 'as-path', segments }
    },
  },
  'next-hop': {
    ...WELL_KNOWN,
    code: ATTRIBUTE_CODES.nextHop, // RFC 4271 §5.1.3
    penalty: 'treat-as-withdraw',
    encode: ({ address }, to) => void to.bytes(addressBytes(address)),
    decode: value => (value.length === 4 ? { kind: 'next-hop', address: addressFromBytes(value) } : 'bad-length'),
  },
  med: {
    ...NON_TRANSITIVE,
    code: 4, // RFC 4271 §5.1.4
    penalty: 'treat-as-withdraw',
    encode: ({ value }, to) => void to.u32(value),
    decode: value => number32(value, number => ({ kind: 'med', value: number })),
  },
  'local-preference': {
    ...WELL_KNOWN,
    code: ATTRIBUTE_CODES.localPreference, // RFC 4271 §5.1.5
    penalty: 'treat-as-withdraw',
    isInternal: true,
    encode: ({ value }, to) => void to.u32(value),
    decode: (value, { internal }) =>
      internal ? number32(value, number => ({ kind: 'local-preference', value: number })) : 'not-from-this-peer',
  },
  'atomic-aggregate': {
    ...WELL_KNOWN,
    code: 6, // RFC 4271 §5.1.6
    penalty: 'attribute-discard',
    encode: () => {},
    decode: value => (value.length === 0 ? { kind: 'atomic-aggregate' } : 'bad-length'),
  },
  aggregator: {
    ...OPTIONAL_TRANSITIVE,
    code: 7, // RFC 4271 §5.1.7
    penalty: 'attribute-discard',
    encode: ({ asn, address }, to, { fourOctetAs }) => {
      if (fourOctetAs) to.u32(asn)
      else to.u16(asn)
      to.bytes(addressBytes(address))
    },
    decode: (value, { fourOctetAs }) => {
      const made = aggregator(value, fourOctetAs)
      return typeof made === 'string' ? made : { kind: 'aggregator', ...made }
    },
  },
  communities: {
    ...OPTIONAL_TRANSITIVE,
    code: 8, // RFC 1997
    penalty: 'treat-as-withdraw',
    encode: ({ values }, to) => {
      for (const value of values) to.u32(value)
    },
    decode: value =>
      list(
        value,
        4,
        reader => reader.u32(),
        values => ({ kind: 'communities', values }),
      ),
  },
  'originator-id': {
    ...NON_TRANSITIVE,
    code: 9, // RFC 4456 §8
    penalty: 'treat-as-withdraw',
    isInternal: true,
    encode: ({ id }, to) => void to.u32(id),
    decode: (value, { internal }) =>
      internal ? number32(value, id => ({ kind: 'originator-id', id })) : 'not-from-this-peer',
  },
  'cluster-list': {
    ...NON_TRANSITIVE,
    code: 10, // RFC 4456 §8
    penalty: 'treat-as-withdraw',
    isInternal: true,
    encode: ({ ids }, to) => {
      for (const id of ids) to.u32(id)
    },
    decode: (value, { internal }) =>
      internal
        ? list(
            value,
            4,
            reader => reader.u32(),
            ids => ({ kind: 'cluster-list', ids }),
          )
        : 'not-from-this-peer',
  },
  'mp-reach': {
    ...NON_TRANSITIVE,
    code: ATTRIBUTE_CODES.mpReach, // RFC 4760 §3
    penalty: 'session-reset', // RFC 7606 §7.11: what it announces cannot be known
    encode: encodeReach,
    decode: decodeReach,
  },
  'mp-unreach': {
    ...NON_TRANSITIVE,
    code: ATTRIBUTE_CODES.mpUnreach, // RFC 4760 §4
    penalty: 'session-reset', // RFC 7606 §7.12
    encode: encodeUnreach,
    decode: decodeUnreach,
  },
  'extended-communities': {
    ...OPTIONAL_TRANSITIVE,
    code: 16, // RFC 4360 §2
    penalty: 'treat-as-withdraw',
    encode: ({ values }, to) => {
      for (const value of values) to.u64(value)
    },
    decode: value =>
      list(
        value,
        8,
        reader => reader.u64(),
        values => ({ kind: 'extended-communities', values }),
      ),
  },
  'as4-path': {
    ...OPTIONAL_TRANSITIVE,
    code: 17, // RFC 6793 §3
    penalty: 'attribute-discard', // RFC 6793 §6
    encode: ({ segments }, to) => encodeSegments(segments, true, to),
    decode: (value, { fourOctetAs }) => {
      if (fourOctetAs) return 'not-from-this-peer' // RFC 6793 §4.1
      const segments = decodeSegments(value, true)
      return typeof segments === 'string' ? segments : { kind: 'as4-path', segments }
    },
  },
  'as4-aggregator': {
    ...OPTIONAL_TRANSITIVE,
    code: 18, // RFC 6793 §3
    penalty: 'attribute-discard',
    encode: ({ asn, address }, to) => void to.u32(asn).bytes(addressBytes(address)),
    decode: (value, { fourOctetAs }) => {
      if (fourOctetAs) return 'not-from-this-peer'
      const made = aggregator(value, true)
      return typeof made === 'string' ? made : { kind: 'as4-aggregator', ...made }
    },
  },
  'ipv6-extended-communities': {
    ...OPTIONAL_TRANSITIVE,
    code: 25, // RFC 5701 §2
    penalty: 'treat-as-withdraw',
    encode: ({ values }, to) => {
      for (const value of values) to.bytes(value)
    },
    decode: value =>
      list(
        value,
        20,
        reader => reader.bytes(20).slice(),
        values => ({ kind: 'ipv6-extended-communities', values }),
      ),
  },
  aigp: {
    ...NON_TRANSITIVE,
    code: 26, // RFC 7311 §3
    penalty: 'attribute-discard',
    encode: ({ metric }, to) => void to.u8(1).u16(11).u64(metric),
    decode: (value, { aigp = false }) => {
      if (!aigp) return 'not-from-this-peer'
      const reader = new ByteReader(value)
      while (reader.remaining > 0) {
        const type = reader.u8()
        const length = reader.u16()
        const body = reader.window(length - 3)
        if (type === 1) return length === 11 ? { kind: 'aigp', metric: body.u64() } : 'bad-length'
      }
      return 'bad-value'
    },
  },
  'large-communities': {
    ...OPTIONAL_TRANSITIVE,
    code: 32, // RFC 8092 §3
    penalty: 'treat-as-withdraw',
    encode: ({ values }, to) => {
      for (const { global, local1, local2 } of values) to.u32(global).u32(local1).u32(local2)
    },
    decode: value =>
      list(
        value,
        12,
        (reader): LargeCommunity => ({ global: reader.u32(), local1: reader.u32(), local2: reader.u32() }),
        values => ({ kind: 'large-communities', values }),
      ),
  },
  'only-to-customer': {
    ...OPTIONAL_TRANSITIVE,
    code: 35, // RFC 9234 §5
    penalty: 'treat-as-withdraw',
    encode: ({ asn }, to) => void to.u32(asn),
    decode: value => number32(value, asn => ({ kind: 'only-to-customer', asn })),
  },
}

const BY_CODE: ReadonlyMap<number, AnyRow> = new Map<number, AnyRow>(
  Object.values(ATTRIBUTE_ROWS).map(row => [row.code, row]),
)

function number32<Made>(value: Uint8Array, make: (number: number) => Made): Made | 'bad-length' {
  return value.length === 4 ? make(new ByteReader(value).u32()) : 'bad-length'
}

function list<One, Made>(
  value: Uint8Array,
  width: number,
  read: (reader: ByteReader) => One,
  make: (values: One[]) => Made,
): Made | 'bad-length' {
  if (value.length === 0 || value.length % width !== 0) return 'bad-length'
  const reader = new ByteReader(value)
  return make(Array.from({ length: value.length / width }, () => read(reader)))
}

function aggregator(value: Uint8Array, fourOctetAs: boolean) {
  if (value.length !== (fourOctetAs ? 8 : 6)) return 'bad-length' as const
  const reader = new ByteReader(value)
  const asn = fourOctetAs ? reader.u32() : reader.u16()
  // RFC 7607 §2
  return asn === 0 ? ('bad-value' as const) : { asn, address: addressFromBytes(reader.rest()) }
}
