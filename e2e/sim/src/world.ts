import { SimClock } from '@metallb-ts/runtime/testing'

/**
 * Virtual time for code with promises in it. Timers fire one by one, in the order of the clock. A timer that may have
 * kept a promise says so (`touch`), and before the next one fires everything that promises have to do is done: microtasks
 * run to exhaustion before Node comes to `setImmediate`, and nothing here waits for the real world, so that what runs in
 * one turn depends on the seed alone. Most timers are heartbeats and frames, which no promise waits for; they cost no turn.
 */
export class World {
  readonly clock: SimClock = new SimClock()
  /** After every timer, when its promises are kept: the state is one that somebody could see. */
  onEvent: () => void = () => {}
  #isTouched = false
  #events = 0

  /** Timers fired so far. */
  get events(): number {
    return this.#events
  }

  now(): number {
    return this.clock.now()
  }

  touch(): void {
    this.#isTouched = true
  }

  /** Lets `ms` milliseconds pass. */
  async advance(ms: number): Promise<void> {
    let isOver = false
    await this.#keepPromises()
    this.clock.setTimer(ms, () => (isOver = true))
    while (!isOver) {
      this.clock.next()
      this.#events++
      await this.#keepPromises()
      this.onEvent()
    }
  }

  async #keepPromises(): Promise<void> {
    if (!this.#isTouched) return
    this.#isTouched = false
    await new Promise(resolve => setImmediate(resolve))
  }
}
