import type { ByteReader, ByteWriter } from '@metallb-ts/netip'

/** The section behind a control packet that has the A bit (RFC 5880 §4.2 to §4.4). */
export type Authentication =
  | { readonly kind: 'simple-password'; readonly keyId: number; readonly password: Uint8Array }
  | { readonly kind: DigestKind; readonly keyId: number; readonly sequence: number; readonly digest: Uint8Array }
  /** A type that RFC 5880 does not know. `data`: what follows its length. */
  | { readonly kind: 'unknown'; readonly type: number; readonly data: Uint8Array }
  /** A length that does not fit its type, or the packet. `octets`: the section as it came. */
  | { readonly kind: 'malformed'; readonly octets: Uint8Array }

export type DigestKind = 'keyed-md5' | 'meticulous-keyed-md5' | 'keyed-sha1' | 'meticulous-keyed-sha1'

/** Reads all that is left, two octets at least. */
export function readAuthentication(from: ByteReader): Authentication {
  const octets = from.rest()
  const [type, length] = [octets[0]!, octets[1]!]
  if (length < HEADER_LENGTH || length > octets.length) return { kind: 'malformed', octets }
  const data = octets.subarray(HEADER_LENGTH, length)
  if (type === SIMPLE_PASSWORD) return simplePassword(octets, data)
  const row = DIGESTS.find(one => one.type === type)
  if (row === undefined) return { kind: 'unknown', type, data }
  if (data.length !== DIGEST_HEADER_LENGTH + row.digestLength) return { kind: 'malformed', octets }
  return { kind: row.kind, keyId: data[0]!, sequence: sequenceOf(data), digest: data.subarray(DIGEST_HEADER_LENGTH) }
}

/** Lengths that no section can have are the caller's mistake and throw a RangeError. */
export function writeAuthentication(section: Authentication, to: ByteWriter): void {
  switch (section.kind) {
    case 'simple-password':
      checkLength(section.password.length, 1, PASSWORD_LIMIT)
      to.u8(SIMPLE_PASSWORD).u8(HEADER_LENGTH + 1 + section.password.length)
      return void to.u8(section.keyId).bytes(section.password)
    case 'unknown':
      return void to
        .u8(section.type)
        .u8(HEADER_LENGTH + section.data.length)
        .bytes(section.data)
    case 'malformed':
      return void to.bytes(section.octets)
    case 'keyed-md5':
    case 'meticulous-keyed-md5':
    case 'keyed-sha1':
    case 'meticulous-keyed-sha1': {
      const { type, digestLength } = DIGESTS.find(({ kind }) => kind === section.kind)!
      checkLength(section.digest.length, digestLength, digestLength)
      to.u8(type).u8(HEADER_LENGTH + DIGEST_HEADER_LENGTH + digestLength)
      return void to.u8(section.keyId).u8(0).u32(section.sequence).bytes(section.digest)
    }
  }
}

const HEADER_LENGTH = 2 // type and length
const DIGEST_HEADER_LENGTH = 6 // key id, a reserved octet, sequence number
const SIMPLE_PASSWORD = 1
const PASSWORD_LIMIT = 16

const DIGESTS: readonly { readonly kind: DigestKind; readonly type: number; readonly digestLength: number }[] = [
  { kind: 'keyed-md5', type: 2, digestLength: 16 },
  { kind: 'meticulous-keyed-md5', type: 3, digestLength: 16 },
  { kind: 'keyed-sha1', type: 4, digestLength: 20 },
  { kind: 'meticulous-keyed-sha1', type: 5, digestLength: 20 },
]

function simplePassword(octets: Uint8Array, data: Uint8Array): Authentication {
  const fits = data.length >= 2 && data.length <= 1 + PASSWORD_LIMIT
  return fits ? { kind: 'simple-password', keyId: data[0]!, password: data.subarray(1) } : { kind: 'malformed', octets }
}

function sequenceOf(data: Uint8Array): number {
  return ((data[2]! << 24) | (data[3]! << 16) | (data[4]! << 8) | data[5]!) >>> 0
}

function checkLength(length: number, least: number, most: number): void {
  if (length < least || length > most) throw new RangeError(`${least} to ${most} octets, not ${length}`)
}
