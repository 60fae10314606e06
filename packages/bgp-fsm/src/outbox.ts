import type { Clock, Timer } from '@metallb-ts/runtime'

/** Where whole messages go; `write` answers false when it wants a pause until `drained`. */
export interface Writer {
  write(bytes: Uint8Array): boolean
}

/** Messages on their way to a peer that may be slow. What waits is bounded by the routes there are to tell. */
export class Outbox {
  readonly #writer: Writer
  readonly #clock: Clock
  readonly #sendHoldMs: number
  readonly #onStuck: () => void
  #waiting: Uint8Array[] = []
  #isBlocked = false
  #sendHold: Timer | undefined

  constructor(writer: Writer, clock: Clock, holdSeconds: number, onStuck: () => void) {
    this.#writer = writer
    this.#clock = clock
    this.#sendHoldMs = Math.max(LEAST_SEND_HOLD_MS, 2_000 * holdSeconds)
    this.#onStuck = onStuck
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0 && !this.#isBlocked
  }

  push(bytes: Uint8Array): void {
    this.#waiting.push(bytes)
    if (!this.#isBlocked) this.#pump()
  }

  /** The writer can take more. */
  drained(): void {
    this.#isBlocked = false
    this.#sendHold?.cancel()
    this.#pump()
  }

  stop(): void {
    this.#waiting = []
    this.#sendHold?.cancel()
  }

  #pump(): void {
    let sent = 0
    for (const bytes of this.#waiting) {
      sent++
      if (this.#writer.write(bytes)) continue
      this.#isBlocked = true
      this.#sendHold = this.#clock.setTimer(this.#sendHoldMs, this.#onStuck)
      break
    }
    this.#waiting = this.#waiting.slice(sent)
  }
}

const LEAST_SEND_HOLD_MS = 8 * 60_000 // RFC 9687 §5: the greater of eight minutes and twice the hold time
