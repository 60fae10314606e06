import type { Step, TimerEffect } from '@metallb-ts/runtime'
import type { RestartTerms } from './peer-restart.ts'

/** One family of a peer's routes, from the loss of the session until all of them are fresh again (RFC 4724 §4.2). */
export type RetentionState =
  /** The session stands, or there is nothing to keep. */
  | { readonly name: 'fresh' }
  /** The peer is away. `longLivedSeconds`: for which its routes may serve after the restart time. */
  | { readonly name: 'away'; readonly longLivedSeconds: number }
  /** Away beyond its restart time, its routes the last resort (RFC 9494 §4.2). */
  | { readonly name: 'long-lived' }
  /** Back, and it has not told everything yet. */
  | { readonly name: 'resuming' }

export type RetentionInput =
  /** The session ended. Without terms nothing of this family is kept. */
  | { readonly type: 'lost'; readonly terms: RestartTerms | undefined }
  /** A new session. `isKept`: the peer still names this family, and forwarded meanwhile. */
  | { readonly type: 'established'; readonly isKept: boolean }
  | { readonly type: 'end-of-rib' }
  /** BFD, which no restart disturbs, says that the way there does not work. */
  | { readonly type: 'path-failed' }
  | { readonly type: 'expired'; readonly timer: RetentionTimer }

export type RetentionTimer = 'restart' | 'long-lived' | 'stale'

export type RetentionEffect =
  /** What was announced is stale from now on. */
  | { readonly type: 'mark-stale' }
  /** The stale ones serve as a last resort only. */
  | { readonly type: 'mark-long-lived' }
  /** The stale ones go. */
  | { readonly type: 'sweep'; readonly because: SweepReason }
  /** All of them go. */
  | { readonly type: 'drop' }

/** Why routes that were kept for a restarting peer are gone. */
export type SweepReason =
  'announced-anew' | 'not-back-in-time' | 'no-end-of-rib' | 'forwarding-stopped' | 'restarted-twice' | 'path-failed'

type Answer = Step<RetentionState, RetentionEffect | TimerEffect<RetentionTimer>>

export function stepRetention(
  { staleSeconds }: { readonly staleSeconds: number },
  state: RetentionState,
  input: RetentionInput,
): Answer {
  switch (input.type) {
    case 'lost':
      return lost(state, input.terms)
    case 'established':
      if (state.name !== 'away' && state.name !== 'long-lived') return { state, effects: [] }
      if (!input.isKept) return fresh('forwarding-stopped')
      // The long-lived timer runs on: being back is not yet having told everything (RFC 9494 §4.2).
      return { state: { name: 'resuming' }, effects: [stop('restart'), start('stale', staleSeconds)] }
    case 'path-failed':
      return state.name === 'fresh' ? { state, effects: [] } : fresh('path-failed')
    case 'end-of-rib':
      return state.name === 'resuming' ? fresh('announced-anew') : { state, effects: [] }
    case 'expired':
      return expired(state, input.timer)
  }
}

function lost(state: RetentionState, terms: RestartTerms | undefined): Answer {
  if (state.name === 'away' || state.name === 'long-lived') return { state, effects: [] }
  const isKept = terms !== undefined && terms.restartSeconds + terms.longLivedSeconds > 0
  if (!isKept) return { state: { name: 'fresh' }, effects: [...TIMERS.map(stop), { type: 'drop' }] }
  const { restartSeconds, longLivedSeconds } = terms
  // RFC 4724 §4.2: what was stale before this loss has had its chance.
  const first: Answer['effects'] = [
    ...TIMERS.map(stop),
    ...(state.name === 'resuming' ? [{ type: 'sweep', because: 'restarted-twice' } as const] : []),
    { type: 'mark-stale' },
  ]
  if (restartSeconds === 0) return longLived(longLivedSeconds, first)
  return { state: { name: 'away', longLivedSeconds }, effects: [...first, start('restart', restartSeconds)] }
}

function expired(state: RetentionState, timer: RetentionTimer): Answer {
  switch (state.name) {
    case 'away':
      return timer === 'restart' && state.longLivedSeconds > 0
        ? longLived(state.longLivedSeconds, [])
        : fresh('not-back-in-time')
    case 'long-lived':
      return fresh('not-back-in-time')
    case 'resuming':
      return fresh('no-end-of-rib')
    case 'fresh':
      return { state, effects: [] }
  }
}

function longLived(seconds: number, first: Answer['effects']): Answer {
  const effects = [...first, { type: 'mark-long-lived' } as const, start('long-lived', seconds)]
  return { state: { name: 'long-lived' }, effects }
}

function fresh(because: SweepReason): Answer {
  return { state: { name: 'fresh' }, effects: [...TIMERS.map(stop), { type: 'sweep', because }] }
}

const TIMERS = ['restart', 'long-lived', 'stale'] as const

function start(timer: RetentionTimer, seconds: number): TimerEffect<RetentionTimer> {
  return { type: 'start-timer', timer, ms: seconds * 1_000 }
}

function stop(timer: RetentionTimer): TimerEffect<RetentionTimer> {
  return { type: 'stop-timer', timer }
}
