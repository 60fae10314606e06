import { backoffDelay, type BackoffPolicy, type Clock, type Random, type Timer } from '@metallb-ts/runtime'
import { asKubeFailure } from './failure.ts'
import { KeyLine } from './key-line.ts'
import { KeyWalk } from './key-walk.ts'
import { Pace, type Urgency } from './pace.ts'

/** What came of one run. */
export type Outcome =
  | { readonly kind: 'done' }
  /** Once more after a back-off that grows per key, and not before the time that a KubeFailure asks for. */
  | { readonly kind: 'retry'; readonly error: unknown }
  /** Once more after this long. */
  | { readonly kind: 'later'; readonly ms: number }
  /** What this key did touches the others: every other key once more. */
  | { readonly kind: 'reprocess-all' }
  /** No use to try again before something changes. */
  | { readonly kind: 'failed'; readonly error: unknown }

export const DONE: Outcome = { kind: 'done' }

export interface WorkQueueComponents {
  readonly clock: Clock
  readonly random: Random
}

export interface WorkQueueInit {
  readonly name: string
  /** Makes it so for one key. A rejection counts as `retry`. */
  readonly reconcile: (key: string) => Promise<Outcome> | Outcome
  /** Every key there is, for `reprocess-all`, and for a queue that is full. */
  readonly everyKey?: () => Iterable<string>
  /** Keys held at most, when `everyKey` can tell them again. @default MOST_KEYS */
  readonly mostKeys?: number
  /** Keys worked on at once. @default 1 */
  readonly concurrency?: number
  /**
   * In the turns of the event loop that it shares: `live` keys go before whatever walks over everything; with `backlog`
   * nobody waits for any of them. @default live
   */
  readonly urgency?: Urgency
  /** @default 5 ms doubling to 60 s */
  readonly backoff?: BackoffPolicy
  /** After each run. */
  readonly onOutcome?: (key: string, outcome: Outcome) => void
}

/** Keys that one queue holds at most. Past it a key is not kept by its name: all of them are worked on once more instead. */
export const MOST_KEYS = 200_000

/** Names only: deduplicated, one at a time per key, live changes before the backlog of a start. */
export interface WorkQueue {
  add(key: string, options?: { readonly priority?: 'live' | 'backlog' }): void
  /**
   * All of these, after what waits: each is read when there is time for it, so that thousands cost nothing at once. Of one
   * source one walk is under way: it begins anew when it is added again. A source that searches yields undefined for what it
   * leaves out, so that a search without a find takes its turns, too.
   */
  addEvery(source: string, keys: Iterable<string | undefined>): void
  /** Keys that wait or run, those that wait for a time left out; a walk under way counts as one. */
  readonly length: number
  /** Resolves when nothing waits and nothing runs. */
  idle(): Promise<void>
  start(): void
  /**
   * Works off what waits for at most `drainMs` milliseconds, then begins nothing more and forgets the rest; resolves when
   * what runs has ended. What is added from then on waits for a start. @default drainMs 0
   */
  stop(options?: { readonly drainMs?: number }): Promise<void>
}

export function createWorkQueue(components: WorkQueueComponents, init: WorkQueueInit): WorkQueue {
  return new KeyedQueue(components, init)
}

class KeyedQueue implements WorkQueue {
  readonly #components: WorkQueueComponents
  readonly #init: WorkQueueInit
  readonly #pace: Pace
  readonly #live = new KeyLine()
  readonly #backlog = new KeyLine()
  /** Of the pace, for the next key. */
  readonly #asked = new Set<Urgency>()
  readonly #running = new Set<string>()
  readonly #again = new Set<string>()
  #isOverfull = false
  readonly #walks = new Map<string, KeyWalk>()
  readonly #failures = new Map<string, number>()
  readonly #timers = new Map<string, Timer>()
  #idle: (() => void)[] = []
  #ended: (() => void)[] = []
  #isStarted = false

  constructor(components: WorkQueueComponents, init: WorkQueueInit) {
    this.#components = components
    this.#init = init
    this.#pace = Pace.of(components.clock)
  }

  get length(): number {
    return this.#live.size + this.#backlog.size + this.#running.size + this.#walks.size
  }

  add(key: string, { priority = 'live' }: { readonly priority?: 'live' | 'backlog' } = {}): void {
    this.#waitNoLonger(key)
    if (this.#running.has(key)) {
      this.#again.add(key)
      return
    }
    if (this.#isFull(key)) {
      this.#isOverfull = true
      return
    }
    if (priority === 'live') {
      this.#backlog.delete(key)
      this.#live.add(key)
    } else if (!this.#live.has(key)) this.#backlog.add(key)
    this.#pump()
  }

  addEvery(source: string, keys: Iterable<string | undefined>): void {
    this.#beginWalk(source, keys)
    this.#pump()
  }

  #beginWalk(source: string, keys: Iterable<string | undefined>): void {
    this.#walks.delete(source)
    const walk = new KeyWalk(keys)
    if (!walk.isOver) this.#walks.set(source, walk)
  }

