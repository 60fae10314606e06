import type { TimerEffect } from '@metallb-ts/runtime'
import { jitteredDelay } from './intervals.ts'
import type { SessionInput, SessionTimer } from './session.ts'
import type { SessionSettings, SessionState } from './session-state.ts'

/** Between our echoes; undefined while none may go (RFC 5880 §6.8.9): both up, and the peer returns them. */
export function echoIntervalMs({ profile, isEchoPath }: SessionSettings, state: SessionState): number | undefined {
  if (!profile.echoMode || !isEchoPath || state.name !== 'up' || state.peer.requiredMinEchoRxUs === 0) return undefined
  return Math.max(profile.echoIntervalMs, state.peer.requiredMinEchoRxUs / 1_000)
}

/** How long echoes may stay away. */
export function echoDetectionTimeMs(settings: SessionSettings, state: SessionState): number | undefined {
  const interval = echoIntervalMs(settings, state)
  return interval === undefined ? undefined : interval * (state.peer?.detectMultiplier ?? 1)
}

/** When echoes have stayed away for too long; Infinity while none are waited for. */
export function echoDeadline(settings: SessionSettings, state: SessionState): number {
  const echoedAt = state.name === 'up' ? state.echoedAt : undefined
  return (echoedAt ?? 0) + (echoDetectionTimeMs(settings, state) ?? Infinity)
}

/** The first echo is waited for from now on; where none go, none are. */
export function withEcho(settings: SessionSettings, state: SessionState, now: number): SessionState {
  if (state.name !== 'up') return state
  const echoedAt = echoIntervalMs(settings, state) === undefined ? undefined : (state.echoedAt ?? now)
  return echoedAt === state.echoedAt ? state : { ...state, echoedAt }
}

/** The timer of our echoes; another interval holds from the next one on. */
export function echoTimers(
  settings: SessionSettings,
  before: SessionState,
  after: SessionState,
  input: SessionInput,
): readonly TimerEffect<SessionTimer>[] {
  const interval = echoIntervalMs(settings, after)
  const wasSent = input.type === 'expired' && input.timer === 'echo'
  if (interval === undefined) return isEchoing(before) ? [{ type: 'stop-timer', timer: 'echo' }] : []
  if (!wasSent && isEchoing(before)) return []
  const delay = wasSent ? jitteredDelay(interval, 0, settings.profile.detectMultiplier) : { ms: 0 }
  return [{ type: 'start-timer', timer: 'echo', ...delay }]
}

function isEchoing(state: SessionState): boolean {
  return state.name === 'up' && state.echoedAt !== undefined
}
