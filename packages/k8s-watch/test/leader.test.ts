import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  createClient,
  createLeader,
  LEASES,
  type KubeClient,
  type KubeTransport,
  type Leader,
  type Lease,
} from '../src/index.ts'
import { ApiCore } from '../src/testing/index.ts'
import { settled } from './scripted-server.ts'

/** An API server in memory whose answers can be held back from one candidate. */
class Candidates {
  readonly clock = new SimClock()
  readonly core = new ApiCore()
  readonly said: string[] = []
  readonly cutOff = new Set<string>()
  readonly leaders = new Map<string, Leader>()

  client(identity: string): KubeClient {
    const transport: KubeTransport = {
      close: () => Promise.resolve(),
      request: async ({ method, path, body }) => {
        if (this.cutOff.has(identity)) throw new Error('no route')
        const target = this.core.target(path)!
        const object = body === undefined ? undefined : (JSON.parse(body) as never)
        const { status, body: answer } =
          method === 'GET'
            ? this.core.get(target)
            : method === 'POST'
              ? this.core.create(target, object!)
              : method === 'PUT'
                ? this.core.replace(target, object!)
                : this.core.delete(target)
        const text = JSON.stringify(answer)
        return { status, headers: {}, text: () => Promise.resolve(text), lines: async function* () {} }
      },
    }
    return createClient(transport)
  }

  add(identity: string, clock: SimClock = this.clock): Leader {
    const leader = createLeader(
      { client: this.client(identity), clock, random: new SimRandom(identity.length) },
      {
        namespace: 'metallb-system',
        name: 'controller',
        identity,
        onBegan: () => this.said.push(`${identity} leads`),
        onEnded: why => this.said.push(`${identity} ${why}`),
      },
    )
    this.leaders.set(identity, leader)
    leader.start()
    return leader
  }

  get leading(): readonly string[] {
    return [...this.leaders].filter(([, leader]) => leader.check()).map(([identity]) => identity)
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 100) {
      this.clock.advance(Math.min(100, left))
      await settled()
      expect(this.leading.length, `at ${this.clock.now()}`).toBeLessThanOrEqual(1)
    }
  }

  async until(holds: () => boolean, limitMs: number): Promise<number> {
    const from = this.clock.now()
    while (!holds() && this.clock.now() - from < limitMs) await this.pass(100)
    expect(holds()).toBe(true)
    return this.clock.now() - from
  }

  lease(): Promise<Lease> {
    return this.client('looks').get<Lease>(LEASES, 'metallb-system/controller')
  }
}

describe('leader election', () => {
  let scene: Candidates
  beforeEach(() => {
    scene = new Candidates()
  })
  afterEach(() => {
    for (const leader of scene.leaders.values()) void leader.stop()
  })

  it('[K-66] of two that begin together one leads, and goes on leading', async () => {
    scene.add('a')
    scene.add('b')
    await scene.pass(1_000)
    const [leader] = scene.leading
    expect(scene.leading).toHaveLength(1)
    await scene.pass(120_000)
    expect(scene.leading).toEqual([leader])
    expect(scene.said).toEqual([`${leader} leads`])
    const { spec } = await scene.lease()
    expect(spec).toMatchObject({ holderIdentity: leader, leaseDurationSeconds: 15, leaseTransitions: 0 })
    expect(spec?.renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
  })

  it('[K-69] a killed holder is followed within 17 s, one that stops within 3 s', async () => {
    scene.add('a')
    await scene.pass(500)
    scene.add('b')
    await scene.pass(5_000)
    scene.cutOff.add('a')
    scene.leaders.delete('a')
    expect(await scene.until(() => scene.leading.includes('b'), 20_000)).toBeLessThan(17_500)
    expect((await scene.lease()).spec?.leaseTransitions).toBe(1)
    scene.add('c')
    await scene.pass(5_000)
    const stopping = scene.leaders.get('b')!.stop()
    await settled()
    await stopping
    expect(scene.said).toContain('b stopped')
    expect(await scene.until(() => scene.leading.includes('c'), 10_000)).toBeLessThan(3_000)
  })

  it('[K-64] a holder without a network stops acting before another may begin', async () => {
    scene.add('a')
    await scene.pass(500)
    scene.add('b')
    await scene.pass(5_000)
    scene.cutOff.add('a')
    expect(await scene.until(() => !scene.leading.includes('a'), 15_000)).toBeLessThan(12_500)
    expect(scene.said).toContain('a lost')
    await scene.until(() => scene.leading.includes('b'), 20_000)
    scene.cutOff.delete('a')
    await scene.pass(60_000)
    expect(scene.leading).toEqual(['b'])
  })

  it('[K-64] eleven seconds without a network are survived by who can renew in the tenth', async () => {
    scene.add('a')
    await scene.pass(500)
    scene.cutOff.add('a')
    await scene.pass(7_000)
    scene.cutOff.delete('a')
    await scene.pass(5_000)
    expect(scene.said).toEqual(['a leads'])
    expect(scene.leading).toEqual(['a'])
  })

  it('[K-65] a blocked loop: no timer has fired yet, and still nothing may be written', async () => {
    const leader = scene.add('a')
    await scene.pass(500)
    expect(leader.check()).toBe(true)
    const { now } = scene.clock
    scene.clock.now = () => now.call(scene.clock) + 12_000
    expect(leader.check()).toBe(false)
    scene.clock.now = now
  })

  it('[K-67] clocks that disagree by an hour change nothing', async () => {
    const late = new SimClock(Date.UTC(2020, 0, 1))
    scene.add('a')
    await scene.pass(500)
    scene.add('b', late)
    for (let i = 0; i < 600; i++) {
      late.advance(100)
      await scene.pass(100)
    }
    expect(scene.leading).toEqual(['a'])
  })

  it('[K-68] a lease deleted by hand is made again by who leads', async () => {
    scene.add('a')
    await scene.pass(500)
    scene.add('b')
    await scene.pass(500)
    await scene.client('hand').remove(LEASES, 'metallb-system/controller')
    await scene.pass(30_000)
    expect(scene.leading).toHaveLength(1)
    expect((await scene.lease()).spec?.holderIdentity).toBe(scene.leading[0])
  })

  it('[K-66] any order of cuts, returns and stops: never two that may act', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = new SimRandom(seed)
      const one = new Candidates()
      for (const identity of ['a', 'b', 'c']) one.add(identity)
      for (let step = 0; step < 40; step++) {
        const who = ['a', 'b', 'c'][Math.floor(random.next() * 3)]!
        if (random.next() < 0.5) one.cutOff.add(who)
        else one.cutOff.delete(who)
        await one.pass(Math.ceil(random.next() * 8_000))
      }
      one.cutOff.clear()
      await one
        .until(() => one.leading.length === 1, 40_000)
        .catch((error: Error) => {
          throw new Error(`seed ${seed}: ${error.message}`)
        })
      for (const leader of one.leaders.values()) void leader.stop()
    }
  })
})
