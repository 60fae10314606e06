import type { Clock } from '@metallb-ts/runtime'

/** What all who read and reconcile in a process together may do in one turn of its event loop, in milliseconds. */
export const TURN_MS = 5

/** Shares the turns of one event loop among all who work in it, so that nothing else of the process waits for long. */
export class Pace {
  static readonly #byClock = new WeakMap<Clock, Pace>()
  readonly #clock: Clock
  #spentMs = 0
  #waiting: (() => void)[] = []

  private constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A process has one clock, and one event loop. */
  static of(clock: Clock): Pace {
    const pace = this.#byClock.get(clock) ?? new Pace(clock)
    this.#byClock.set(clock, pace)
    return pace
  }

  /**
   * Does a small piece of work, now where there is time, and resolves when there is time for the next. Rejects with what the
   * work throws.
   */
  async run<T>(work: () => T): Promise<T> {
    while (this.#spentMs >= TURN_MS) await this.#nextOne()
    const began = this.#clock.now()
    let result: T
    try {
      result = work()
    } finally {
      this.#spend(this.#clock.now() - began)
    }
    while (this.#spentMs >= TURN_MS) await this.#nextOne()
    return result
  }

  #nextOne(): Promise<void> {
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  #spend(ms: number): void {
    if (ms <= 0) return
    if (this.#spentMs === 0) this.#clock.setTimer(0, () => this.#nextTurn())
    this.#spentMs += ms
  }

  #nextTurn(): void {
    this.#spentMs = 0
    for (const resume of this.#waiting.splice(0)) resume()
  }
}
