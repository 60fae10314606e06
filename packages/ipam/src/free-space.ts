import { rangeSize, type Address, type AddressRange } from '@metallb-ts/netip'
import { MinHeap } from './min-heap.ts'
import type { RangeSet } from './range-set.ts'

export interface Taken {
  /** Whether anybody holds the address. */
  has(address: Address): boolean
}

export interface FreeSpaceInit {
  readonly taken: Taken
  readonly excluded: RangeSet
  readonly avoidBuggyIPs: boolean
}

/**
 * Ranges laid end to end as one line of positions, with the lowest free one at hand. Nothing is materialised: everything
 * from the watermark on is free unless taken by name, and what was given back below it waits in a heap. Taking and
 * giving back cost O(log n) of what was ever given back, whatever the size of the ranges.
 */
export class FreeSpace {
  readonly #ranges: readonly AddressRange[]
  /** Position of each range's first address. */
  readonly #starts: readonly bigint[]
  readonly #length: bigint
  readonly #init: FreeSpaceInit
  readonly #withheld = new Set<bigint>()
  readonly #givenBack = new MinHeap()
  #watermark = 0n
  #takenCount = 0
  /** Indices of `#ranges` by first address: what a search by halving needs. */
  readonly #ascending: readonly number[]

  /** @param ranges disjoint, of one family, in the order of allocation */
  constructor(ranges: readonly AddressRange[], init: FreeSpaceInit) {
    this.#ranges = ranges
    this.#init = init
    const starts: bigint[] = []
    let length = 0n
    for (const range of ranges) {
      starts.push(length)
      length += rangeSize(range)
    }
    this.#starts = starts
    this.#length = length
    this.#ascending = ranges.map((_, i) => i).sort((a, b) => (ranges[a]!.first.value < ranges[b]!.first.value ? -1 : 1))
  }

  get isEmpty(): boolean {
    return this.#length === 0n
  }

  /** How many different addresses are taken. */
  get takenCount(): number {
    return this.#takenCount
  }

  /** How many addresses that nobody took are withheld. */
  get withheldCount(): number {
    let count = 0
    for (const position of this.#withheld) if (!this.#isTaken(position)) count++
    return count
  }

  /** The first position that nobody took; undefined when all are taken. */
  lowest(): bigint | undefined {
    for (let position = this.#givenBack.peek(); position !== undefined; position = this.#givenBack.peek()) {
      if (this.#isFree(position)) return position
      this.#givenBack.pop()
    }
    while (this.#watermark < this.#length) {
      const next = this.#nextUsable(this.#watermark)
      if (next === this.#watermark && this.#isFree(next)) return next
      this.#watermark = next === this.#watermark ? next + 1n : next
    }
    return undefined
  }

  /** Position of an address in the order of allocation; undefined outside the ranges. */
  positionOf(address: Address): bigint | undefined {
    const index = this.#rangeOf(address)
    return index < 0 ? undefined : this.#starts[index]! + (address.value - this.#ranges[index]!.first.value)
  }

  /** Whether an address of the ranges may be given now. */
  isUsable(address: Address): boolean {
    if (!this.#isEverUsable(address)) return false
    return this.#withheld.size === 0 || !this.#withheld.has(this.positionOf(address)!)
  }

  isAvoided(address: Address): boolean {
    return this.#init.avoidBuggyIPs && isBuggy(address)
  }

  isExcluded(address: Address): boolean {
    return this.#init.excluded.rangeOf(address) !== undefined
  }

  /** An address that nobody held has a holder now. */
  took(): void {
    this.#takenCount++
  }

  /** The last holder of the address gave it back. */
  give(address: Address): void {
    this.#takenCount--
    const position = this.positionOf(address)
    if (position !== undefined && position < this.#watermark && this.isUsable(address)) this.#givenBack.push(position)
  }

  /** From now on the address is given to nobody, whoever has it. */
  withhold(address: Address): void {
    const position = this.positionOf(address)
    if (position !== undefined && this.#isEverUsable(address)) this.#withheld.add(position)
  }

  readmit(address: Address): void {
    const position = this.positionOf(address)
    if (position === undefined || !this.#withheld.delete(position)) return
    if (position < this.#watermark && !this.#isTaken(position)) this.#givenBack.push(position)
  }

  /** The address at a position; the caller keeps to 0 and the length. */
  at(position: bigint): Address {
    const index = this.#indexAt(position)
    const { first } = this.#ranges[index]!
    return { family: first.family, value: first.value + (position - this.#starts[index]!) }
  }

  #isFree(position: bigint): boolean {
    return !this.#withheld.has(position) && !this.#isTaken(position)
  }

  #isTaken(position: bigint): boolean {
    return this.#init.taken.has(this.at(position))
  }

  #isEverUsable(address: Address): boolean {
    return !this.isAvoided(address) && !this.isExcluded(address)
  }

  /** The position itself when it may be given, else a later one that is closer to one that may. */
  #nextUsable(position: bigint): bigint {
    const address = this.at(position)
    const hole = this.#init.excluded.rangeOf(address)
    if (hole === undefined) return this.isAvoided(address) ? position + 1n : position
    const range = this.#ranges[this.#indexAt(position)]!
    const last = hole.last.value < range.last.value ? hole.last.value : range.last.value
    return position + (last - address.value) + 1n
  }

  #indexAt(position: bigint): number {
    let low = 0
    let high = this.#starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#starts[middle]! <= position) low = middle
      else high = middle - 1
    }
    return low
  }

  #rangeOf(address: Address): number {
    let low = 0
    let high = this.#ascending.length - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const range = this.#ranges[this.#ascending[middle]!]!
      if (address.value < range.first.value) high = middle - 1
      else if (address.value > range.last.value) low = middle + 1
      else return range.first.family === address.family ? this.#ascending[middle]! : -1
    }
    return -1
  }
}

/** IPv4 addresses that end in .0 or .255. */
export function isBuggy({ family, value }: Address): boolean {
  const last = value & 0xffn
  return family === 'ipv4' && (last === 0n || last === 255n)
}

/** How many addresses of a range are buggy. */
export function buggyCount({ first, last }: AddressRange): bigint {
  if (first.family === 'ipv6') return 0n
  const endingIn = (octet: bigint): bigint => upTo(last.value, octet) - upTo(first.value - 1n, octet)
  return endingIn(0n) + endingIn(255n)
}

/** How many of 0 to `value` end in `octet`. */
function upTo(value: bigint, octet: bigint): bigint {
  return value < octet ? 0n : (value - octet) / 256n + 1n
}
