import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isTransmissionDue, jitteredDelay } from '../src/intervals.ts'

const thousandths = (most: number): fc.Arbitrary<number> => fc.nat({ max: most }).map(n => n / 1_000)

test('[F-TX-02] [F-TX-03] [F-TX-04] every draw lies in 75 to 100 % of the interval, 90 for multiplier 1, counted from the last packet', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60_000 }),
      thousandths(1_500),
      fc.integer({ min: 1, max: 255 }),
      thousandths(1_000),
      (interval, passedShare, multiplier, draw) => {
        const passed = interval * passedShare
        const { ms, jitter } = jitteredDelay(interval, passed, multiplier)
        const delay = ms * (1 - jitter + 2 * jitter * draw)
        const share = (passed + delay) / interval
        const most = multiplier === 1 ? 0.9 : 1
        expect(share).toBeGreaterThanOrEqual(Math.max(0.75, passedShare) - 1e-9)
        expect(share).toBeLessThanOrEqual(Math.max(most, passedShare) + 1e-9)
      },
    ),
  )
})

test('[F-TX-02] what is too long for a timer comes in parts', () => {
  expect(jitteredDelay(4_000_000, 0, 3)).toEqual({ ms: 60_000, jitter: 0 })
  expect(isTransmissionDue(4_000_000, 60_000)).toBe(false)
  expect(isTransmissionDue(4_000_000, 3_000_000)).toBe(true)
})

test('a first packet goes at once', () => {
  expect(jitteredDelay(1_000, Infinity, 3)).toEqual({ ms: 0, jitter: 0 })
})
