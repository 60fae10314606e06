import type { TimerEffect } from '@metallb-ts/runtime'
import type { SessionInput, SessionTimer } from './session.ts'

/** A deadline that moves with everything received, while the timer that guards it mostly stays as it is. */
export interface Watch {
  /** When a timer makes us look again; Infinity while none runs. */
  readonly lookAt: number
}

export const NO_WATCH: Watch = { lookAt: Infinity }

interface WatchTimers {
  /** Fires at the deadline or before it. */
  readonly due: SessionTimer
  /** Fires when what had arrived by then has been read. */
  readonly confirmed: SessionTimer
}

/** A timer that would fire too late is replaced; one that fires too early looks again. `deadline`: Infinity for none. */
export function rewatch(
  watch: Watch,
  { due, confirmed }: WatchTimers,
  deadline: number,
  input: SessionInput,
  now: number,
): { readonly watch: Watch; readonly timers: readonly TimerEffect<SessionTimer>[] } {
  const fired = input.type === 'expired' ? input.timer : undefined
  const isLooking = fired === due || fired === confirmed
  const lookAt = isLooking ? Infinity : watch.lookAt
  if (lookAt <= deadline) return { watch: { lookAt }, timers: [] }
  if (fired === due && isOver(deadline, now)) return arm(confirmed, READ_FIRST_MS, now)
  return arm(due, Math.min(LONGEST_WAIT_MS, Math.max(0, deadline - now)), now)
}

export function isOver(deadline: number, now: number): boolean {
  return now >= deadline - ROUNDING_MS
}

/** Timers that are replaced linger in some clocks until they would have fired. */
export const LONGEST_WAIT_MS = 60_000

const READ_FIRST_MS = 1 // one turn of the event loop: what waits in the socket is read before a deadline counts
const ROUNDING_MS = 0.001 // of clocks that count in floating point

function arm(timer: SessionTimer, ms: number, now: number): ReturnType<typeof rewatch> {
  return { watch: { lookAt: now + ms }, timers: [{ type: 'start-timer', timer, ms }] }
}
