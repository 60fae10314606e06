import type { Clock } from '@metallb-ts/runtime'

/** What all who read and reconcile in a process together may do in one turn of its event loop, in milliseconds. */
export const TURN_MS = 5

/** What is left for changes that somebody waits for in a turn that others have used up. */
export const LIVE_MS = 3

/** `live` is what somebody waits for: a change that was just made. `backlog` is what has to be gone through some time. */
export type Urgency = 'live' | 'backlog'

/**
 * Shares the turns of one event loop among all who work in it, so that nothing else of the process waits for long. What is
 * live has a part of a turn that the backlog cannot use up, and the backlog stands back for the turn after it, in which what
 * it led to goes out; not for two in a row.
 */
export class Pace {
  static readonly #byClock = new WeakMap<Clock, Pace>()
  readonly #clock: Clock
  #spentMs = 0
  #liveMs = 0
  #wasLive = false
  #stoodBack = false
  readonly #waiting: Record<Urgency, (() => void)[]> = { live: [], backlog: [] }

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
  async run<T>(work: () => T, urgency: Urgency = 'backlog'): Promise<T> {
    while (!this.#hasTime(urgency)) await this.#nextOne(urgency)
    const began = this.#clock.now()
    let result: T
    try {
      result = work()
    } finally {
      this.#spend(this.#clock.now() - began, urgency)
    }
    while (!this.#hasTime(urgency)) await this.#nextOne(urgency)
    return result
  }

  #hasTime(urgency: Urgency): boolean {
    return this.#spentMs < TURN_MS || (urgency === 'live' && this.#liveMs < LIVE_MS)
  }

  #nextOne(urgency: Urgency): Promise<void> {
    return new Promise(resolve => this.#waiting[urgency].push(resolve))
  }

  #spend(ms: number, urgency: Urgency): void {
    if (ms <= 0) return
    if (this.#spentMs === 0) this.#clock.setTimer(0, () => this.#nextTurn())
    this.#spentMs += ms
    if (urgency === 'backlog') return
    this.#liveMs += ms
    this.#wasLive = true
  }

  #nextTurn(): void {
    const { live, backlog } = this.#waiting
    this.#stoodBack = this.#wasLive && !this.#stoodBack && backlog.length > 0
    this.#wasLive = false
    this.#liveMs = 0
    this.#spentMs = this.#stoodBack ? TURN_MS : 0
    if (this.#stoodBack) this.#clock.setTimer(0, () => this.#nextTurn())
    for (const resume of live.splice(0)) resume()
    if (!this.#stoodBack) for (const resume of backlog.splice(0)) resume()
  }
}
