import { Worker } from 'node:worker_threads'
import { closeWaker, createWaker, wake } from '@metallb-ts/linux-net/node'
import type { BfdWatch } from '@metallb-ts/policy'
import type { Timer } from '@metallb-ts/runtime'
import { REAL_CLOCK } from '@metallb-ts/runtime/node'
import type { LanAddress } from './contest.ts'
import type { Lan, LanComponents, LanCounters, LanEvents, LanInit, LanPeer, LinkView } from './lan.ts'
import type { FromLan, LanEvent, LanWorkerData, ToLan } from './protocol.ts'

/**
 * Starts the thread that answers ARP and NDP and keeps the heartbeats. Rejects when the thread cannot start. What the
 * main thread does or fails to do afterwards changes nothing for the network, until it applies something else.
 */
export async function startLan(components: LanComponents, init: LanInit): Promise<Lan> {
  const lan = new LanThread(components, init)
  await lan.started.catch((error: unknown) => {
    throw new Error('the thread of the LAN could not start', { cause: error })
  })
  return lan
}

class LanThread implements Lan {
  readonly started: Promise<void>
  readonly #components: LanComponents
  readonly #wakeFd: number
  readonly #worker: Worker
  readonly #ended: Promise<void>
  readonly #onProcessExit = (): void => {
    this.#send({ type: 'stop' })
    this.#send({ type: 'stop-bfd' })
  }
  #links: readonly LinkView[] = []
  #counters: LanCounters = { addresses: {}, ignored: {}, sendFailures: 0, bfd: [] }
  #report: Timer | undefined
  #isApplying = false
  #waiting: readonly LanAddress[] | undefined
  #isRunning = false
  #isEnding = false
  #hasEnded = false

  constructor(components: LanComponents, init: LanInit) {
    this.#components = components
    this.#wakeFd = createWaker()
    this.#worker = new Worker(workerUrl(), {
      name: 'lan',
      workerData: { init, wakeFd: this.#wakeFd } satisfies LanWorkerData,
      resourceLimits: { maxOldGenerationSizeMb: MOST_HEAP_MB },
      ...(isSource && { execArgv: [...process.execArgv, '--conditions=development'] }),
    })
    this.#ended = new Promise(resolve => this.#worker.once('exit', () => resolve(this.#onEnd())))
    this.started = new Promise((resolve, reject) => {
      this.#worker.on('message', (message: FromLan) => {
        this.#onMessage(message)
        if (message.type === 'links') resolve() // so that `links` tells the truth from the start
      })
      this.#worker.once('error', reject)
    })
    this.#worker.on('error', error => this.#onError(error))
    // A thread inside poll(2) cannot be ended from outside: whoever ends the process has to wake it first.
    process.on('exit', this.#onProcessExit)
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

  #send(message: ToLan): void {
    if (this.#hasEnded) return
    this.#worker.postMessage(message)
    wake(this.#wakeFd)
  }

  #onMessage(message: FromLan): void {
    switch (message.type) {
      case 'started':
        this.#isRunning = true
        return
      case 'applied':
        return this.#onApplied()
      case 'links':
        this.#links = message.links
        return
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
    this.#report = REAL_CLOCK.setTimer(REPORT_INTERVAL_MS, () => {
      this.#send({ type: 'report' })
      this.#reportLater()
    })
  }

  /** Before the start it is `started` that rejects. */
  #onError(error: unknown): void {
    this.#isEnding = true
    if (this.#isRunning) this.#components.onFailure(error instanceof Error ? error : new Error(String(error)))
  }

  #onEnd(): void {
    this.#hasEnded = true
    this.#report?.cancel()
    process.off('exit', this.#onProcessExit)
    closeWaker(this.#wakeFd)
    if (!this.#isEnding) this.#components.onFailure(new Error('the thread of the LAN ended'))
  }
}

const REPORT_INTERVAL_MS = 1_000

/** What ten thousand addresses with a hundred candidates take several times over. */
const MOST_HEAP_MB = 256

const isSource = import.meta.url.endsWith('.ts')

/** Beside this file in the source, beside the bundle in a build. */
function workerUrl(): URL {
  return new URL(isSource ? './worker.ts' : './lan-worker.js', import.meta.url)
}
