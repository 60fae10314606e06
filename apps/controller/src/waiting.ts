import type { Service } from '@metallb-ts/api'
import type { Clock, Timer } from '@metallb-ts/runtime'

export interface WaitingParts {
  readonly clock: Clock
  readonly wake: (key: string) => void
}

/**
 * Services without an address, in the order in which they began to wait. When something is freed they are looked at
 * again, all of them, but not more often than `MIN_GAP_MS`: a thousand deletions in a second wake them twenty times.
 */
export class WaitingServices {
  readonly #parts: WaitingParts
  readonly #since = new Map<string, number>()
  #timer: Timer | undefined
  #lastWake = Number.NEGATIVE_INFINITY

  constructor(parts: WaitingParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#since.size
  }

  add(key: string): void {
    if (!this.#since.has(key)) this.#since.set(key, this.#parts.clock.now())
  }

  /** Since when the Service has waited, on the clock; undefined when it did not. */
  done(key: string): number | undefined {
    const since = this.#since.get(key)
    this.#since.delete(key)
    return since
  }

  freed(): void {
    if (this.#timer !== undefined || this.#since.size === 0) return
    const { clock } = this.#parts
    this.#timer = clock.setTimer(Math.max(0, this.#lastWake + MIN_GAP_MS - clock.now()), () => this.#wakeAll())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#since.clear()
  }

  #wakeAll(): void {
    this.#timer = undefined
    this.#lastWake = this.#parts.clock.now()
    for (const key of this.#since.keys()) this.#parts.wake(key)
  }
}

const MIN_GAP_MS = 50

/** Services that show no address, then all others: after a restart the one that waits does not wait for ten thousand. */
export function whoWaitsFirst<S extends Service>(services: readonly S[]): readonly S[] {
  const [waiting, others]: [S[], S[]] = [[], []]
  for (const service of services) (showsNone(service) ? waiting : others).push(service)
  return [...waiting, ...others]
}

function showsNone({ spec, status }: Service): boolean {
  return spec?.type === 'LoadBalancer' && (status?.loadBalancer?.ingress ?? []).length === 0
}
