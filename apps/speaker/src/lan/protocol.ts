import type { Severity, LogFields } from '@metallb-ts/runtime'
import type { BfdWatch } from '@metallb-ts/policy'
import type { LanAddress } from './contest.ts'
import type { LanCounters, LanEvents, LanInit, LanPeer, LinkView } from './lan.ts'

/** What the thread is started with. */
export interface LanWorkerData {
  readonly init: LanInit
  /** The eventfd whose writing wakes the thread: the main thread opens it, and closes it when the thread has ended. */
  readonly wakeFd: number
}

/** From the main thread to the LAN's. Everything in it survives a structured clone. */
export type ToLan =
  | { readonly type: 'apply'; readonly desired: readonly LanAddress[] }
  | { readonly type: 'set-peers'; readonly peers: readonly LanPeer[] }
  | { readonly type: 'set-bfd'; readonly watches: readonly BfdWatch[] }
  | { readonly type: 'report' }
  /** Leave the LAN. BFD goes on for those who still speak BGP, and says goodbye at `stop-bfd`. */
  | { readonly type: 'stop' }
  | { readonly type: 'stop-bfd' }

/** Back. State comes before the events that tell of it. */
export type FromLan =
  | { readonly type: 'started' }
  /** An `apply` has been done; the next may come. */
  | { readonly type: 'applied' }
  | { readonly type: 'links'; readonly links: readonly LinkView[] }
  | { readonly type: 'events'; readonly events: readonly LanEvent[] }
  | { readonly type: 'counters'; readonly counters: LanCounters }
  | { readonly type: 'log'; readonly severity: Severity; readonly event: string; readonly fields: LogFields }

export type LanEvent = {
  [Name in keyof LanEvents]: { readonly name: Name; readonly detail: LanEvents[Name] }
}[keyof LanEvents]
