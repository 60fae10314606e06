import { rangeContains, rangeSize, type Address, type AddressRange, type Family } from '@metallb-ts/netip'
import { FreeSpace } from './free-space.ts'

/** Ranges that addresses are given from, in order. Ranges of all pools together must be disjoint. */
export interface Pool {
  readonly name: string
  readonly ranges: readonly AddressRange[]
  /** Addresses inside the ranges that are never given: those of the nodes themselves, for one. */
  readonly excluded?: readonly AddressRange[]
  /** Leaves out IPv4 addresses ending in .0 and .255, which some old equipment takes for network and broadcast. @default false */
  readonly avoidBuggyIPs?: boolean
}

/** A pool and what is free in it. */
export class PoolSpace {
  readonly pool: Pool
  readonly #free: Readonly<Record<Family, FreeSpace>>
  readonly #capacity: Readonly<Record<Family, bigint>>

  constructor(pool: Pool) {
    this.pool = pool
    const of = (family: Family): FreeSpace =>
      new FreeSpace(
        pool.ranges.filter(range => range.first.family === family),
        address => this.allows(address),
      )
    this.#free = { ipv4: of('ipv4'), ipv6: of('ipv6') }
    this.#capacity = { ipv4: capacity(pool, 'ipv4'), ipv6: capacity(pool, 'ipv6') }
  }

  free(family: Family): FreeSpace {
    return this.#free[family]
  }

  /** Addresses that can be given at all. */
  capacity(family: Family): bigint {
    return this.#capacity[family]
  }

  contains(address: Address): boolean {
    return this.#free[address.family].indexOf(address) !== undefined
  }

  /** Whether an address of the ranges may be given: neither excluded nor buggy. */
  allows(address: Address): boolean {
    if (this.pool.avoidBuggyIPs === true && isBuggy(address)) return false
    return !(this.pool.excluded ?? []).some(range => rangeContains(range, address))
  }
}

function isBuggy({ family, value }: Address): boolean {
  const last = value & 0xffn
  return family === 'ipv4' && (last === 0n || last === 255n)
}

function capacity(pool: Pool, family: Family): bigint {
  let total = 0n
  for (const range of pool.ranges) {
    if (range.first.family !== family) continue
    total += rangeSize(range)
    if (pool.avoidBuggyIPs === true && family === 'ipv4') total -= buggyIn(range)
    for (const hole of mergedOverlaps(range, pool.excluded ?? [])) {
      total -= rangeSize(hole)
      if (pool.avoidBuggyIPs === true && family === 'ipv4') total += buggyIn(hole)
    }
  }
  return total
}

/** How many addresses of an IPv4 range end in .0 or .255. */
function buggyIn({ first, last }: AddressRange): bigint {
  const endingIn = (octet: bigint): bigint => upTo(last.value, octet) - upTo(first.value - 1n, octet)
  return endingIn(0n) + endingIn(255n)
}

/** How many of 0 to `value` end in `octet`. */
function upTo(value: bigint, octet: bigint): bigint {
  return value < octet ? 0n : (value - octet) / 256n + 1n
}

/** The parts of `range` that `others` cover, disjoint and ascending. */
function mergedOverlaps(range: AddressRange, others: readonly AddressRange[]): AddressRange[] {
  const { family } = range.first
  const merged: { first: bigint; last: bigint }[] = []
  const cut = others
    .filter(other => other.first.family === family)
    .map(other => ({
      first: other.first.value > range.first.value ? other.first.value : range.first.value,
      last: other.last.value < range.last.value ? other.last.value : range.last.value,
    }))
    .filter(({ first, last }) => first <= last)
    .sort((a, b) => (a.first < b.first ? -1 : 1))
  for (const part of cut) {
    const previous = merged.at(-1)
    if (previous === undefined || part.first > previous.last + 1n) merged.push(part)
    else if (part.last > previous.last) previous.last = part.last
  }
  return merged.map(({ first, last }) => ({ first: { family, value: first }, last: { family, value: last } }))
}
