import type { Clock } from '@metallb-ts/runtime'

/**
 * Another controller that writes the same statuses would be answered forever, each write waking the other. So each
 * Service is set right a few times a minute, and then left until the minute is over.
 */
export class Contest {
  readonly #clock: Clock
  readonly #writes = new Map<string, number[]>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Counts one more write; or, when there were enough, how long to leave it, in milliseconds. */
  delayMs(key: string): number | undefined {
    const now = this.#clock.now()
    const recent = (this.#writes.get(key) ?? []).filter(at => now - at < WINDOW_MS)
    if (recent.length >= MAX_WRITES) return recent[0]! + WINDOW_MS - now
    if (this.#writes.size >= MAX_SERVICES) this.#writes.delete(this.#writes.keys().next().value!)
    this.#writes.set(key, [...recent, now])
    return undefined
  }
}

const WINDOW_MS = 60_000
const MAX_WRITES = 3
const MAX_SERVICES = 1_024
