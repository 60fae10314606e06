import {
  addressBytes,
  addressFromBytes,
  ByteReader,
  type Address,
  type ByteWriter,
  type Family,
} from '@metallb-ts/netip'
import type { AsSegment, CodecContext, IssueReason, MpReach, MpUnreach } from './attributes.ts'
import { AFI, familyOf, SAFI_UNICAST } from './constants.ts'
import { decodePrefixes, encodePrefix } from './nlri.ts'

/** RFC 4271 §4.3 b; a segment holds at most 255 AS numbers, longer ones are cut (§5.1.2). */
export function encodeSegments(segments: readonly AsSegment[], fourOctetAs: boolean, to: ByteWriter): void {
  for (const { type, asns } of segments) {
    for (let from = 0; from < asns.length; from += MAX_SEGMENT) {
      const part = asns.slice(from, from + MAX_SEGMENT)
      to.u8(SEGMENTS.indexOf(type) + 1).u8(part.length)
      for (const asn of part) {
        if (fourOctetAs) to.u32(asn)
        else to.u16(asn)
      }
    }
  }
}

/** The segments, or what is wrong with them: RFC 7606 §7.2; AS 0: RFC 7607 §2. */
export function decodeSegments(value: Uint8Array, fourOctetAs: boolean): AsSegment[] | 'bad-value' | 'zero-as' {
  const reader = new ByteReader(value)
  const segments: AsSegment[] = []
  while (reader.remaining > 0) {
    if (reader.remaining < 2) return 'bad-value'
    const type = SEGMENTS[reader.u8() - 1]
    const count = reader.u8()
    if (type === undefined || count === 0 || reader.remaining < count * (fourOctetAs ? 4 : 2)) return 'bad-value'
    const asns: number[] = []
    for (let i = 0; i < count; i++) asns.push(fourOctetAs ? reader.u32() : reader.u16())
    if (asns.includes(0)) return 'zero-as'
    segments.push({ type, asns })
  }
  return segments
}

export function encodeReach({ family, nextHops, prefixes }: MpReach, to: ByteWriter): void {
  const addresses = nextHops.map(addressBytes)
  to.u16(AFI[family])
    .u8(SAFI_UNICAST)
    .u8(addresses.reduce((sum, bytes) => sum + bytes.length, 0))
  for (const bytes of addresses) to.bytes(bytes)
  to.u8(0)
  for (const prefix of prefixes) encodePrefix(prefix, to)
}

export function decodeReach(value: Uint8Array, context: CodecContext): MpReach | IssueReason | 'opaque' {
  if (value.length < 5) return 'bad-length'
  const reader = new ByteReader(value)
  const family = familyOf(reader.u16(), reader.u8())
  const hop = reader.bytes(reader.u8())
  reader.skip(1)
  if (family === undefined) return 'opaque'
  const nextHops = splitNextHop(family, hop)
  if (nextHops === undefined) return 'bad-value'
  const prefixes = decodePrefixes(reader, family, context.pathIds?.includes(family))
  return prefixes === undefined ? 'bad-value' : { kind: 'mp-reach', family, nextHops, prefixes }
}

export function encodeUnreach({ family, prefixes }: MpUnreach, to: ByteWriter): void {
  to.u16(AFI[family]).u8(SAFI_UNICAST)
  for (const prefix of prefixes) encodePrefix(prefix, to)
}

export function decodeUnreach(value: Uint8Array, context: CodecContext): MpUnreach | IssueReason | 'opaque' {
  if (value.length < 3) return 'bad-length'
  const reader = new ByteReader(value)
  const family = familyOf(reader.u16(), reader.u8())
  if (family === undefined) return 'opaque'
  const prefixes = decodePrefixes(reader, family, context.pathIds?.includes(family))
  return prefixes === undefined ? 'bad-value' : { kind: 'mp-unreach', family, prefixes }
}

const SEGMENTS = ['set', 'sequence', 'confed-sequence', 'confed-set'] as const
const MAX_SEGMENT = 255

/** RFC 4760 §3, RFC 2545 §3, RFC 8950 §3: 16 or 32 octets of IPv6, and 4 of IPv4 for IPv4 prefixes. */
function splitNextHop(family: Family, hop: Uint8Array): Address[] | undefined {
  if (hop.length === 16 || (hop.length === 4 && family === 'ipv4')) return [addressFromBytes(hop)]
  if (hop.length === 32) return [addressFromBytes(hop.subarray(0, 16)), addressFromBytes(hop.subarray(16))]
  return undefined
}
