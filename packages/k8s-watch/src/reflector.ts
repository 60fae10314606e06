import type { Step, TimerEffect } from '@metallb-ts/runtime'
import type { KubeFailure } from './failure.ts'
import type {
  ReflectorEffect,
  ReflectorInput,
  ReflectorSettings,
  ReflectorState,
  ReflectorTimer,
  Remembered,
} from './reflector-state.ts'
import { isNewer } from './revision.ts'

/** Keeps a store equal to the server's: lists, watches from there, and begins anew when the server has forgotten. */
export function stepReflector(
  settings: ReflectorSettings,
  state: ReflectorState,
  input: ReflectorInput,
  now: number,
): Answer {
  if (input.type === 'stop') {
    const timers = (['retry', 'idle', 'initial', 'settle'] as const).map(stop)
    const { pagesUntil } = state
    return to({ name: 'stopped', pagesUntil, hasRelisted: false }, ...timers, { type: 'abort' })
  }
  switch (state.name) {
    case 'stopped':
      return input.type === 'start' ? list(settings, { ...state, failures: 0, isLost: false }, now) : to(state)
    case 'waiting':
      return inWaiting(settings, state, input, now)
    case 'listing':
      return inListing(settings, state, input, now)
    case 'watching':
      return inWatching(settings, state, input, now)
  }
}

type Answer = Step<ReflectorState, ReflectorEffect | TimerEffect<ReflectorTimer>>

const BASE_RETRY_MS = 800
const MAX_RETRY_MS = 30_000
const FORBIDDEN_RETRY_MS = 30_000
const HEALTHY_MS = 120_000 // failures are forgotten after this long without one
const SHORT_WATCH_MS = 1_000

function inWaiting(
  settings: ReflectorSettings,
  state: ReflectorState & { name: 'waiting' },
  input: ReflectorInput,
  now: number,
): Answer {
  if (input.type === 'answered' && state.isUnreachable) {
    // Never sooner than after the shortest wait: it may be this resource alone that has no answer.
    const left = Math.max(0, state.since + BASE_RETRY_MS - now)
    return to({ ...state, isUnreachable: false }, start('retry', left))
  }
  if (input.type !== 'expired' || input.timer !== 'retry') return to(state)
  return state.revision === undefined
    ? list(settings, state, now)
    : watch(settings, state, { revision: state.revision, isFresh: false }, now)
}

function inListing(
  settings: ReflectorSettings,
  state: ReflectorState & { name: 'listing' },
  input: ReflectorInput,
  now: number,
): Answer {
  const isStream = state.how === 'stream'
  switch (input.type) {
    case 'listed': {
      const from = { revision: input.revision, isFresh: true }
      const begun = watch(settings, state, from, now)
      if (!isStream) return begun
      const effects = begun.effects.filter(({ type }) => type !== 'watch')
      return { state: begun.state, effects: [stop('initial'), ...effects] }
    }
    case 'heard':
      return isStream ? to({ ...state, isHeard: true }, start('initial', INITIAL_SILENCE_MS)) : to(state)
    case 'expired':
      if (input.timer !== 'initial' || !isStream) return to(state)
      // Servers before 1.27 send the set and never say that it was all. One that says nothing is too busy, or gone.
      return state.isHeard
        ? inPages(state, now + NO_STREAM_MS, { type: 'abort' })
        : wait(state, undefined, silence(settings), now, { type: 'abort' })
    case 'list-failed': {
      const { code, status, retryAfterMs } = input.failure
      if (!isStream) return wait(state, undefined, input.failure, now)
      const isBusy = code === 'too-many-requests' || retryAfterMs !== undefined
      if (isBusy && !isColdCache(input.failure)) return wait(state, undefined, input.failure, now)
      const isRefused =
        ['invalid', 'forbidden', 'bad-answer'].includes(code) || (code === 'server-error' && status === 500)
      return inPages(state, isRefused ? now + NO_STREAM_MS : state.pagesUntil)
    }
    default:
      return to(state)
  }
}

/** The API server is not busy, but has no cache of the resource yet, and answers pages from behind it. */
function isColdCache({ code, message }: KubeFailure): boolean {
  return code === 'too-many-requests' && message.includes('(re)initializing')
}

function inPages(
  state: ReflectorState & { name: 'listing' },
  pagesUntil: number,
  ...first: readonly ReflectorEffect[]
): Answer {
  return to({ ...state, how: 'pages', pagesUntil }, stop('initial'), ...first, { type: 'list', how: 'pages' })
}

