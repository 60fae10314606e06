import type { TimerEffect } from '@metallb-ts/runtime'
import type { Negotiated } from './negotiate.ts'
import type { SessionTimer } from './session-state.ts'

/** Those that no idle session leaves running. */
export const ALL_TIMERS = ['connect-retry', 'hold-due', 'hold', 'keepalive', 'delay-open'] as const

export function armAgreedHold({ holdSeconds }: Negotiated): readonly TimerEffect<SessionTimer>[] {
  return holdSeconds === 0 ? [stop('hold-due'), stop('hold')] : armHold(holdSeconds * 1_000)
}

/** RFC 4271 §10: never jittered. */
export function armHold(ms: number): readonly TimerEffect<SessionTimer>[] {
  return [stop('hold'), start('hold-due', ms)]
}

export function armKeepalive({ keepaliveSeconds }: Negotiated): readonly TimerEffect<SessionTimer>[] {
  if (keepaliveSeconds === 0) return []
  return [{ type: 'start-timer', timer: 'keepalive', ...jitteredDown(keepaliveSeconds * 1_000) }]
}

/** RFC 4271 §10: 75 % to 100 % of the value, as a middle and a fraction either way. */
export function jitteredDown(ms: number): { readonly ms: number; readonly jitter: number } {
  return { ms: ms * 0.875, jitter: 1 / 7 }
}

export function start(timer: SessionTimer, ms: number): TimerEffect<SessionTimer> {
  return { type: 'start-timer', timer, ms }
}

export function stop(timer: SessionTimer): TimerEffect<SessionTimer> {
  return { type: 'stop-timer', timer }
}
