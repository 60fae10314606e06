import { delay, type Clock } from '@metallb-ts/runtime'
import { asKubeFailure, kubeFailure } from './failure.ts'

/** Writes that wait for their turn; past it they are refused, for nobody would wait that long. */
export const MOST_WAITING_WRITES = 50_000

/** Lets a number of writes be under way at once. When the server asks to wait (429), all of them do. */
export class WriteGate {
  #free: number
  #quietUntil = -Infinity
  readonly #clock: Clock | undefined
  readonly #waiting: (() => void)[] = []

  /** Without a clock nothing is waited for: who called hears of the 429. */
  constructor(inFlight: number, clock: Clock | undefined) {
    this.#free = inFlight
    this.#clock = clock
  }

  async run<T>(send: () => Promise<T>): Promise<T> {
    await this.#enter()
    try {
      return await this.#patiently(send)
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }

  async #enter(): Promise<void> {
    if (this.#free > 0) return void this.#free--
    if (this.#waiting.length >= MOST_WAITING_WRITES)
      throw kubeFailure({ code: 'too-many-requests', status: 0, message: `${MOST_WAITING_WRITES} writes wait already` })
    await new Promise<void>(resolve => this.#waiting.push(resolve))
  }

  /** What was refused with 429 was not done: to send it again makes nothing twice. */
  async #patiently<T>(send: () => Promise<T>): Promise<T> {
    const clock = this.#clock
    for (let tries = 1; ; tries++) {
      if (clock !== undefined) while (clock.now() < this.#quietUntil) await delay(clock, this.#quietUntil - clock.now())
      try {
        return await send()
      } catch (error) {
        const { code, status, retryAfterMs } = asKubeFailure(error)
        const isAsked = code === 'too-many-requests' && status === 429 && retryAfterMs !== undefined
        if (!isAsked || clock === undefined || tries >= MOST_TRIES) throw error
        this.#quietUntil = Math.max(this.#quietUntil, clock.now() + retryAfterMs)
      }
    }
  }
}

const MOST_TRIES = 10
