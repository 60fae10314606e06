import { rangeSize, type Address, type AddressRange } from '@metallb-ts/netip'
import { MinHeap } from './min-heap.ts'

/**
 * Ranges laid end to end as one line of indices, with the lowest free one at hand. Nothing is materialised: everything
 * from the watermark on is free unless taken by name, and what was given back below it waits in a heap. A take and a
 * give cost O(log n) of what was ever given back, whatever the size of the ranges.
 */
export class FreeSpace {
  readonly #ranges: readonly AddressRange[]
  /** Index of each range's first address. */
  readonly #starts: readonly bigint[]
  readonly #isUsable: (address: Address) => boolean
  readonly #taken = new Set<bigint>()
  readonly #given = new MinHeap()
  #watermark = 0n
  readonly #length: bigint
  /** Positions in `#ranges`, by first address: what a search by halves needs. */
  readonly #ascending: readonly number[]

  /** @param ranges disjoint, of one family, in the order of allocation */
  constructor(ranges: readonly AddressRange[], isUsable: (address: Address) => boolean) {
    this.#ranges = ranges
    this.#isUsable = isUsable
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

  /** The lowest address that nobody took; undefined when all are taken. */
  lowest(): Address | undefined {
    const index = this.lowestIndex()
    return index === undefined ? undefined : this.at(index)
  }

  lowestIndex(): bigint | undefined {
    for (let index = this.#given.peek(); index !== undefined; index = this.#given.peek()) {
      if (!this.#taken.has(index)) return index
      this.#given.pop()
    }
    for (; this.#watermark < this.#length; this.#watermark++) {
      if (!this.#taken.has(this.#watermark) && this.#isUsable(this.at(this.#watermark))) return this.#watermark
    }
    return undefined
  }

  /** Position of an address in the order of allocation. */
  indexOf(address: Address): bigint | undefined {
    const at = this.#rangeOf(address)
    return at < 0 ? undefined : this.#starts[at]! + (address.value - this.#ranges[at]!.first.value)
  }

  take(address: Address): void {
    const index = this.indexOf(address)
    if (index !== undefined) this.#taken.add(index)
  }

  give(address: Address): void {
    const index = this.indexOf(address)
    if (index !== undefined && this.#taken.delete(index) && index < this.#watermark) this.#given.push(index)
  }

  /** The address at a position; the caller keeps to 0 and the length. */
  at(index: bigint): Address {
    let low = 0
    let high = this.#starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#starts[middle]! <= index) low = middle
      else high = middle - 1
    }
    const range = this.#ranges[low]!
    return { family: range.first.family, value: range.first.value + (index - this.#starts[low]!) }
  }

  #rangeOf(address: Address): number {
    const order = this.#ascending
    let low = 0
    let high = order.length - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const range = this.#ranges[order[middle]!]!
      if (address.value < range.first.value) high = middle - 1
      else if (address.value > range.last.value) low = middle + 1
      else return range.first.family === address.family ? order[middle]! : -1
    }
    return -1
  }
}
