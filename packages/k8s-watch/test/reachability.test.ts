import { EventBus } from '@metallb-ts/event-bus'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { afterEach, describe, expect, it } from 'vitest'
import {
  CONFIG_MAPS,
  createInformer,
  NODES,
  SERVICES,
  type Informer,
  type KubeEvents,
  type KubeTransport,
  type Resource,
} from '../src/index.ts'
import { Asked, settled } from './scripted-server.ts'

/** Stores that share a transport, before a server that may be gone, or refuse to answer for some of them. */
class Shared {
  readonly clock: SimClock = new SimClock()
  readonly asked: Asked[] = []
  readonly stores: readonly Informer<unknown>[]
  /** Plurals of what there is no answer for. */
  silentFor: ReadonlySet<string> = new Set()
  #answered = 0

  constructor(resources: readonly Resource[], seed: number) {
    const events = new EventBus<KubeEvents>({ now: () => this.clock.now(), onHandlerError: console.error })
    const transport: KubeTransport = {
      close: () => Promise.resolve(),
      request: request =>
        new Promise((resolve, reject) => void this.asked.push(new Asked(request, this.clock.now(), resolve, reject))),
    }
    const seams = { transport, events, clock: this.clock, random: new SimRandom(seed) }
    this.stores = resources.map(resource => createInformer(seams, { resource, initial: 'pages' }))
  }

  async start(): Promise<void> {
    for (const store of this.stores) store.start()
    await this.pass(0)
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left >= 0; left -= STEP_MS) {
      this.clock.advance(Math.min(left, STEP_MS))
      for (let i = 0; i < 4; i++) {
        await settled()
        while (this.#answered < this.asked.length) await this.#answer(this.asked[this.#answered++]!)
      }
    }
  }

  async cut(): Promise<void> {
    for (const watch of this.asked.filter(({ isWatch }) => isWatch)) await watch.end(new Error('reset'))
  }

  times(plural: string): readonly number[] {
    return this.asked.filter(({ request }) => request.path.endsWith(plural)).map(({ at }) => at)
  }

  async #answer(asked: Asked): Promise<void> {
    const plural = asked.request.path.split('/').at(-1)!
    if (this.silentFor.has(plural)) return asked.fail()
    return asked.isWatch ? asked.events() : asked.list([], 5)
  }
}

const STEP_MS = 50
const RESOURCES = [CONFIG_MAPS, SERVICES, NODES]
const EVERYTHING = new Set(RESOURCES.map(({ plural }) => plural))

describe('a server that comes back', () => {
  let shared: Shared
  afterEach(() => {
    for (const store of shared.stores) store.stop()
    expect(shared.clock.pending).toBe(0)
  })

  it.each([1, 2, 3, 4, 5])(
    '[K-39] who finds it first spares the others the rest of their wait (seed %i)',
    async seed => {
      shared = new Shared(RESOURCES, seed)
      await shared.start()
      await shared.pass(1_000)
      shared.silentFor = EVERYTHING
      await shared.cut()
      await shared.pass(60_000)
      const before = shared.asked.length
      shared.silentFor = new Set()
      await shared.pass(40_000)
      const back = shared.asked.slice(before)
      expect(back).toHaveLength(RESOURCES.length)
      expect(back.at(-1)!.at - back[0]!.at).toBeLessThanOrEqual(STEP_MS)
      expect(shared.stores.every(({ trouble }) => trouble === undefined)).toBe(true)
    },
  )

  it('one that has no answer for one resource is not asked for it sooner than after the shortest wait', async () => {
    shared = new Shared(RESOURCES, 1)
    shared.silentFor = new Set(['nodes'])
    await shared.start()
    for (let i = 0; i < 300; i++) {
      await shared.pass(100)
      for (const watch of shared.asked.filter(({ isWatch, at }) => isWatch && shared.clock.now() - at > 1_500))
        await watch.end()
    }
    const times = shared.times('nodes')
    const gaps = times.slice(1).map((at, i) => at - times[i]!)
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(600) // 800 ms, a quarter less by jitter
    expect(times.length).toBeLessThan(45)
  })
})
