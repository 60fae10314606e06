import {
  addressFromBytes,
  ByteReader,
  ByteWriter,
  familyBits,
  maskedPrefix,
  type Family,
  type Prefix,
} from '@metallb-ts/netip'

/** Prefixes as they stand in an UPDATE: a length in bits, then the octets it needs (RFC 4271 §4.3). */
export function encodePrefix({ address, length }: Prefix, to: ByteWriter): void {
  to.u8(length)
  const octets = (length + 7) >> 3
  if (address.family === 'ipv4') {
    const value = Number(address.value)
    for (let i = 0; i < octets; i++) to.u8((value >>> (24 - 8 * i)) & 255)
  } else {
    for (let i = 0; i < octets; i++) to.u8(Number((address.value >> BigInt(120 - 8 * i)) & 255n))
  }
}

export function prefixOctets({ length }: Prefix): number {
  return 1 + ((length + 7) >> 3)
}

/** Every prefix up to the end, or undefined when one is no prefix: RFC 4271 §6.3, RFC 7606 §5.3. */
export function decodePrefixes(reader: ByteReader, family: Family): Prefix[] | undefined {
  const bits = familyBits(family)
  const prefixes: Prefix[] = []
  while (reader.remaining > 0) {
    const length = reader.u8()
    const octets = (length + 7) >> 3
    if (length > bits || octets > reader.remaining) return undefined
    const bytes = new Uint8Array(bits / 8)
    bytes.set(reader.bytes(octets))
    prefixes.push(maskedPrefix(addressFromBytes(bytes), length))
  }
  return prefixes
}
