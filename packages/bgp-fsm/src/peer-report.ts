import type { Publisher } from '@metallb-ts/event-bus'
import type { Clock } from '@metallb-ts/runtime'
import { explainClose, type CloseReason } from './close-reason.ts'
import type { BgpEvents } from './events.ts'
import type { Negotiated } from './negotiate.ts'
import type { PeerKey } from './peer-init.ts'
import type { StateName } from './session-state.ts'

/** The last NOTIFICATIONs of both directions; `explainClose` makes sentences of them. */
export interface LastErrors {
  /** The last NOTIFICATION of ours, and what made us send it. */
  readonly sent?: CloseReason
  /** The last NOTIFICATION of the peer. */
  readonly received?: CloseReason
}

/** What is known of one peer from outside: its state and its last errors, and who is told when they change. */
export class PeerReport {
  readonly #clock: Clock
  readonly #events: Publisher<BgpEvents>
  readonly #peer: PeerKey
  #state: StateName = 'idle'
  #since: number
  #lastError: CloseReason | undefined
  #lastErrors: LastErrors = {}

  constructor({ clock, events }: { readonly clock: Clock; readonly events: Publisher<BgpEvents> }, peer: PeerKey) {
    this.#clock = clock
    this.#events = events
    this.#peer = peer
    this.#since = clock.now()
  }

  get state(): StateName {
    return this.#state
  }

  get since(): number {
    return this.#since
  }

  get lastError(): CloseReason | undefined {
    return this.#lastError
  }

  get lastErrors(): LastErrors {
    return this.#lastErrors
  }

  moved(to: StateName): void {
    if (to === this.#state) return
    const from = this.#state
    this.#state = to
    this.#since = this.#clock.now()
    this.#events.publish('bgp:state-changed', { peer: this.#peer, from, to })
  }

  failed(reason: CloseReason): void {
    this.#lastError = reason
    if (reason.code === 'notification-sent') this.#lastErrors = { ...this.#lastErrors, sent: reason }
    if (reason.code === 'notification-received') this.#lastErrors = { ...this.#lastErrors, received: reason }
  }

  established({ holdSeconds, families }: Negotiated): void {
    this.#events.publish('bgp:established', { peer: this.#peer, holdSeconds, families })
  }

  closed(reason: CloseReason): void {
    this.#events.publish('bgp:closed', { peer: this.#peer, reason, sentence: explainClose(reason) })
  }

  attemptFailed(reason: CloseReason, retryMs: number): void {
    this.#events.publish('bgp:attempt-failed', { peer: this.#peer, reason, sentence: explainClose(reason), retryMs })
  }
}
