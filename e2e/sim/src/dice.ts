import { SimRandom } from '@metallb-ts/runtime/testing'

/** Chance as a scenario needs it. */
export class Dice {
  readonly random: SimRandom

  constructor(seed: number) {
    this.random = new SimRandom(seed)
  }

  chance(share: number): boolean {
    return this.random.next() < share
  }

  /** A whole number from 0 to `limit - 1`. */
  below(limit: number): number {
    return Math.floor(this.random.next() * limit)
  }

  between(least: number, most: number): number {
    return least + (most - least) * this.random.next()
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }
}
