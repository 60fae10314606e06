import { expect, test } from 'vitest'
import type { SessionInput } from '../src/session.ts'
import { LONGEST_WAIT_MS, NO_WATCH, rewatch, type Watch } from '../src/watch.ts'

const TIMERS = { due: 'detect-due', confirmed: 'detect' } as const
const PACKET: SessionInput = { type: 'echoed' }
const fired = (timer: 'detect-due' | 'detect'): SessionInput => ({ type: 'expired', timer })

function timers(watch: Watch, deadline: number, input: SessionInput, now: number): unknown[] {
  const { timers: effects } = rewatch(watch, TIMERS, deadline, input, now)
  return effects.map(effect => (effect.type === 'start-timer' ? [effect.timer, effect.ms] : effect))
}

test('[F-DET-01] a deadline that moves away leaves its timer alone, one that comes nearer does not', () => {
  expect(timers(NO_WATCH, 900, PACKET, 0)).toEqual([['detect-due', 900]])
  expect(timers({ lookAt: 900 }, 1_200, PACKET, 300)).toEqual([])
  expect(timers({ lookAt: 900 }, 600, PACKET, 300)).toEqual([['detect-due', 300]])
  expect(timers({ lookAt: 900 }, 200, PACKET, 300)).toEqual([['detect-due', 0]])
  expect(timers({ lookAt: 900 }, Infinity, PACKET, 300)).toEqual([])
})

test('[F-DET-03] a timer that fires looks again, and once more before it counts', () => {
  expect(timers({ lookAt: 900 }, 1_200, fired('detect-due'), 900)).toEqual([['detect-due', 300]])
  expect(timers({ lookAt: 900 }, 900, fired('detect-due'), 900)).toEqual([['detect', 1]])
  expect(timers({ lookAt: 901 }, 1_700, fired('detect'), 901)).toEqual([['detect-due', 799]])
  expect(timers({ lookAt: 900 }, Infinity, fired('detect-due'), 900)).toEqual([])
})

test('no timer is longer than a minute, however far the deadline', () => {
  expect(timers(NO_WATCH, 1e9, PACKET, 0)).toEqual([['detect-due', LONGEST_WAIT_MS]])
  expect(timers({ lookAt: LONGEST_WAIT_MS }, 1e9, fired('detect-due'), LONGEST_WAIT_MS)).toEqual([
    ['detect-due', LONGEST_WAIT_MS],
  ])
})
