import type { Clock, Timer } from '../clock.ts'

/**
 * The machine's own time. A timer of more than 24.8 days is re-armed, for Node counts no further; one of no time at all
 * fires in the next turn of the event loop, where Node would let a millisecond pass.
 */
export const REAL_CLOCK: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  setTimer: (ms, fire) => (ms <= 0 ? nextTurn(fire) : longTimer(ms, fire)),
}

function nextTurn(fire: () => void): Timer {
  const handle = setImmediate(fire)
  return { cancel: () => clearImmediate(handle) }
}

function longTimer(ms: number, fire: () => void): Timer {
  let handle: NodeJS.Timeout
  const arm = (left: number): void => {
    handle =
      left > MAX_TIMEOUT_MS ? setTimeout(() => arm(left - MAX_TIMEOUT_MS), MAX_TIMEOUT_MS) : setTimeout(fire, left)
  }
  arm(ms)
  return { cancel: () => clearTimeout(handle) }
}

const MAX_TIMEOUT_MS = 0x7fff_ffff
