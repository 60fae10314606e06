import type { Clock, Random, Timer } from '@metallb-ts/runtime'
import { idleHold, type Outage } from './back-off.ts'

/** When a peer may begin anew, after a session or an attempt that ended (RFC 4271 §8.1.1, IdleHoldTimer). */
export class NextStart {
  readonly #components: { readonly clock: Clock; readonly random: Random }
  #timer: Timer | undefined
  #failures = 0

  constructor(components: { readonly clock: Clock; readonly random: Random }) {
    this.#components = components
  }

  /** How long the next start waits. `isFree`: the end was nobody's fault, and does not count. `grows`: ever longer. */
  after(
    outage: Omit<Outage, 'failures'>,
    { isFree, grows }: { readonly isFree: boolean; readonly grows: boolean },
    begin: () => void,
  ): number {
    const { clock, random } = this.#components
    const failures = isFree ? 0 : grows ? this.#failures : Math.min(1, this.#failures)
    const hold = idleHold({ ...outage, failures }, random)
    if (!isFree) this.#failures = hold.failures
    this.cancel()
    this.#timer = clock.setTimer(hold.waitMs, begin)
    return hold.waitMs
  }

  cancel(): void {
    this.#timer?.cancel()
  }
}
