import type { Clock, Timer } from './clock.ts'

export interface RestParts {
  readonly clock: Clock
  /** Whether anything waits or is under way. */
  readonly isBusy: () => boolean
  /** Resolves when what goes on behind the work has ended too, or has taken this long. */
  readonly flush: (ms: number) => Promise<void>
  readonly onRest: () => void
}

/** Notices that a time of much work, as a start is, is over: the moment for what would disturb it. */
export class RestAfterWork {
  readonly #parts: RestParts
  #done = MUCH
  #timer: Timer | undefined
  #isStopped = false

  constructor(parts: RestParts) {
    this.#parts = parts
  }

  did(): void {
    this.#done++
    if (this.#done >= MUCH && !this.#isStopped) this.#timer ??= this.#look()
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  #look(): Timer {
    const { clock, isBusy, flush, onRest } = this.#parts
    const seen = this.#done
    return clock.setTimer(QUIET_MS, () => {
      if (this.#done !== seen || isBusy()) return void (this.#timer = this.#look())
      void flush(FLUSH_MS).then(() => {
        this.#timer = undefined
        this.#done = 0
        if (!this.#isStopped) onRest()
      })
    })
  }
}

const MUCH = 500
const QUIET_MS = 2_000
const FLUSH_MS = 120_000
