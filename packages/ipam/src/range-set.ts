import { compareRanges, rangeSize, type Address, type AddressRange, type Family } from '@metallb-ts/netip'

/** Addresses of one family as disjoint, ascending ranges: look-ups by halving. */
export class RangeSet {
  readonly #ranges: readonly AddressRange[]

  constructor(ranges: readonly AddressRange[], family: Family) {
    this.#ranges = merged(ranges.filter(({ first }) => first.family === family))
  }

  get isEmpty(): boolean {
    return this.#ranges.length === 0
  }

  /** The range that holds the address. */
  rangeOf(address: Address): AddressRange | undefined {
    const range = this.#ranges[this.#firstEndingAtOrAfter(address.value)]
    return range !== undefined && range.first.value <= address.value ? range : undefined
  }

  /** The parts of `range` that are in the set. */
  *within(range: AddressRange): Generator<AddressRange, void, void> {
    for (let i = this.#firstEndingAtOrAfter(range.first.value); i < this.#ranges.length; i++) {
      const { first, last } = this.#ranges[i]!
      if (first.value > range.last.value) return
      yield {
        first: first.value > range.first.value ? first : range.first,
        last: last.value < range.last.value ? last : range.last,
      }
    }
  }

  #firstEndingAtOrAfter(value: bigint): number {
    let low = 0
    let high = this.#ranges.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#ranges[middle]!.last.value < value) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** How many addresses ranges of any order have together, each counted once for each range it is in. */
export function totalSize(ranges: Iterable<AddressRange>): bigint {
  let total = 0n
  for (const range of ranges) total += rangeSize(range)
  return total
}

function merged(ranges: readonly AddressRange[]): AddressRange[] {
  const result: AddressRange[] = []
  for (const range of ranges.toSorted(compareRanges)) {
    const previous = result.at(-1)
    if (previous === undefined || range.first.value > previous.last.value + 1n) result.push(range)
    else if (range.last.value > previous.last.value)
      result[result.length - 1] = { first: previous.first, last: range.last }
  }
  return result
}
