import { literal, parsed, unparsed, type Parsed } from './result.ts'

export type Family = 'ipv4' | 'ipv6'

/** An IPv4 or IPv6 address: a value, compared by `equalAddresses` and `compareAddresses`, never by identity. */
export interface Address {
  readonly family: Family
  /** The address as an unsigned integer, 0 to 2^32-1 (IPv4) or 2^128-1 (IPv6). */
  readonly value: bigint
}

/**
 * Reads the text forms of RFC 4291 §2.2 and dotted decimal. Strict where others guess: no leading zeros, no octal or
 * hexadecimal IPv4, no short forms such as `10.1`, no zone (`%eth0`), no brackets, no surrounding blanks.
 */
export function parseAddress(text: string): Parsed<Address> {
  if (text.length > MAX_TEXT_LENGTH) return unparsed('not-an-address', text.slice(0, MAX_TEXT_LENGTH))
  if (text.includes('%')) return unparsed('zone-not-allowed', text)
  const value = text.includes(':') ? ipv6Value(text) : ipv4Value(text)
  if (value === undefined) return unparsed('not-an-address', text)
  return parsed({ family: text.includes(':') ? 'ipv6' : 'ipv4', value })
}

/** An address written in a program: `address('192.0.2.1')`. Throws a RangeError on bad text. */
export function address(text: string): Address {
  return literal(parseAddress(text))
}

/** Canonical text: dotted decimal, or RFC 5952 (lower case, longest run of zeros shortened, IPv4-mapped dotted). */
export function formatAddress({ family, value }: Address): string {
  return family === 'ipv4' ? formatIpv4(Number(value)) : formatIpv6(value)
}

/** All of IPv4 before all of IPv6, then by value. */
export function compareAddresses(a: Address, b: Address): number {
  if (a.family !== b.family) return a.family === 'ipv4' ? -1 : 1
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0
}

export function equalAddresses(a: Address, b: Address): boolean {
  return a.family === b.family && a.value === b.value
}

/** Width of an address in bits: 32 or 128. */
export function familyBits(family: Family): 32 | 128 {
  return family === 'ipv4' ? 32 : 128
}

/** The address in network order: 4 or 16 octets. */
export function addressBytes({ family, value }: Address): Uint8Array {
  const bytes = new Uint8Array(familyBits(family) / 8)
  let rest = value
  for (let i = bytes.length - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 0xffn)
    rest >>= 8n
  }
  return bytes
}

/** The address in 4 or 16 octets of network order; any other length is the caller's mistake and throws a RangeError. */
export function addressFromBytes(bytes: Uint8Array): Address {
  if (bytes.length !== 4 && bytes.length !== 16)
    throw new RangeError(`an address has 4 or 16 octets, not ${bytes.length}`)
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  return { family: bytes.length === 4 ? 'ipv4' : 'ipv6', value }
}

/** `::ffff:a.b.c.d` (RFC 4291 §2.5.5.2) as the IPv4 address it carries; every other address as it is. */
export function unmapAddress(address: Address): Address {
  if (address.family === 'ipv4' || address.value >> 32n !== 0xffffn) return address
  return { family: 'ipv4', value: address.value & 0xffff_ffffn }
}

/** fe80::/10, RFC 4291 §2.5.6. */
export function isLinkLocal({ family, value }: Address): boolean {
  return family === 'ipv6' ? value >> 118n === 0x3fan : value >> 16n === 0xa9fen
}

/** 224.0.0.0/4 or ff00::/8. */
export function isMulticast({ family, value }: Address): boolean {
  return family === 'ipv6' ? value >> 120n === 0xffn : value >> 28n === 0xen
}

export function isUnspecified({ value }: Address): boolean {
  return value === 0n
}

/** 127.0.0.0/8 or ::1. */
export function isLoopback({ family, value }: Address): boolean {
  return family === 'ipv6' ? value === 1n : value >> 24n === 127n
}

const MAX_TEXT_LENGTH = 64 // the longest legal form, eight groups with an embedded IPv4, has 45 characters

const OCTET = /^(?:0|[1-9][0-9]{0,2})$/
const GROUP = /^[0-9a-fA-F]{1,4}$/

function ipv4Value(text: string): bigint | undefined {
  const octets = text.split('.')
  if (octets.length !== 4) return undefined
  let value = 0
  for (const octet of octets) {
    if (!OCTET.test(octet) || Number(octet) > 255) return undefined
    value = value * 256 + Number(octet)
  }
  return BigInt(value)
}

function ipv6Value(text: string): bigint | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = groups(halves[0] ?? '', halves.length === 1)
  const tail = halves.length === 2 ? groups(halves[1] ?? '', true) : []
  if (head === undefined || tail === undefined) return undefined
  const missing = 8 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined
  let value = 0n
  for (const group of [...head, ...new Array<number>(missing).fill(0), ...tail]) value = (value << 16n) | BigInt(group)
  return value
}

/** The 16-bit groups of one side of `::`; only the last side may end in dotted decimal. */
function groups(text: string, isLast: boolean): number[] | undefined {
  if (text === '') return []
  const parts = text.split(':')
  const result: number[] = []
  for (const [i, part] of parts.entries()) {
    if (GROUP.test(part)) result.push(Number.parseInt(part, 16))
    else {
      const embedded = isLast && i === parts.length - 1 ? ipv4Value(part) : undefined
      if (embedded === undefined) return undefined
      result.push(Number(embedded >> 16n), Number(embedded & 0xffffn))
    }
  }
  return result
}

function formatIpv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`
}

function formatIpv6(value: bigint): string {
  if (value >> 32n === 0xffffn) return `::ffff:${formatIpv4(Number(value & 0xffff_ffffn))}` // RFC 5952 §5
  const words: number[] = []
  for (let shift = 112n; shift >= 0n; shift -= 16n) words.push(Number((value >> shift) & 0xffffn))
  const run = longestZeroRun(words)
  if (run.length < 2) return hex(words) // RFC 5952 §4.2.2: one zero group is never shortened
  return `${hex(words.slice(0, run.start))}::${hex(words.slice(run.start + run.length))}`
}

/** RFC 5952 §4.2.3: the longest run, and of equal ones the first. */
function longestZeroRun(words: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  let start = 0
  for (let i = 0; i <= words.length; i++) {
    if (words[i] === 0) continue
    if (i - start > best.length) best = { start, length: i - start }
    start = i + 1
  }
  return best
}

function hex(words: readonly number[]): string {
  return words.map(word => word.toString(16)).join(':')
}