const INITIAL_SILENCE_MS = 10_000
const NO_STREAM_MS = 3_600_000

function inWatching(
  settings: ReflectorSettings,
  state: ReflectorState & { name: 'watching' },
  input: ReflectorInput,
  now: number,
): Answer {
  switch (input.type) {
    case 'advanced': {
      const past = now - state.since > HEALTHY_MS ? { failures: 0, hasRelisted: false } : {}
      const revision = isNewer(input.revision, state.revision) ? input.revision : state.revision
      const next = { ...state, ...past, revision, isLost: false, events: state.events + input.events }
      return to(next, start('idle', settings.idleMs), ...(state.isLost ? [{ type: 'resumed' } as const] : []))
    }
    case 'opened':
      // A watch that lasts a moment is well; one that breaks again at once was no recovery.
      return to(state, ...(state.isLost ? [start('settle', SHORT_WATCH_MS)] : []))
    case 'watch-ended':
      // One that ends at once and told nothing counts as a failure, or a refusing server would be hammered.
      return now - state.since < SHORT_WATCH_MS && state.events === 0
        ? wait(
            state,
            state.revision,
            { code: 'server-error', status: 0, message: 'a watch ended as soon as it began' },
            now,
          )
        : watch(settings, state, { revision: state.revision, isFresh: false }, now)
    case 'watch-failed': {
      const mustList = MUST_LIST.includes(input.failure.code)
      // The first time at once. A list that comes to the same again means a confused server: that one is waited for.
      if (mustList && !state.hasRelisted && !(state.isFresh && state.events === 0))
        return list(settings, { ...state, hasRelisted: true }, now, stop('idle'), stop('settle'))
      return wait(state, mustList ? undefined : state.revision, input.failure, now)
    }
    case 'expired': {
      if (input.timer === 'settle')
        return to({ ...state, isLost: false }, ...(state.isLost ? [{ type: 'resumed' } as const] : []))
      if (input.timer !== 'idle') return to(state)
      return wait(state, state.revision, silence(settings), now, { type: 'abort' })
    }
    default:
      return to(state)
  }
}

function silence({ idleMs }: ReflectorSettings): KubeFailure {
  return { code: 'unreachable', status: 0, message: `nothing heard for ${idleMs} ms` }
}

/** What was not understood may have been a change: only a list tells. */
const MUST_LIST: readonly string[] = ['gone', 'too-large-resource-version', 'bad-answer']

interface Carried extends Remembered {
  readonly failures: number
  readonly isLost: boolean
}

function list(
  { initial, idleMs }: ReflectorSettings,
  { pagesUntil, hasRelisted, failures, isLost }: Carried,
  now: number,
  ...first: readonly TimerEffect<ReflectorTimer>[]
): Answer {
  const how = initial === 'stream' && now >= pagesUntil ? 'stream' : 'pages'
  const patience = how === 'stream' ? [start('initial', idleMs)] : []
  const listing = { name: 'listing', how, isHeard: false, pagesUntil, hasRelisted, failures, isLost } as const
  return to(listing, ...first, ...patience, { type: 'list', how })
}

function watch(
  { idleMs }: ReflectorSettings,
  { pagesUntil, hasRelisted, failures, isLost }: Carried,
  { revision, isFresh }: { readonly revision: string; readonly isFresh: boolean },
  now: number,
): Answer {
  return to(
    { name: 'watching', pagesUntil, hasRelisted, failures, revision, isLost, since: now, events: 0, isFresh },
    { type: 'watch', revision },
    start('idle', idleMs),
  )
}

function wait(
  { pagesUntil, hasRelisted, failures, isLost }: Carried,
  revision: string | undefined,
  failure: KubeFailure,
  now: number,
  ...more: readonly ReflectorEffect[]
): Answer {
  const isUnreachable = failure.code === 'unreachable'
  const grown = Math.min(MAX_RETRY_MS, BASE_RETRY_MS * 2 ** Math.min(failures, 10))
  const base =
    failure.code === 'forbidden' || failure.code === 'not-found' ? Math.min(FORBIDDEN_RETRY_MS, grown * 4) : grown
  const ms = Math.max(base, (failure.retryAfterMs ?? 0) / (1 - RETRY_JITTER))
  return to(
    {
      name: 'waiting',
      pagesUntil,
      hasRelisted,
      failures: failures + 1,
      revision,
      isLost: true,
      since: now,
      isUnreachable,
    },
    stop('idle'),
    stop('settle'),
    stop('initial'),
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
