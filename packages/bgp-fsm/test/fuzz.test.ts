import { SimRandom } from '@metallb-ts/runtime/testing'
import { describe, expect, test } from 'vitest'
import { fuzzMessages, fuzzSessions, fuzzStreams } from './fuzz/checks.ts'
import { Mutator } from './fuzz/mutate.ts'

// A share of what `node scripts/fuzz.ts` does with ten million inputs.
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 40_000)
const SEED = Number(process.env['SEED'] ?? 20_260_101)
const TIMEOUT_MS = 60_000 + RUNS / 5

describe(`whatever comes (seed ${SEED})`, () => {
  test(
    `[B-UPD-12] ${RUNS} messages: read without a throw, to nothing larger than they are, and what is valid is written as it was read`,
    () => {
      const { valid, mended, refused } = fuzzMessages(new Mutator(new SimRandom(SEED)), RUNS, SEED)
      // Far from the valid nothing is tried, far from the invalid neither.
      expect(Math.min(valid, mended, refused)).toBeGreaterThan(RUNS / 100)
    },
    TIMEOUT_MS,
  )

  test(
    `[B-HDR-06] ${RUNS / 10} streams: however they are cut, the same frames and the same end`,
    () => fuzzStreams(new Mutator(new SimRandom(SEED + 1)), RUNS / 10, SEED + 1),
    TIMEOUT_MS,
  )

  test(
    `[B-HDR-07] ${RUNS / 40} sessions: they go on, or end with a NOTIFICATION or without a word, and another one follows`,
    () => fuzzSessions(new Mutator(new SimRandom(SEED + 2)), RUNS / 40, SEED + 2),
    TIMEOUT_MS,
  )
})
