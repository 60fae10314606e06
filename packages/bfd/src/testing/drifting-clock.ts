import type { Clock } from '@metallb-ts/runtime'

/** A clock that goes faster (over 1) or slower than the one it is made from, as two machines' clocks do. */
export function driftingClock(clock: Clock, rate: number): Clock {
  return {
    now: () => clock.now() * rate,
    wallTime: () => clock.wallTime(),
    setTimer: (ms, fire) => clock.setTimer(ms / rate, fire),
  }
}
