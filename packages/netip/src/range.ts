import { compareAddresses, equalAddresses, familyBits, formatAddress, parseAddress, type Address } from './address.ts'
import { lastAddress, maskedPrefix, parsePrefix, type Prefix } from './prefix.ts'
import { literal, parsed, unparsed, type Parsed } from './result.ts'

/** Addresses from `first` to `last`, both included, of one family, never empty. */
export interface AddressRange {
  readonly first: Address
  readonly last: Address
}

/** Reads `first-last` (blanks around each end allowed) or a CIDR block. */
export function parseRange(text: string): Parsed<AddressRange> {
  const dash = text.indexOf('-')
  if (dash < 0) {
    const block = parsePrefix(text.trim())
    return block.ok ? parsed(rangeOfPrefix(block.value)) : block
  }
  const first = parseAddress(text.slice(0, dash).trim())
  if (!first.ok) return first
  const last = parseAddress(text.slice(dash + 1).trim())
  if (!last.ok) return last
  if (first.value.family !== last.value.family) return unparsed('mixed-families', text)
  if (first.value.value > last.value.value) return unparsed('start-after-end', text)
  return parsed({ first: first.value, last: last.value })
}

/** A range written in a program: `range('192.0.2.10-192.0.2.20')`. Throws a RangeError on bad text. */
export function range(text: string): AddressRange {
  return literal(parseRange(text))
}

export function rangeOfPrefix(prefix: Prefix): AddressRange {
  return { first: prefix.address, last: lastAddress(prefix) }
}

export function formatRange({ first, last }: AddressRange): string {
  return `${formatAddress(first)}-${formatAddress(last)}`
}

/** How many addresses: 1 to 2^128. */
export function rangeSize({ first, last }: AddressRange): bigint {
  return last.value - first.value + 1n
}

/** The address at `index`, counted from 0 at `first`; undefined past the end. Its order is the order of allocation. */
export function nthAddress({ first, last }: AddressRange, index: bigint): Address | undefined {
  const value = first.value + index
  return index < 0n || value > last.value ? undefined : { family: first.family, value }
}

/** The index `nthAddress` would need; undefined for an address outside. */
export function indexInRange(range: AddressRange, address: Address): bigint | undefined {
  return rangeContains(range, address) ? address.value - range.first.value : undefined
}

export function rangeContains({ first, last }: AddressRange, address: Address): boolean {
  return address.family === first.family && address.value >= first.value && address.value <= last.value
}

export function rangesOverlap(a: AddressRange, b: AddressRange): boolean {
  return a.first.family === b.first.family && a.first.value <= b.last.value && b.first.value <= a.last.value
}

export function equalRanges(a: AddressRange, b: AddressRange): boolean {
  return equalAddresses(a.first, b.first) && equalAddresses(a.last, b.last)
}

export function compareRanges(a: AddressRange, b: AddressRange): number {
  return compareAddresses(a.first, b.first) || compareAddresses(a.last, b.last)
}

/** The fewest blocks that cover the range exactly, ascending: at most 2 x (bits - 1) of them. */
export function prefixesOfRange({ first, last }: AddressRange): readonly Prefix[] {
  const bits = familyBits(first.family)
  const prefixes: Prefix[] = []
  let next = first.value
  while (next <= last.value) {
    let hostBits = 0
    while (hostBits < bits && fits(next, hostBits + 1, last.value)) hostBits++
    prefixes.push(maskedPrefix({ family: first.family, value: next }, bits - hostBits))
    next += 1n << BigInt(hostBits)
  }
  return prefixes
}

/** Lazily, in order. */
export function* addressesOfRange({ first, last }: AddressRange): Generator<Address, void, void> {
  for (let value = first.value; value <= last.value; value++) yield { family: first.family, value }
}

function fits(start: bigint, hostBits: number, last: bigint): boolean {
  const size = 1n << BigInt(hostBits)
  return start % size === 0n && start + size - 1n <= last
}
