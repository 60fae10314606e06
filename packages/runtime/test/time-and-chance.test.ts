import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backoffDelay, delay, jittered, randomInteger } from '../src/index.ts'
import { REAL_CLOCK, realRandom } from '../src/node/index.ts'
import { SimClock, SimRandom } from '../src/testing/index.ts'

describe('SimClock', () => {
  it('fires by deadline, and in the order set where those are equal', () => {
    const delays = fc.array(fc.nat(50), { maxLength: 60 })
    fc.assert(
      fc.property(delays, all => {
        const clock = new SimClock()
        const fired: [number, number][] = []
        for (const [i, ms] of all.entries()) clock.setTimer(ms, () => fired.push([clock.now(), i]))
        clock.advance(50)
        const expected = all.map((ms, i): [number, number] => [ms, i]).sort(([a, i], [b, j]) => a - b || i - j)
        expect(fired).toEqual(expected)
        expect(clock.pending).toBe(0)
      }),
    )
  })

  it('a timer set while another fires is fired too when it falls due', () => {
    const clock = new SimClock()
    const at: number[] = []
    clock.setTimer(10, () => clock.setTimer(10, () => at.push(clock.now())))
    clock.advance(25)
    expect(at).toEqual([20])
    expect(clock.now()).toBe(25)
  })

  it('cancelled timers do not fire; cancelling twice, or after firing, does no harm', () => {
    const clock = new SimClock()
    let fired = 0
    const cancelled = clock.setTimer(5, () => fired++)
    const kept = clock.setTimer(5, () => fired++)
    cancelled.cancel()
    cancelled.cancel()
    clock.advance(5)
    kept.cancel()
    expect(fired).toBe(1)
    expect(clock.next()).toBe(false)
  })

  it('has wall time of its own', () => {
    const clock = new SimClock(1_000)
    clock.advance(234)
    expect(clock.wallTime()).toBe(1_234)
  })
})

describe('delay', () => {
  it('resolves in its time, or rejects at once when it is aborted, and leaves no timer', async () => {
    const clock = new SimClock()
    const done = delay(clock, 100)
    clock.advance(100)
    await done
    const abort = new AbortController()
    const aborted = delay(clock, 100, abort.signal)
    abort.abort(new Error('enough'))
    await expect(aborted).rejects.toThrow('enough')
    await expect(delay(clock, 100, abort.signal)).rejects.toThrow('enough')
    expect(clock.pending).toBe(0)
  })
})

describe('the real clock', () => {
  it('fires, cancels, and takes delays longer than Node does', async () => {
    let early = false
    const month = REAL_CLOCK.setTimer(40 * 86_400_000, () => (early = true))
    const cancelled = REAL_CLOCK.setTimer(1, () => (early = true))
    cancelled.cancel()
    await new Promise<void>(resolve => REAL_CLOCK.setTimer(5, resolve))
    month.cancel()
    expect(early).toBe(false)
    expect(REAL_CLOCK.now()).toBeGreaterThan(0)
    expect(REAL_CLOCK.wallTime()).toBeGreaterThan(Date.UTC(2024, 0, 1))
  })
})

describe('chance', () => {
  it('of one seed is always the same, and lies in [0, 1)', () => {
    const draws = (seed: number): number[] =>
      Array.from(
        { length: 1_000 },
        (
          (random: SimRandom) => () =>
            random.next()
        )(new SimRandom(seed)),
      )
    expect(draws(42)).toEqual(draws(42))
    expect(draws(42)).not.toEqual(draws(43))
    const random = realRandom()
    for (const value of [...draws(7), ...Array.from({ length: 2_000 }, () => random.next())]) {
      expect(value).toBeGreaterThanOrEqual(0)
      expect(value).toBeLessThan(1)
    }
  })

  it('integers stay below their bound', () => {
    const random = new SimRandom(1)
    const seen = new Set(Array.from({ length: 300 }, () => randomInteger(random, 6)))
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5])
    expect(jittered(random, 1_000, 0)).toBe(1_000)
  })
})

describe('backoffDelay', () => {
  it('grows by its factor up to its limit, with jitter around it', () => {
    const still = { baseMs: 100, maxMs: 1_000, jitter: 0 }
    const random = new SimRandom(1)
    expect([0, 1, 2, 3, 4, 1_000_000].map(attempt => backoffDelay(still, attempt, random))).toEqual([
      100, 200, 400, 800, 1_000, 1_000,
    ])
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (attempt, seed) => {
        const ms = backoffDelay({ baseMs: 100, maxMs: 10_000, factor: 3 }, attempt, new SimRandom(seed))
        expect(ms).toBeGreaterThanOrEqual(75)
        expect(ms).toBeLessThan(12_500)
      }),
    )
  })
})
