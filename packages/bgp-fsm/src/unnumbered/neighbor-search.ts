import { equalAddresses, type Address } from '@metallb-ts/netip'
import type { Step, TimerEffect } from '@metallb-ts/runtime'

/** Finding the one router at the other end of a link (RFC 4861 §6.3.7), and being found by it (§6.2.4). */
export type SearchState =
  | { readonly name: 'searching'; readonly solicited: number }
  /** `heardAt`: the clock's milliseconds at which it last showed itself. */
  | { readonly name: 'found'; readonly neighbor: Address; readonly heardAt: number }

export type SearchInput =
  | { readonly type: 'start' }
  | { readonly type: 'advertised'; readonly by: Address }
  | { readonly type: 'expired'; readonly timer: SearchTimer }

export type SearchTimer = 'solicit' | 'advertise'

export type SearchEffect =
  | { readonly type: 'send'; readonly message: 'solicitation' | 'advertisement' }
  | { readonly type: 'found'; readonly neighbor: Address }

type Answer = Step<SearchState, SearchEffect | TimerEffect<SearchTimer>>

export function stepSearch(state: SearchState, input: SearchInput, now: number): Answer {
  switch (input.type) {
    case 'start':
      return { state, effects: [soon('solicit', FIRST_SOLICITATION_MS), ...advertise()] }
    case 'advertised':
      return advertised(state, input.by, now)
    case 'expired':
      if (input.timer === 'advertise') return { state, effects: advertise() }
      return state.name === 'searching' ? solicit(state.solicited) : { state, effects: [] }
  }
}

export const NOTHING_FOUND: SearchState = { name: 'searching', solicited: 0 }

const MOST_SOLICITATIONS = 3 // RFC 4861 §10; whoever is late shows itself without being asked
const FIRST_SOLICITATION_MS = 1_000
const SOLICITATION_MS = 4_000
const ADVERTISEMENT_MS = 10_000 // routers that wait for ours take this long to find us, as others do
const SILENT_MS = 30_000 // three advertisements of who advertises as often as we do

function solicit(before: number): Answer {
  const solicited = before + 1
  const again: TimerEffect<SearchTimer>[] =
    solicited < MOST_SOLICITATIONS ? [{ type: 'start-timer', timer: 'solicit', ms: SOLICITATION_MS }] : []
  return { state: { name: 'searching', solicited }, effects: [{ type: 'send', message: 'solicitation' }, ...again] }
}

/** Of two on one link the first is it while it shows itself, so that they do not take turns. */
function advertised(state: SearchState, by: Address, now: number): Answer {
  const isOther = state.name === 'found' && !equalAddresses(state.neighbor, by)
  if (isOther && now - state.heardAt < SILENT_MS) return { state, effects: [] }
  const isNews = state.name === 'searching' || isOther
  const effects = isNews ? [{ type: 'found', neighbor: by } as const, ...advertise()] : []
  return { state: { name: 'found', neighbor: by, heardAt: now }, effects }
}

function advertise(): Answer['effects'] {
  const again = { type: 'start-timer', timer: 'advertise', ms: ADVERTISEMENT_MS, jitter: 0.1 } as const
  return [{ type: 'send', message: 'advertisement' }, again]
}

/** Within that time, at random. */
function soon(timer: SearchTimer, ms: number): TimerEffect<SearchTimer> {
  return { type: 'start-timer', timer, ms: ms / 2, jitter: 1 }
}
