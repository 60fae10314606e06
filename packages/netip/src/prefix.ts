import {
  compareAddresses,
  equalAddresses,
  familyBits,
  formatAddress,
  parseAddress,
  type Address,
  type Family,
} from './address.ts'
import { literal, parsed, unparsed, type Parsed } from './result.ts'

/** A CIDR block (RFC 4632). Host bits are always zero: every function here returns it masked. */
export interface Prefix {
  readonly address: Address
  /** 0 to 32, or 0 to 128. */
  readonly length: number
}

/** Reads `address/length`. Host bits are masked away, as routers do; use `parseAddress` where they must be zero. */
export function parsePrefix(text: string): Parsed<Prefix> {
  const slash = text.indexOf('/')
  if (slash < 0) return unparsed('not-a-prefix', text)
  const address = parseAddress(text.slice(0, slash))
  if (!address.ok) return address
  const digits = text.slice(slash + 1)
  if (!/^(?:0|[1-9][0-9]{0,2})$/.test(digits)) return unparsed('not-a-prefix', text)
  const length = Number(digits)
  if (length > familyBits(address.value.family)) return unparsed('prefix-length-out-of-range', text)
  return parsed(maskedPrefix(address.value, length))
}

/** A prefix written in a program: `prefix('2001:db8::/32')`. Throws a RangeError on bad text. */
export function prefix(text: string): Prefix {
  return literal(parsePrefix(text))
}

/** The block of `length` bits that `address` lies in. A length outside the family is the caller's mistake: RangeError. */
export function maskedPrefix(address: Address, length: number): Prefix {
  const hostBits = BigInt(hostBitsOf(address.family, length))
  return { address: { family: address.family, value: (address.value >> hostBits) << hostBits }, length }
}

/** The block that holds one address only: /32 or /128. */
export function hostPrefix(address: Address): Prefix {
  return { address, length: familyBits(address.family) }
}

export function formatPrefix({ address, length }: Prefix): string {
  return `${formatAddress(address)}/${length}`
}

export function prefixContains(prefix: Prefix, address: Address): boolean {
  if (prefix.address.family !== address.family) return false
  const hostBits = BigInt(hostBitsOf(address.family, prefix.length))
  return prefix.address.value >> hostBits === address.value >> hostBits
}

/** Two blocks overlap when one contains the other; there is no other way. */
export function prefixesOverlap(a: Prefix, b: Prefix): boolean {
  return a.length <= b.length ? prefixContains(a, b.address) : prefixContains(b, a.address)
}

export function equalPrefixes(a: Prefix, b: Prefix): boolean {
  return a.length === b.length && equalAddresses(a.address, b.address)
}

/** By address, then shorter (wider) first. */
export function comparePrefixes(a: Prefix, b: Prefix): number {
  return compareAddresses(a.address, b.address) || a.length - b.length
}

/** The highest address of the block. */
export function lastAddress({ address, length }: Prefix): Address {
  const hostBits = BigInt(hostBitsOf(address.family, length))
  return { family: address.family, value: address.value | ((1n << hostBits) - 1n) }
}

function hostBitsOf(family: Family, length: number): number {
  const bits = familyBits(family)
  if (!Number.isInteger(length) || length < 0 || length > bits) {
    throw new RangeError(`a prefix length of ${family} is 0 to ${bits}, not ${length}`)
  }
  return bits - length
}
