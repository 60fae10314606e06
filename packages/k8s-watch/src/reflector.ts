import type { Step, TimerEffect } from '@metallb-ts/runtime'
import type { KubeFailure } from './failure.ts'

/** Keeps a store equal to the server's: lists, watches from there, and begins anew when the server has forgotten. */
export type ReflectorState =
  | { readonly name: 'stopped' }
  | {
      readonly name: 'waiting'
      readonly failures: number
      readonly revision: string | undefined
      readonly isLost: boolean
    }
  | { readonly name: 'listing'; readonly failures: number; readonly isLost: boolean }
  | {
      readonly name: 'watching'
      readonly failures: number
      readonly revision: string
      readonly isLost: boolean
      /** The clock's milliseconds when this watch began. */
      readonly since: number
      readonly events: number
      /** It began from a list, not from where an earlier watch ended. */
      readonly isFresh: boolean
    }

export type ReflectorInput =
  | { readonly type: 'start' }
  | { readonly type: 'stop' }
  | { readonly type: 'listed'; readonly revision: string }
  | { readonly type: 'list-failed'; readonly failure: KubeFailure }
  /** A change or a bookmark was applied. */
  | { readonly type: 'advanced'; readonly revision: string }
  /** The server ended the watch as it does from time to time. */
  | { readonly type: 'watch-ended' }
  | { readonly type: 'watch-failed'; readonly failure: KubeFailure }
  | { readonly type: 'expired'; readonly timer: ReflectorTimer }

export type ReflectorTimer = 'retry' | 'idle'

export type ReflectorEffect =
  | { readonly type: 'list' }
  | { readonly type: 'watch'; readonly revision: string }
  /** Give up the request under way. */
  | { readonly type: 'abort' }
  | { readonly type: 'lost'; readonly reason: string }
  | { readonly type: 'resumed' }

export interface ReflectorSettings {
  /** A watch without a byte for this long is dead: bookmarks come about every minute. @default 100000 */
  readonly idleMs: number
}

type Answer = Step<ReflectorState, ReflectorEffect | TimerEffect<ReflectorTimer>>

export function stepReflector(
  { idleMs }: ReflectorSettings,
  state: ReflectorState,
  input: ReflectorInput,
  now: number,
): Answer {
  if (input.type === 'stop') return to({ name: 'stopped' }, stop('retry'), stop('idle'), { type: 'abort' })
  switch (state.name) {
    case 'stopped':
      return input.type === 'start' ? list(0, false) : to(state)
    case 'waiting':
      if (input.type !== 'expired' || input.timer !== 'retry') return to(state)
      return state.revision === undefined
        ? list(state.failures, state.isLost)
        : watch(state.revision, state, false, idleMs, now)
    case 'listing':
      if (input.type === 'listed') return watch(input.revision, state, true, idleMs, now)
      return input.type === 'list-failed' ? wait(state, undefined, input.failure) : to(state)
    case 'watching':
      return inWatching(idleMs, state, input, now)
  }
}

const BASE_RETRY_MS = 800
const MAX_RETRY_MS = 30_000
const FORBIDDEN_RETRY_MS = 30_000
const HEALTHY_MS = 120_000 // failures are forgotten after this long without one
const SHORT_WATCH_MS = 1_000

function inWatching(
  idleMs: number,
  state: ReflectorState & { name: 'watching' },
  input: ReflectorInput,
  now: number,
): Answer {
  switch (input.type) {
    case 'advanced': {
      const failures = now - state.since > HEALTHY_MS ? 0 : state.failures
      const next = { ...state, failures, revision: input.revision, isLost: false, events: state.events + 1 }
      return to(next, start('idle', idleMs), ...(state.isLost ? [{ type: 'resumed' } as const] : []))
    }
    case 'watch-ended':
      // One that ends at once and told nothing counts as a failure, or a refusing server would be hammered.
      return now - state.since < SHORT_WATCH_MS && state.events === 0
        ? wait(state, state.revision, { code: 'server-error', status: 0, message: 'a watch ended as soon as it began' })
        : watch(state.revision, state, false, idleMs, now)
    case 'watch-failed': {
      const mustList = input.failure.code === 'gone' || input.failure.code === 'too-large-resource-version'
      // A revision that a list just gave and is refused at once means a confused server: listing again waits.
      if (mustList && !(state.isFresh && state.events === 0)) return list(state.failures, state.isLost, stop('idle'))
      return wait(state, mustList ? undefined : state.revision, input.failure)
    }
    case 'expired':
      if (input.timer !== 'idle') return to(state)
      return wait(
        state,
        state.revision,
        { code: 'unreachable', status: 0, message: `nothing heard for ${idleMs} ms` },
        { type: 'abort' },
      )
    default:
      return to(state)
  }
}

function list(failures: number, isLost: boolean, ...first: readonly TimerEffect<ReflectorTimer>[]): Answer {
  return to({ name: 'listing', failures, isLost }, ...first, { type: 'list' })
}

function watch(
  revision: string,
  { failures, isLost }: { failures: number; isLost: boolean },
  isFresh: boolean,
  idleMs: number,
  now: number,
): Answer {
  return to(
    { name: 'watching', failures, revision, isLost, since: now, events: 0, isFresh },
    { type: 'watch', revision },
    start('idle', idleMs),
  )
}

function wait(
  { failures, isLost }: { failures: number; isLost: boolean },
  revision: string | undefined,
  failure: KubeFailure,
  ...more: readonly ReflectorEffect[]
): Answer {
  const grown = Math.min(MAX_RETRY_MS, BASE_RETRY_MS * 2 ** Math.min(failures, 10))
  const base =
    failure.code === 'forbidden' || failure.code === 'not-found' ? Math.min(FORBIDDEN_RETRY_MS, grown * 4) : grown
  const ms = Math.max(base, (failure.retryAfterMs ?? 0) / (1 - RETRY_JITTER))
  return to(
    { name: 'waiting', failures: failures + 1, revision, isLost: true },
    stop('idle'),
    ...more,
    ...(isLost ? [] : [{ type: 'lost', reason: `${failure.code}: ${failure.message}` } as const]),
    { type: 'start-timer', timer: 'retry', ms, jitter: RETRY_JITTER },
  )
}

const RETRY_JITTER = 0.25

function to(state: ReflectorState, ...effects: readonly (ReflectorEffect | TimerEffect<ReflectorTimer>)[]): Answer {
  return { state, effects }
}

function start(timer: ReflectorTimer, ms: number): TimerEffect<ReflectorTimer> {
  return { type: 'start-timer', timer, ms }
}

function stop(timer: ReflectorTimer): TimerEffect<ReflectorTimer> {
  return { type: 'stop-timer', timer }
}
