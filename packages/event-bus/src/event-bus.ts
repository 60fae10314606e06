/** The side a library sees: it may tell, not listen. */
export interface Publisher<Events> {
  /** Tells everyone that a fact came to be. Publish after the state that handlers will read already agrees. */
  publish<Name extends keyof Events & string>(name: Name, detail: Events[Name]): void
}

export interface Envelope<Name extends string, Detail> {
  readonly name: Name
  /** Position in the one order of this process, counted from 1. */
  readonly seq: number
  /** The clock's milliseconds when it was published. */
  readonly at: number
  readonly detail: Detail
}

export type AnyEnvelope<Events> = { [Name in keyof Events & string]: Envelope<Name, Events[Name]> }[keyof Events &
  string]

export type Handler<Events, Name extends keyof Events & string> = (event: Envelope<Name, Events[Name]>) => void

export interface EventBusOptions {
  /** Milliseconds for `at`; the process's clock. */
  readonly now: () => number
  /** A handler threw, or what it returned rejected: that is a bug, and everyone else has still been told. */
  readonly onHandlerError: (error: unknown, event: Envelope<string, unknown>) => void
  /** Most events waiting at once; past it all are dropped, and the first `publish` throws an EventStormError. @default 10000 */
  readonly pendingLimit?: number
  /** Most events that one event may bring about, one after the other; past it the same happens. @default 100000 */
  readonly chainLimit?: number
}

/**
 * Synchronous, breadth-first: an event published inside a handler waits until the current one has reached everyone, so
 * all subscribers see one history.
 */
export class EventBus<Events> implements Publisher<Events> {
  readonly #options: Required<EventBusOptions>
  readonly #handlers = new Map<string, Set<(event: never) => void>>()
  readonly #everything = new Set<(event: AnyEnvelope<Events>) => void>()
  #pending: Envelope<string, unknown>[] = []
  #delivered = 0 // of the pending, counted from the first
  #delivering = false
  #seq = 0

  constructor(options: EventBusOptions) {
    this.#options = { pendingLimit: DEFAULT_PENDING_LIMIT, chainLimit: DEFAULT_CHAIN_LIMIT, ...options }
  }

  publish<Name extends keyof Events & string>(name: Name, detail: Events[Name]): void {
    if (this.#pending.length - this.#delivered >= this.#options.pendingLimit) throw new EventStormError(this.#pending)
    this.#pending.push({ name, seq: ++this.#seq, at: this.#options.now(), detail })
    if (!this.#delivering) this.#drain()
  }

  /** Returns the function that unsubscribes; calling it twice is harmless. */
  subscribe<Name extends keyof Events & string>(name: Name, handler: Handler<Events, Name>): () => void {
    const handlers = this.#handlers.get(name) ?? new Set()
    this.#handlers.set(name, handlers)
    const own = (event: never): void => handler(event)
    handlers.add(own)
    return () => {
      handlers.delete(own)
    }
  }

  /** Every event, for recorders and metrics only: logic names its events. */
  subscribeAll(handler: (event: AnyEnvelope<Events>) => void): () => void {
    const own = (event: AnyEnvelope<Events>): void => handler(event)
    this.#everything.add(own)
    return () => {
      this.#everything.delete(own)
    }
  }

  #drain(): void {
    this.#delivering = true
    try {
      for (let chain = 0; this.#delivered < this.#pending.length; chain++) {
        if (chain > this.#options.chainLimit) throw new EventStormError(this.#pending)
        this.#deliver(this.#pending[this.#delivered++]!)
        if (this.#delivered >= COMPACT_AFTER) this.#drop(this.#delivered) // in blocks: one at a time would move the rest
      }
    } finally {
      this.#drop(this.#pending.length)
      this.#delivering = false
    }
  }

  #drop(count: number): void {
    this.#pending = this.#pending.slice(count)
    this.#delivered = 0
  }

  #deliver(event: Envelope<string, unknown>): void {
    for (const handler of [...(this.#handlers.get(event.name) ?? []), ...this.#everything]) {
      try {
        const returned = (handler as (event: Envelope<string, unknown>) => unknown)(event)
        // Nobody waits for an async handler, and its failure is no less a bug.
        if (returned instanceof Promise) returned.catch(error => this.#options.onHandlerError(error, event))
      } catch (error) {
        if (error instanceof EventStormError) throw error // nobody gets through any more: up to whoever began it
        this.#options.onHandlerError(error, event)
      }
    }
  }
}

/** Something feeds itself: the names of its last thirty events say what. */
export class EventStormError extends Error {
  override readonly name = 'EventStormError'
  readonly lastNames: readonly string[]

  constructor(pending: readonly Envelope<string, unknown>[]) {
    const lastNames = pending.slice(-30).map(event => event.name)
    super(`events feed themselves, the last: ${lastNames.join(', ')}`)
    this.lastNames = lastNames
  }
}

const DEFAULT_PENDING_LIMIT = 10_000
const DEFAULT_CHAIN_LIMIT = 100_000
const COMPACT_AFTER = 1_024
