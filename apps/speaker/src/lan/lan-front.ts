import type { BfdWatch } from '@metallb-ts/policy'
import type { Clock, Timer } from '@metallb-ts/runtime'
import type { LanAddress } from './contest.ts'
import type { Lan, LanComponents, LanCounters, LanEvents, LanPeer, LinkView } from './lan.ts'
import type { FromLan, LanEvent, ToLan } from './protocol.ts'

export interface LanFrontComponents extends LanComponents {
  readonly clock: Clock
  /** To the thread. */
  readonly send: (message: ToLan) => void
}

/** The main thread's half of the LAN: messages go out, and what comes back is kept and told. */
export class LanFront implements Lan {
  /** Rejects when the thread ends before it has shown its interfaces. */
  readonly started: Promise<void>
  readonly #components: LanFrontComponents
  readonly #ended: Promise<void>
  #begin: () => void = () => {}
  #fail: (error: unknown) => void = () => {}
  #end: () => void = () => {}
  #links: readonly LinkView[] = []
  #counters: LanCounters = { addresses: {}, ignored: {}, sendFailures: 0, bfd: [] }
  #report: Timer | undefined
  #isApplying = false
  #waiting: readonly LanAddress[] | undefined
  #isRunning = false
  #isEnding = false
  #hasEnded = false

  constructor(components: LanFrontComponents) {
    this.#components = components
    this.started = new Promise((resolve, reject) => {
      this.#begin = resolve
      this.#fail = reject
    })
    this.#ended = new Promise(resolve => (this.#end = resolve))
    this.#reportLater()
  }

  /** One at a time is under way, and of those that come meanwhile only the last counts: each is the whole. */
  apply(desired: readonly LanAddress[]): void {
    if (this.#isApplying) {
      this.#waiting = desired
      return
    }
    this.#isApplying = true
    this.#send({ type: 'apply', desired })
  }

  setPeers(peers: readonly LanPeer[]): void {
    this.#send({ type: 'set-peers', peers })
  }

  setBfd(watches: readonly BfdWatch[]): void {
    this.#send({ type: 'set-bfd', watches })
  }

  counters(): LanCounters {
    return this.#counters
  }

  links(): readonly LinkView[] {
    return this.#links
  }

  async stop(pathsUnused: Promise<unknown> = Promise.resolve()): Promise<void> {
    if (!this.#isEnding) {
      this.#isEnding = true
      this.#report?.cancel()
      this.#send({ type: 'stop' })
      void pathsUnused.finally(() => this.#send({ type: 'stop-bfd' }))
    }
    await this.#ended
  }

  /** The process ends now: the thread is told, and nobody waits for it. */
  abandon(): void {
    this.#send({ type: 'stop' })
    this.#send({ type: 'stop-bfd' })
  }

  onMessage(message: FromLan): void {
    switch (message.type) {
      case 'started':
        this.#isRunning = true
        return
      case 'applied':
        return this.#onApplied()
      case 'links':
        this.#links = message.links
        return this.#begin() // so that `links` tells the truth from the start
      case 'counters':
        this.#counters = message.counters
        return
      case 'events':
        for (const event of message.events) this.#publish(event)
        return
      case 'log':
        return this.#components.logger[message.severity](message.event, message.fields)
    }
  }

  /** Before the start it is `started` that rejects. */
  onError(error: unknown): void {
    this.#isEnding = true
    this.#fail(error)
    if (this.#isRunning) this.#components.onFailure(error instanceof Error ? error : new Error(String(error)))
  }

  /** The thread has ended, asked or not. */
  onEnd(): void {
    this.#hasEnded = true
    this.#report?.cancel()
    this.#end()
    if (!this.#isEnding) this.#components.onFailure(new Error('the thread of the LAN ended'))
  }

  #send(message: ToLan): void {
    if (!this.#hasEnded) this.#components.send(message)
  }

  #onApplied(): void {
    const waiting = this.#waiting
    this.#isApplying = false
    this.#waiting = undefined
    if (waiting !== undefined) this.apply(waiting)
  }

  #publish<Name extends keyof LanEvents>({ name, detail }: LanEvent & { readonly name: Name }): void {
    this.#components.events.publish(name, detail as LanEvents[Name])
  }

  #reportLater(): void {
    this.#report = this.#components.clock.setTimer(REPORT_INTERVAL_MS, () => {
      this.#send({ type: 'report' })
      this.#reportLater()
    })
  }
}

const REPORT_INTERVAL_MS = 1_000
