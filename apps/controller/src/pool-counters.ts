import type { IPAddressPool, PoolCounters as Counters } from '@metallb-ts/api'
import type { PoolUsage } from '@metallb-ts/ipam'
import { poolCounters } from '@metallb-ts/policy'
import type { KubeFailure, LateAnswer } from '@metallb-ts/k8s-watch'
import type { Clock, Result, Timer } from '@metallb-ts/runtime'
import { OwnWrites } from './own-writes.ts'

export interface PoolCounterParts {
  readonly clock: Clock
  readonly pools: { get(name: string): IPAddressPool | undefined }
  readonly usage: () => readonly PoolUsage[]
  /** Patches the status sub-resource and answers with the object as it is then. */
  readonly write: (pool: IPAddressPool, counters: Counters) => Promise<Result<LateAnswer<IPAddressPool>, KubeFailure>>
}

/** Keeps the counters in the pools' statuses true, with at most one write a second and pool. */
export class PoolCounters {
  readonly #parts: PoolCounterParts
  readonly #written = new OwnWrites<IPAddressPool>()
  #timer: Timer | undefined
  #lastLook = Number.NEGATIVE_INFINITY
  #isWriting = false
  #isStopped = false

  constructor(parts: PoolCounterParts) {
    this.#parts = parts
  }

  /** Something may have changed: usage, or a status that somebody edited. */
  changed(): void {
    if (this.#timer !== undefined || this.#isStopped) return
    const { clock } = this.#parts
    this.#timer = clock.setTimer(Math.max(0, this.#lastLook + MIN_GAP_MS - clock.now()), () => void this.#look())
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#timer = undefined
  }

  async #look(): Promise<void> {
    this.#timer = undefined
    this.#lastLook = this.#parts.clock.now()
    if (this.#isWriting) return this.changed()
    this.#isWriting = true
    const outcomes = await Promise.all(this.#parts.usage().map(usage => this.#bringUpToDate(usage)))
    this.#isWriting = false
    if (outcomes.includes('failed')) this.changed()
  }

  async #bringUpToDate(usage: PoolUsage): Promise<'done' | 'failed'> {
    const { pools, write } = this.#parts
    const pool = this.#written.latest(usage.pool, pools.get(usage.pool))
    const counters = pool && poolCounters(pool, usage)
    if (pool === undefined || counters === undefined) return 'done'
    const written = await write(pool, counters)
    if (!written.ok) return 'failed'
    this.#written.remember(usage.pool, pool, written.value)
    return 'done'
  }
}

const MIN_GAP_MS = 1_000
