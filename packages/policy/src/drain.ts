import type { Step, TimerEffect } from '@metallb-ts/runtime'
import type { DrainWish } from './nodes.ts'
import type { Finding } from './status-condition.ts'

/**
 * Takes a node off the network without losing a packet (RFC 8326): its routes are marked and least preferred, its
 * addresses move to others, then the routes go. What nobody else announces stays, unless the drain is forced.
 */
export type DrainState =
  | { readonly name: 'serving' }
  /** Routes are marked; `lingers` while addresses are still answered beside their new owners. */
  | { readonly name: 'lowering'; readonly isForced: boolean; readonly lingers: boolean }
  /** Who else announces is being found out. `kept`: of an earlier answer; a node that starts drained announces nothing yet. */
  | { readonly name: 'surveying'; readonly isForced: boolean; readonly isFresh: boolean }
  | { readonly name: 'withdrawn'; readonly isForced: boolean; readonly kept: readonly string[] }

export type DrainInput =
  /** What the Node says now. `atStart`: it said so before this process began, so there is nothing to lower. */
  | { readonly type: 'wished'; readonly wish: DrainWish; readonly atStart: boolean }
  /** Services that no other node is known to announce. */
  | { readonly type: 'surveyed'; readonly onlyHere: readonly string[] }
  | { readonly type: 'survey-failed' }
  | { readonly type: 'expired'; readonly timer: DrainTimer }

export type DrainTimer = 'linger' | 'delay' | 'survey'

export type DrainEffect =
  /** Everything has to be decided anew. */
  | { readonly type: 'changed' }
  /** Find out which Services nobody else announces. */
  | { readonly type: 'survey' }

export interface DrainSettings {
  /** Between the mark and the withdrawal, in milliseconds: what routers need to prefer others. */
  readonly delayMs: number
}

export const NOT_DRAINED: DrainState = { name: 'serving' }

type Answer = Step<DrainState, DrainEffect | TimerEffect<DrainTimer>>

export function stepDrain({ delayMs }: DrainSettings, state: DrainState, input: DrainInput): Answer {
  if (input.type === 'wished') return wished(delayMs, state, input.wish, input.atStart)
  switch (state.name) {
    case 'serving':
      return stay(state)
    case 'lowering':
      if (input.type !== 'expired') return stay(state)
      if (input.timer === 'linger') return to({ ...state, lingers: false }, { type: 'changed' })
      return state.isForced ? withdrawn(true, []) : survey(false)
    case 'surveying':
      if (input.type === 'surveyed') return withdrawn(false, input.onlyHere)
      if (input.type === 'expired') return stay(state, { type: 'survey' })
      return input.type === 'survey-failed' ? stay(state, again()) : stay(state)
    case 'withdrawn':
      if (state.isForced) return stay(state) // whatever an answer that was asked for before says
      if (input.type === 'expired') return stay(state, { type: 'survey' })
      if (input.type === 'survey-failed') return stay(state, again())
      return sameTexts(state.kept, input.onlyHere)
        ? stay(state, ...(state.kept.length > 0 ? [again()] : []))
        : withdrawn(false, input.onlyHere)
  }
}

/** What the state means for decisions. */
export interface DrainView {
  /** Routes carry GRACEFUL_SHUTDOWN and the lowest preference. */
  readonly isLowered: boolean
  /** Addresses are answered as if nothing were. */
  readonly lingers: boolean
  /** Routes go, but for those of `kept`. */
  readonly withdraws: boolean
  /** Services, `namespace/name`. */
  readonly kept: ReadonlySet<string>
}

export function drainView(state: DrainState): DrainView {
  const withdraws = state.name === 'withdrawn' || (state.name === 'surveying' && state.isFresh)
  return {
    isLowered: state.name !== 'serving',
    lingers: state.name === 'lowering' && state.lingers,
    withdraws,
    kept: new Set(state.name === 'withdrawn' ? state.kept : []),
  }
}

/** Whether the node may be rebooted, and if not why. @param left Services that this node still announces */
export function drainFinding(state: DrainState, announced: () => readonly string[]): Finding | undefined {
  switch (state.name) {
    case 'serving':
      return undefined
    case 'lowering':
      return no('lowering', 'its routes are marked as about to go, and routers are given time to prefer others')
    case 'surveying':
      return no('surveying', 'whether others announce what it announces is being found out')
    case 'withdrawn': {
      const left = announced()
      if (left.length === 0) return { status: 'True', code: 'safe-to-reboot', message: 'it announces nothing any more' }
      return state.kept.length > 0 || !state.isForced
        ? no('last-announcer', `nobody else announces ${few(left)}; ${FORCE_HINT}`)
        : no('withdrawing', `${few(left)} is being withdrawn`)
    }
  }
}

const FORCE_HINT = 'say metallb-ts.io/drain=force to withdraw it nevertheless'
const LINGER_MS = 1_000
const SURVEY_AGAIN_MS = 5_000
const MOST_NAMED = 5

function wished(delayMs: number, state: DrainState, wish: DrainWish, atStart: boolean): Answer {
  if (wish === 'no') {
    if (state.name === 'serving') return stay(state)
    return to(NOT_DRAINED, stop('linger'), stop('delay'), stop('survey'), { type: 'changed' })
  }
  const isForced = wish === 'forced'
  if (state.name === 'serving') {
    if (atStart) return isForced ? withdrawn(true, []) : survey(true)
    return to({ name: 'lowering', isForced, lingers: true }, start('linger', LINGER_MS), start('delay', delayMs), {
      type: 'changed',
    })
  }
  if (state.isForced === isForced) return stay(state)
  if (state.name === 'lowering') return to({ ...state, isForced }, { type: 'changed' })
  return isForced ? withdrawn(true, []) : survey(false)
}

function survey(isFresh: boolean): Answer {
  return to({ name: 'surveying', isForced: false, isFresh }, { type: 'changed' }, { type: 'survey' })
}

function withdrawn(isForced: boolean, kept: readonly string[]): Answer {
  const looksAgain = kept.length > 0 ? again() : stop('survey')
  return to({ name: 'withdrawn', isForced, kept }, { type: 'changed' }, looksAgain)
}

function to(state: DrainState, ...effects: Answer['effects']): Answer {
  return { state, effects }
}

const stay = to

function start(timer: DrainTimer, ms: number): TimerEffect<DrainTimer> {
  return { type: 'start-timer', timer, ms }
}

function stop(timer: DrainTimer): TimerEffect<DrainTimer> {
  return { type: 'stop-timer', timer }
}

/** Others may come to announce it. */
function again(): TimerEffect<DrainTimer> {
  return start('survey', SURVEY_AGAIN_MS)
}

function no(code: string, message: string): Finding {
  return { status: 'False', code, message }
}

function few(services: readonly string[]): string {
  const named = [...services].sort().slice(0, MOST_NAMED).join(', ')
  return services.length > MOST_NAMED ? `${named} and ${services.length - MOST_NAMED} more` : named
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && [...a].sort().join('\n') === [...b].sort().join('\n')
}
