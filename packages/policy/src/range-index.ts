import { compareRanges, rangesOverlap, type Address, type AddressRange } from '@metallb-ts/netip'

/** Disjoint ranges in order: which of them others meet is found by halving, so that ten thousand cost no more than ten. */
export class RangeIndex {
  readonly #ranges: AddressRange[]

  /** @param ranges disjoint */
  constructor(ranges: Iterable<AddressRange> = []) {
    this.#ranges = [...ranges].sort(compareRanges)
  }

  /** The lowest that has an address in common with `range`. */
  meeting(range: AddressRange): AddressRange | undefined {
    const candidate = this.#ranges[this.#firstNotBefore(range)]
    return candidate !== undefined && rangesOverlap(candidate, range) ? candidate : undefined
  }

  contains(address: Address): boolean {
    return this.meeting({ first: address, last: address }) !== undefined
  }

  /** The caller has asked `meeting`: it meets none. */
  add(range: AddressRange): void {
    this.#ranges.splice(this.#firstNotBefore(range), 0, range)
  }

  /** Index of the first range that does not end before `range` begins. */
  #firstNotBefore({ first }: AddressRange): number {
    let [low, high] = [0, this.#ranges.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const { last } = this.#ranges[middle]!
      if (compareRanges({ first: last, last }, { first, last: first }) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