  #waitNoLonger(key: string): void {
    this.#timers.get(key)?.cancel()
    this.#timers.delete(key)
  }

  #isFull(key: string): boolean {
    const { mostKeys = MOST_KEYS, everyKey } = this.#init
    const isHeld = this.#live.has(key) || this.#backlog.has(key)
    return everyKey !== undefined && !isHeld && this.#live.size + this.#backlog.size >= mostKeys
  }

  idle(): Promise<void> {
    if (this.length === 0) return Promise.resolve()
    return new Promise(resolve => this.#idle.push(resolve))
  }

  start(): void {
    this.#isStarted = true
    this.#pump()
  }

  async stop({ drainMs = 0 }: { readonly drainMs?: number } = {}): Promise<void> {
    if (drainMs > 0 && this.#isStarted) await this.#drained(drainMs)
    this.#isStarted = false
    this.#isOverfull = false
    this.#walks.clear()
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
    this.#live.clear()
    this.#backlog.clear()
    this.#again.clear()
    if (this.#running.size > 0) await new Promise<void>(resolve => this.#ended.push(resolve))
  }

  #drained(limitMs: number): Promise<void> {
    return new Promise(resolve => {
      const limit = this.#components.clock.setTimer(limitMs, resolve)
      void this.idle().then(() => {
        limit.cancel()
        resolve()
      })
    })
  }

  #take(): string | undefined {
    for (;;) {
      const key = this.#live.take() ?? this.#backlog.take() ?? this.#walked()
      if (key === undefined || !this.#running.has(key)) return key
      this.#again.add(key)
    }
  }

  /** What was not kept by its name is among all there are. */
  #walked(): string | undefined {
    if (this.#walks.size === 0 && this.#isOverfull) {
      this.#isOverfull = false
      this.#beginWalk(EVERY_KEY, this.#init.everyKey?.() ?? [])
    }
    for (const [source, walk] of this.#walks) {
      const key = walk.take()
      if (walk.isOver) this.#walks.delete(source)
      if (key !== undefined) this.#waitNoLonger(key)
      return key
    }
    return undefined
  }

  get #isEmpty(): boolean {
    return this.#live.size + this.#backlog.size + this.#walks.size === 0 && !this.#isOverfull
  }

  get #hasRoom(): boolean {
    return this.#isStarted && this.#running.size < (this.#init.concurrency ?? 1)
  }

  /** Which key is next is found when there is time for it: one that came meanwhile may go first. */
  #pump(): void {
    const { urgency: live = 'live' } = this.#init
    while (this.#hasRoom && !this.#isEmpty) {
      const urgency = this.#live.size > 0 ? live : 'backlog'
      if (this.#asked.has(urgency)) return
      this.#asked.add(urgency)
      void this.#pace.run(() => this.#begin(urgency), urgency).then(() => this.#pump())
    }
  }

  #begin(urgency: Urgency): void {
    this.#asked.delete(urgency)
    if (!this.#hasRoom || (urgency === 'live' && this.#live.size === 0)) return
    const key = this.#take()
    if (key === undefined) return this.#tellIdle()
    this.#running.add(key)
    void this.#run(key)
  }

  async #run(key: string): Promise<void> {
    const outcome = await this.#outcome(key)
    this.#running.delete(key)
    this.#init.onOutcome?.(key, outcome)
    if (outcome.kind !== 'retry') this.#failures.delete(key)
    if (this.#again.delete(key)) this.add(key)
    else if (this.#isStarted) this.#schedule(key, outcome)
    this.#pump()
    if (this.#running.size === 0) for (const resolve of this.#ended.splice(0)) resolve()
    this.#tellIdle()
  }

  #tellIdle(): void {
    if (this.length === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** Never rejects. */
  async #outcome(key: string): Promise<Outcome> {
    try {
      return await this.#init.reconcile(key)
    } catch (error) {
      return { kind: 'retry', error }
    }
  }

  #schedule(key: string, outcome: Outcome): void {
    if (outcome.kind === 'done' || outcome.kind === 'failed') return
    if (outcome.kind === 'reprocess-all') {
      for (const other of this.#init.everyKey?.() ?? []) if (other !== key) this.add(other, { priority: 'backlog' })
      return
    }
    let ms: number
    if (outcome.kind === 'later') ms = outcome.ms
    else {
      const failures = this.#failures.get(key) ?? 0
      this.#failures.set(key, failures + 1)
      const grown = backoffDelay(this.#init.backoff ?? DEFAULT_BACKOFF, failures, this.#components.random)
      ms = Math.max(grown, asKubeFailure(outcome.error).retryAfterMs ?? 0)
    }
    const timer = this.#components.clock.setTimer(ms, () => this.add(key))
    this.#timers.set(key, timer)
  }
}

const EVERY_KEY = 'every key'
const DEFAULT_BACKOFF: BackoffPolicy = { baseMs: 5, maxMs: 60_000 }
