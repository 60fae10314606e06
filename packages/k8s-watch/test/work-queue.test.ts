import fc from 'fast-check'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { describe, expect, it } from 'vitest'
import { createWorkQueue, DONE, kubeFailure, type Outcome, type WorkQueue, type WorkQueueInit } from '../src/index.ts'
import { settled } from './scripted-server.ts'

interface Run {
  readonly key: string
  readonly at: number
  finish(outcome?: Outcome): Promise<void>
  throw(error: Error): Promise<void>
}

/** A queue whose runs end when the test says so. */
function held(init: Partial<WorkQueueInit> = {}): {
  clock: SimClock
  queue: WorkQueue
  runs: Run[]
  running: () => string[]
} {
  const clock = new SimClock()
  const runs: Run[] = []
  const open = new Map<Run, string>()
  const queue = createWorkQueue(
    { clock, random: new SimRandom(1) },
    {
      name: 'test',
      ...init,
      reconcile: key =>
        new Promise((resolve, reject) => {
          const run: Run = {
            key,
            at: clock.now(),
            finish: (outcome = DONE) => {
              open.delete(run)
              resolve(outcome)
              return settled()
            },
            throw: error => {
              open.delete(run)
              reject(error)
              return settled()
            },
          }
          runs.push(run)
          open.set(run, key)
        }),
    },
  )
  return { clock, queue, runs, running: () => [...open.values()] }
}

