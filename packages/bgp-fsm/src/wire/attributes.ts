import { ByteWriter, ShortReadError, type Address, type Family } from '@metallb-ts/netip'
import type { LargeCommunity } from '../route.ts'
import { ATTRIBUTE_ROWS, OPTIONAL, rowOf, TRANSITIVE, type AnyRow } from './attribute-rows.ts'
import type { NlriPrefix } from './nlri.ts'
import { notification, type Notification } from './notification.ts'

/** What a path attribute says (RFC 4271 §4.3 and the documents named in attribute-rows.ts). */
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
  | MpReach
  | MpUnreach
  | { readonly kind: 'extended-communities'; readonly values: readonly bigint[] }
  | { readonly kind: 'as4-path'; readonly segments: readonly AsSegment[] }
  | { readonly kind: 'as4-aggregator'; readonly asn: number; readonly address: Address }
  /** 20 octets each. */
  | { readonly kind: 'ipv6-extended-communities'; readonly values: readonly Uint8Array[] }
  | { readonly kind: 'aigp'; readonly metric: bigint }
  | { readonly kind: 'large-communities'; readonly values: readonly LargeCommunity[] }
  | { readonly kind: 'only-to-customer'; readonly asn: number }
  /** A number without a row, or an MP attribute of a family that we do not carry: kept as bytes. */
  | { readonly kind: 'unknown'; readonly code: number; readonly flags: number; readonly value: Uint8Array }

/** Prefixes of one family with their next hops (RFC 4760 §3). */
export interface MpReach {
  readonly kind: 'mp-reach'
  readonly family: Family
  /** One address, or a global and a link-local one (RFC 2545 §3). */
  readonly nextHops: readonly Address[]
  readonly prefixes: readonly NlriPrefix[]
}

/** Prefixes of one family taken back (RFC 4760 §4). */
export interface MpUnreach {
  readonly kind: 'mp-unreach'
  readonly family: Family
  readonly prefixes: readonly NlriPrefix[]
}

/** One segment of an AS_PATH (RFC 4271 §4.3 b, RFC 5065 §3). */
export interface AsSegment {
  readonly type: 'set' | 'sequence' | 'confed-sequence' | 'confed-set'
  readonly asns: readonly number[]
}

/** What RFC 7606 asks for when an attribute is malformed, weakest first. */
export type Penalty = 'attribute-discard' | 'treat-as-withdraw' | 'session-reset'

/** What is wrong with an attribute. */
export type IssueReason =
  | 'bad-flags'
  | 'bad-length'
  | 'bad-value'
  | 'duplicate'
  | 'missing'
  | 'unrecognized'
  | 'overrun'
  | 'first-as'
  | 'zero-as'
  | 'not-from-this-peer'

/** Something malformed in an UPDATE, and what RFC 7606 asks to do about it. */
export interface UpdateIssue {
  /** Type code of the attribute; 0 when the attribute section as a whole is meant. */
  readonly attribute: number
  readonly penalty: Penalty
  readonly reason: IssueReason
  /** Flags, type, length and value as they came. */
  readonly octets: Uint8Array
}

/** What both sides agreed on, as far as bytes depend on it. */
export interface CodecContext {
  /** AS numbers in AS_PATH have four octets (RFC 6793). */
  readonly fourOctetAs: boolean
  /** The session is internal; some attributes are only valid there. */
  readonly internal: boolean
  /** Families whose prefixes come with path identifiers (RFC 7911). @default none */
  readonly pathIds?: readonly Family[]
  /** The peer's AS number, when its absence from the front of AS_PATH makes a route unusable. @default not checked */
  readonly firstAs?: number
  /** The peer is in our confederation (RFC 5065). @default false */
  readonly confederation?: boolean
  /** AIGP is taken from this peer (RFC 7311). @default false */
  readonly aigp?: boolean
}

/** Appends one attribute: flags, type, length and value (RFC 4271 §4.3). */
export function encodeAttribute(attribute: PathAttribute, context: CodecContext, to: ByteWriter): void {
  if (attribute.kind === 'unknown') return writeAttribute(attribute.code, attribute.flags, attribute.value, to)
  const row = ATTRIBUTE_ROWS[attribute.kind]
  const value = new ByteWriter()
  ;(row.encode as (attribute: PathAttribute, to: ByteWriter, context: CodecContext) => void)(attribute, value, context)
  writeAttribute(row.code, row.flags, value.finish(), to)
}

/** What came of decoding one attribute: it, what is wrong with it, or both. */
export interface AttributeReading {
  /** Absent when it says nothing that can be used. */
  readonly attribute?: PathAttribute
  readonly issue?: UpdateIssue
}

