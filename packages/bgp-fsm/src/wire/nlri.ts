import { type ByteReader, type ByteWriter, familyBits, type Family, type Prefix } from '@metallb-ts/netip'

/** A prefix as it stands in an UPDATE; the path identifier where add-path was agreed on (RFC 7911 §3). */
export interface NlriPrefix extends Prefix {
  /** 0 to 2^32-1. */
  readonly pathId?: number
}

/** A length in bits, then the octets it needs (RFC 4271 §4.3). */
export function encodePrefix({ address, length, pathId }: NlriPrefix, to: ByteWriter): void {
  if (pathId !== undefined) to.u32(pathId)
  to.u8(length)
  const octets = (length + 7) >> 3
  if (address.family === 'ipv4') {
    const value = Number(address.value)
    if (octets === 4) return void to.u32(value)
    for (let i = 0; i < octets; i++) to.u8((value >>> (24 - 8 * i)) & 255)
  } else if (octets === 16) {
    to.u64(address.value >> 64n).u64(address.value & 0xffff_ffff_ffff_ffffn)
  } else {
    for (let i = 0; i < octets; i++) to.u8(Number((address.value >> BigInt(120 - 8 * i)) & 255n))
  }
}

/** How many octets `encodePrefix` writes. */
export function prefixOctets({ length, pathId }: NlriPrefix): number {
  return 1 + ((length + 7) >> 3) + (pathId === undefined ? 0 : 4)
}

/** Every prefix up to the end, host bits masked; undefined when one is no prefix (RFC 4271 §6.3, RFC 7606 §5.3). */
export function decodePrefixes(reader: ByteReader, family: Family, hasPathIds = false): NlriPrefix[] | undefined {
  const bits = familyBits(family)
  const prefixes: NlriPrefix[] = []
  while (reader.remaining > 0) {
    if (hasPathIds && reader.remaining < 5) return undefined
    const pathId = hasPathIds ? reader.u32() : undefined
    const length = reader.u8()
    const octets = (length + 7) >> 3
    if (length > bits || octets > reader.remaining) return undefined
    const value = family === 'ipv4' ? readIpv4(reader, octets, length) : readIpv6(reader, octets, length)
    const address = { family, value }
    prefixes.push(pathId === undefined ? { address, length } : { address, length, pathId })
  }
  return prefixes
}

function readIpv4(reader: ByteReader, octets: number, length: number): bigint {
  if (octets === 4) {
    const value = reader.u32()
    return BigInt(length === 32 ? value : ((value >>> (32 - length)) << (32 - length)) >>> 0)
  }
  let value = 0
  for (let i = 0; i < octets; i++) value |= reader.u8() << (24 - 8 * i)
  return length === 0 ? 0n : BigInt(((value >>> (32 - length)) << (32 - length)) >>> 0)
}

function readIpv6(reader: ByteReader, octets: number, length: number): bigint {
  let value = 0n
  if (octets === 16) value = (reader.u64() << 64n) | reader.u64()
  else {
    for (let i = 0; i < octets; i++) value = (value << 8n) | BigInt(reader.u8())
    value <<= BigInt(128 - 8 * octets)
  }
  const host = BigInt(128 - length)
  return (value >> host) << host
}