describe('the work queue', () => {
  it('[K-52] one key never runs twice at once; what is added meanwhile runs once more, however often it was added', async () => {
    const { queue, runs, running } = held({ concurrency: 4 })
    queue.start()
    for (let i = 0; i < 5; i++) queue.add('a')
    queue.add('b')
    expect(running().sort()).toEqual(['a', 'b'])
    for (let i = 0; i < 5; i++) queue.add('a')
    await runs[0]!.finish()
    expect(running().sort()).toEqual(['a', 'b'])
    expect(runs.map(({ key }) => key)).toEqual(['a', 'b', 'a'])
    await runs[2]!.finish()
    expect(running()).toEqual(['b'])
  })

  it('[K-52] in any order of adds and ends: no key twice at once, and every add is followed by a run that began after it', async () => {
    const keys = fc.constantFrom('a', 'b', 'c')
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            keys.map(key => ({ add: key })),
            fc.nat(5).map(end => ({ end })),
          ),
          { maxLength: 60 },
        ),
        async script => {
          const { queue, runs, running } = held({ concurrency: 2 })
          const open = (): Run[] =>
            runs.filter(
              run =>
                running().includes(run.key) &&
                runs.lastIndexOf(run) === runs.findLastIndex(({ key }) => key === run.key),
            )
          const lastAdd = new Map<string, number>()
          queue.start()
          for (const act of script) {
            if ('add' in act) {
              lastAdd.set(act.add, runs.length)
              queue.add(act.add)
            } else await open()[act.end % Math.max(1, open().length)]?.finish()
            expect(new Set(running()).size).toBe(running().length)
          }
          while (open().length > 0) await open()[0]!.finish()
          for (const [key, at] of lastAdd) expect(runs.slice(at).some(run => run.key === key)).toBe(true)
          expect(queue.length).toBe(0)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('[K-53] back-off is per key, grows, and is forgotten on success', async () => {
    const { clock, queue, runs } = held({ backoff: { baseMs: 100, maxMs: 1_000, jitter: 0 }, concurrency: 2 })
    queue.start()
    queue.add('a')
    const delays: number[] = []
    for (let i = 0; i < 6; i++) {
      const before = clock.now()
      await runs.at(-1)!.throw(new Error('no'))
      while (runs.length === i + 1) {
        clock.advance(50)
        await settled()
      }
      delays.push(clock.now() - before)
    }
    expect(delays).toEqual([100, 200, 400, 800, 1_000, 1_000])
    queue.add('b')
    await runs.at(-1)!.finish()
    await runs.at(-2)!.finish()
    queue.add('a')
    const before = clock.now()
    const { length } = runs
    await runs.at(-1)!.finish({ kind: 'retry', error: new Error('again') })
    while (runs.length === length) {
      clock.advance(50)
      await settled()
    }
    expect(clock.now() - before).toBe(100)
  })

  it('[K-54] an add runs at once what was asked for later, and the later one is not run besides', async () => {
    const { clock, queue, runs } = held()
    queue.start()
    queue.add('a')
    await runs[0]!.finish({ kind: 'later', ms: 10_000 })
    clock.advance(1_000)
    queue.add('a')
    expect(runs).toHaveLength(2)
    await runs[1]!.finish()
    clock.advance(60_000)
    expect(runs).toHaveLength(2)
    queue.add('b')
    await runs[2]!.finish({ kind: 'later', ms: 5_000 })
    clock.advance(4_999)
    expect(runs).toHaveLength(3)
    clock.advance(1)
    expect(runs).toHaveLength(4)
  })

  it('[K-55] what is live overtakes the backlog of a start', async () => {
    const { queue, runs } = held()
    for (let i = 0; i < 100; i++) queue.add(`old-${i}`, { priority: 'backlog' })
    queue.start()
    queue.add('new')
    queue.add('old-50')
    await runs[0]!.finish()
    await runs[1]!.finish()
    await runs[2]!.finish()
    expect(runs.slice(0, 4).map(({ key }) => key)).toEqual(['old-0', 'new', 'old-50', 'old-1'])
  })

  it('[K-56] stopping begins nothing more, and waits for what runs', async () => {
    const { clock, queue, runs } = held()
    queue.start()
    queue.add('a')
    queue.add('b')
    let stopped = false
    const stopping = queue.stop().then(() => (stopped = true))
    await settled()
    expect(stopped).toBe(false)
    queue.add('c')
    await runs[0]!.finish({ kind: 'retry', error: new Error('no') })
    clock.advance(60_000)
    await settled()
    expect(runs).toHaveLength(1)
    expect(clock.pending).toBe(0)
    await stopping
    expect(stopped).toBe(true) // 'c' waits for another start, nobody waits for 'c'
    queue.start()
    expect(runs.map(({ key }) => key)).toEqual(['a', 'c'])
  })

  it('[K-56] stopping may work off first what waits, for a time', async () => {
    const { clock, queue, runs } = held()
    queue.start()
    for (const key of ['a', 'b', 'c']) queue.add(key)
    let stopped = false
    void queue.stop({ drainMs: 1_000 }).then(() => (stopped = true))
    await runs[0]!.finish()
    expect(runs.map(({ key }) => key)).toEqual(['a', 'b'])
    clock.advance(1_000)
    await settled()
    expect(stopped).toBe(false) // 'b' runs still
    await runs[1]!.finish()
    await settled()
    expect([stopped, runs.length, clock.pending]).toEqual([true, 2, 0])
  })

  it('[K-56] what could be worked off in time leaves nothing waiting', async () => {
    const { clock, queue, runs } = held()
    queue.start()
    queue.add('a')
    const stopping = queue.stop({ drainMs: 1_000 })
    await runs[0]!.finish()
    await stopping
    expect(clock.pending).toBe(0)
  })

  it('a queue that is full forgets names, not work', async () => {
    const keys = Array.from({ length: 10 }, (_, i) => `k${i}`)
    const { queue, runs } = held({ mostKeys: 3, everyKey: () => keys })
    for (const key of keys) queue.add(key)
    expect(queue.length).toBe(3)
    queue.start()
    const done = new Set<string>()
    for (let i = 0; i < runs.length && i < 100; i++) {
      done.add(runs[i]!.key)
      await runs[i]!.finish()
    }
    expect([...done].sort()).toEqual(keys)
    expect(queue.length).toBe(0)
  })

  it('walks many keys after what waits, and reads each when there is time for it', async () => {
    const { queue, runs } = held({})
    const read: string[] = []
    function* keys(): Generator<string> {
      for (const key of ['a', 'b', 'c']) {
        read.push(key)
        yield key
      }
    }
    queue.addEvery('some', keys())
    queue.start()
    queue.add('live')
    queue.add('old', { priority: 'backlog' })
    expect(read).toEqual(['a', 'b'])
    for (let i = 0; i < runs.length; i++) await runs[i]!.finish()
    expect(runs.map(({ key }) => key)).toEqual(['a', 'live', 'old', 'b', 'c'])
    expect(queue.length).toBe(0)
  })

  it('one walk of a source is under way; that of another goes on beside it', async () => {
    const { queue, runs } = held({})
    queue.start()
    queue.addEvery('some', ['a', 'b'])
    queue.addEvery('others', ['x'])
    queue.addEvery('some', ['a', 'b'])
    expect(queue.length).toBe(3) // one runs, and two walks
    for (let i = 0; i < runs.length; i++) await runs[i]!.finish()
    expect(runs.map(({ key }) => key)).toEqual(['a', 'x', 'a', 'b'])
    await queue.idle()
  })

  it('a key that is walked over while it runs is run again, never twice at once', async () => {
    const { queue, runs } = held({ concurrency: 2 })
    queue.start()
    queue.add('a')
    queue.addEvery('some', ['a', 'b'])
    expect(runs.map(({ key }) => key)).toEqual(['a', 'b'])
    await runs[0]!.finish()
    expect(runs.map(({ key }) => key)).toEqual(['a', 'b', 'a'])
  })

  it('a key that somebody waits for goes before a walk that has used up its turn', async () => {
    let now = 0
    const turns: (() => void)[] = []
    const clock = {
      now: () => now,
      wallTime: () => now,
      setTimer: (_: number, fire: () => void) => (turns.push(fire), { cancel: () => {} }),
    }
    const done: string[] = []
    const reconcile =
      (ms: number) =>
      (key: string): Outcome => {
        now += ms
        done.push(key)
        return DONE
      }
    const queue = createWorkQueue({ clock, random: new SimRandom(1) }, { name: 'test', reconcile: reconcile(1) })
    const signs = createWorkQueue(
      { clock, random: new SimRandom(1) },
      { name: 'signs', urgency: 'backlog', reconcile: reconcile(1) },
    )
    queue.start()
    signs.start()
    queue.addEvery(
      'all',
      Array.from({ length: 100 }, (_, i) => `k${i}`),
    )
    await settled()
    expect(done).toEqual(['k0', 'k1', 'k2', 'k3', 'k4'])
    signs.add('sign')
    queue.add('changed')
    expect(done.at(-1)).toBe('changed')
    for (const fire of turns.splice(0)) fire()
    await settled()
    expect(done).not.toContain('sign') // what the change led to goes out first
    for (const fire of turns.splice(0)) fire()
    await settled()
    expect(done).toContain('sign')
    while (turns.length > 0) {
      for (const fire of turns.splice(0)) fire()
      await settled()
    }
    expect([done.length, queue.length, signs.length]).toEqual([102, 0, 0])
  })

  it('a search that finds nothing takes its turns, and comes to an end', async () => {
    const { queue, runs } = held({})
    const length = 10_000
    let seen = 0
    function* search(): Generator<string | undefined> {
      for (; seen < length; seen++) yield seen === length / 2 ? 'found' : undefined
    }
    queue.start()
    queue.addEvery('some', search())
    expect(runs.map(({ key }) => key)).toEqual(['found'])
    await runs[0]!.finish()
    await queue.idle()
    expect([seen, queue.length]).toEqual([length, 0])
  })

  it('stops in the middle of a walk', async () => {
    const { queue, runs } = held({})
    queue.start()
    queue.addEvery('some', ['a', 'b', 'c'])
    const stopped = queue.stop()
    await runs[0]!.finish()
    await stopped
    expect([runs.length, queue.length]).toEqual([1, 0])
  })

  it('[K-62] a server that asks to wait is not asked again earlier', async () => {
    const { clock, queue, runs } = held({ backoff: { baseMs: 10, maxMs: 100, jitter: 0 } })
    queue.start()
    queue.add('a')
    const problem = { code: 'too-many-requests', status: 429, message: 'busy', retryAfterMs: 3_000 } as const
    await runs[0]!.finish({ kind: 'retry', error: kubeFailure(problem) })
    clock.advance(2_999)
    expect(runs).toHaveLength(1)
    clock.advance(1)
    expect(runs).toHaveLength(2)
  })

  it('what has no use is not tried again', async () => {
    const { clock, queue, runs } = held()
    queue.start()
    queue.add('a')
    await runs[0]!.finish({ kind: 'failed', error: new Error('refused') })
    clock.advance(600_000)
    expect(runs).toHaveLength(1)
  })
})