/** One attribute from its code, flags, value, and all its octets. Never throws, whatever the bytes. */
export function decodeAttribute(
  code: number,
  flags: number,
  value: Uint8Array,
  octets: Uint8Array,
  context: CodecContext,
): AttributeReading {
  const row = rowOf(code)
  if (row === undefined) {
    // RFC 4271 §6.3: a well-known attribute that we do not know cannot be ignored.
    if ((flags & OPTIONAL) === 0) return { issue: issueOf(code, 'session-reset', 'unrecognized', octets) }
    return { attribute: opaque(code, flags, value) }
  }
  const read = readValue(row, value, context)
  if (read === 'opaque') return { attribute: opaque(code, flags, value) }
  const fault = typeof read === 'string' ? issueOf(code, penaltyFor(row, read, context), read, octets) : undefined
  if (((flags ^ row.flags) & (OPTIONAL | TRANSITIVE)) !== 0) {
    // RFC 7606 §3 c: withdrawn, unless what it announces cannot even be read.
    const penalty = fault?.penalty === 'session-reset' ? 'session-reset' : flagPenalty(row, context)
    const isMp = typeof read !== 'string' && (read.kind === 'mp-reach' || read.kind === 'mp-unreach')
    return { ...(isMp && { attribute: read }), issue: issueOf(code, penalty, 'bad-flags', octets) }
  }
  return fault === undefined ? { attribute: read as PathAttribute } : { issue: fault }
}

/** RFC 4271 §6.3: the NOTIFICATION for an issue that ends the session. */
export function issueNotification({ attribute, reason, octets }: UpdateIssue): Notification {
  switch (reason) {
    case 'unrecognized':
      return notification(3, 2, octets)
    case 'missing':
      return notification(3, 3, Uint8Array.of(attribute))
    case 'bad-flags':
      return notification(3, 4, octets)
    case 'bad-length':
    case 'bad-value':
    case 'first-as':
    case 'zero-as':
      if (attribute === 2 || attribute === 17) return notification(3, 11)
      if (attribute === 14 || attribute === 15) return notification(3, 9, octets)
      if (attribute === 1 && reason === 'bad-value') return notification(3, 6, octets)
      return notification(3, 5, octets)
    case 'duplicate':
    case 'overrun':
    case 'not-from-this-peer':
      return notification(3, 1)
  }
}

export function issueOf(
  attribute: number,
  penalty: Penalty,
  reason: IssueReason,
  octets: Uint8Array = new Uint8Array(0),
): UpdateIssue {
  return { attribute, penalty, reason, octets: octets.slice() }
}

const PARTIAL = 0x20
const EXTENDED = 0x10

/** RFC 4271 §5 and §9: what of a route's attributes may go on to others; unknown ones marked as such, or left out. */
export function passOn(attributes: readonly PathAttribute[]): PathAttribute[] {
  return attributes.flatMap((one): PathAttribute[] => {
    if (one.kind !== 'unknown') return [one]
    return (one.flags & TRANSITIVE) === 0 ? [] : [{ ...one, flags: one.flags | PARTIAL }]
  })
}

function readValue(row: AnyRow, value: Uint8Array, context: CodecContext): ReturnType<AnyRow['decode']> {
  try {
    return row.decode(value, context)
  } catch (error) {
    if (error instanceof ShortReadError) return 'bad-length'
    throw error
  }
}

function opaque(code: number, flags: number, value: Uint8Array): PathAttribute {
  return { kind: 'unknown', code, flags: flags & ~EXTENDED, value: value.slice() }
}

function penaltyFor(row: AnyRow, reason: IssueReason, { internal }: CodecContext): Penalty {
  // RFC 7606 §7.5, §7.9, §7.10: from outside, what is only valid inside is discarded, however malformed.
  if (reason === 'not-from-this-peer' || (row.isInternal && !internal)) return 'attribute-discard'
  // RFC 7607 §2: AS 0 costs the route where it stands in a path, also in AS4_PATH.
  return reason === 'zero-as' ? 'treat-as-withdraw' : row.penalty
}

function flagPenalty(row: AnyRow, { internal }: CodecContext): Penalty {
  return row.isInternal && !internal ? 'attribute-discard' : 'treat-as-withdraw'
}

function writeAttribute(code: number, flags: number, value: Uint8Array, to: ByteWriter): void {
  if (value.length > 255)
    to.u8(flags | EXTENDED)
      .u8(code)
      .u16(value.length)
  else to.u8(flags).u8(code).u8(value.length)
  to.bytes(value)
}
