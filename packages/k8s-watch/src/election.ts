import type { Step, TimerEffect } from '@metallb-ts/runtime'
import type { KubeFailureCode } from './failure.ts'
import type { KubeObject } from './resource.ts'

/** coordination.k8s.io/v1. */
export interface Lease extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string
    readonly leaseDurationSeconds?: number
    readonly acquireTime?: string
    readonly renewTime?: string
    readonly leaseTransitions?: number
  }
}

/** One candidate's view. Time is its own: what the record says of time is never compared with a clock. */
export type ElectionState =
  | { readonly name: 'stopped' }
  | { readonly name: 'following'; readonly seen: Seen | undefined }
  | { readonly name: 'leading'; readonly seen: Seen; readonly renewedAt: number; readonly isStopping: boolean }

/** The record as it was last, and since when it has been that way. */
interface Seen {
  readonly lease: Lease
  readonly at: number
}

export type ElectionInput =
  | { readonly type: 'start' }
  | { readonly type: 'stop' }
  | { readonly type: 'read'; readonly lease: Lease | undefined }
  /** @param sentAt when the write was sent: from then on the lease counts */
  | { readonly type: 'written'; readonly lease: Lease; readonly sentAt: number }
  | { readonly type: 'failed'; readonly code: KubeFailureCode }
  | { readonly type: 'expired'; readonly timer: ElectionTimer }

export type ElectionTimer = 'retry' | 'deadline'

export type ElectionEffect =
  | { readonly type: 'read' }
  /** Create it, when there is none, or replace this version of it. */
  | { readonly type: 'write'; readonly over: Lease | undefined; readonly isTakeOver: boolean }
  | { readonly type: 'release'; readonly over: Lease }
  | { readonly type: 'began' }
  | { readonly type: 'ended'; readonly why: 'lost' | 'stopped' }

export interface ElectionSettings {
  readonly identity: string
  readonly renewDeadlineMs: number
  readonly retryMs: number
}

type Answer = Step<ElectionState, ElectionEffect | TimerEffect<ElectionTimer>>

export function stepElection(
  settings: ElectionSettings,
  state: ElectionState,
  input: ElectionInput,
  now: number,
): Answer {
  switch (state.name) {
    case 'stopped':
      return input.type === 'start' ? to({ name: 'following', seen: undefined }, { type: 'read' }) : to(state)
    case 'following':
      return inFollowing(settings, state, input, now)
    case 'leading':
      return inLeading(settings, state, input, now)
  }
}

function inFollowing(
  settings: ElectionSettings,
  state: ElectionState & { name: 'following' },
  input: ElectionInput,
  now: number,
): Answer {
  switch (input.type) {
    case 'stop':
      return to({ name: 'stopped' }, stop('retry'))
    case 'expired':
      return input.timer === 'retry' ? to(state, { type: 'read' }) : to(state)
    case 'read':
      return consider(settings, state, input.lease, now)
    case 'written': {
      const leading = {
        name: 'leading',
        seen: { lease: input.lease, at: now },
        renewedAt: input.sentAt,
        isStopping: false,
      } as const
      return to(leading, retryLater(settings), deadline(settings, input.sentAt, now), { type: 'began' })
    }
    case 'failed':
      return to(state, retryLater(settings))
    case 'start':
      return to(state)
  }
}

/** Free, ours, or not renewed for as long as it says: then it is taken. */
function consider(
  settings: ElectionSettings,
  state: ElectionState & { name: 'following' },
  lease: Lease | undefined,
  now: number,
): Answer {
  if (lease === undefined)
    return to({ ...state, seen: undefined }, { type: 'write', over: undefined, isTakeOver: true })
  const isNews = lease.metadata.resourceVersion !== state.seen?.lease.metadata.resourceVersion
  const seen = isNews || state.seen === undefined ? { lease, at: now } : state.seen
  const { holderIdentity = '', leaseDurationSeconds = 0 } = lease.spec ?? {}
  const isFree = holderIdentity === '' || holderIdentity === settings.identity
  if (!isFree && now - seen.at < leaseDurationSeconds * 1_000) return to({ ...state, seen }, retryLater(settings))
  return to({ ...state, seen }, { type: 'write', over: lease, isTakeOver: holderIdentity !== settings.identity })
}

function inLeading(
  settings: ElectionSettings,
  state: ElectionState & { name: 'leading' },
  input: ElectionInput,
  now: number,
): Answer {
  switch (input.type) {
    case 'stop':
      return to({ ...state, isStopping: true }, stop('retry'), { type: 'release', over: state.seen.lease })
    case 'expired':
      if (input.timer === 'deadline') return lost()
      return state.isStopping ? to(state) : to(state, { type: 'write', over: state.seen.lease, isTakeOver: false })
    case 'written': {
      if (state.isStopping) return over('stopped')
      const renewed = { ...state, seen: { lease: input.lease, at: now }, renewedAt: input.sentAt }
      return to(renewed, retryLater(settings), deadline(settings, input.sentAt, now))
    }
    case 'read': {
      const holder = input.lease?.spec?.holderIdentity ?? ''
      if (input.lease === undefined) return to(state, { type: 'write', over: undefined, isTakeOver: false })
      if (holder !== settings.identity) return lost()
      return to(
        { ...state, seen: { lease: input.lease, at: now } },
        { type: 'write', over: input.lease, isTakeOver: false },
      )
    }
    case 'failed':
      if (state.isStopping) return over('stopped')
      if (now - state.renewedAt >= settings.renewDeadlineMs) return lost()
      // Somebody wrote, or deleted, it: who holds it now?
      if (input.code === 'conflict' || input.code === 'not-found') return to(state, { type: 'read' })
      return to(state, retryLater(settings))
    case 'start':
      return to(state)
  }
}

function lost(): Answer {
  return to(
    { name: 'following', seen: undefined },
    stop('retry'),
    stop('deadline'),
    { type: 'ended', why: 'lost' },
    { type: 'read' },
  )
}

function over(why: 'stopped'): Answer {
  return to({ name: 'stopped' }, stop('retry'), stop('deadline'), { type: 'ended', why })
}

const RETRY_JITTER = 0.2

function retryLater({ retryMs }: ElectionSettings): TimerEffect<ElectionTimer> {
  return { type: 'start-timer', timer: 'retry', ms: retryMs, jitter: RETRY_JITTER }
}

function deadline({ renewDeadlineMs }: ElectionSettings, sentAt: number, now: number): TimerEffect<ElectionTimer> {
  return { type: 'start-timer', timer: 'deadline', ms: Math.max(0, renewDeadlineMs - (now - sentAt)) }
}

function stop(timer: ElectionTimer): TimerEffect<ElectionTimer> {
  return { type: 'stop-timer', timer }
}

function to(state: ElectionState, ...effects: readonly (ElectionEffect | TimerEffect<ElectionTimer>)[]): Answer {
  return { state, effects }
}
