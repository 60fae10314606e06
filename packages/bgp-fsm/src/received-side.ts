import type { Publisher } from '@metallb-ts/event-bus'
import type { CloseReason } from './close-reason.ts'
import type { BgpEvents } from './events.ts'
import type { PeerRestart } from './peer-restart.ts'
import { keyOf, receivedRoutes, type ReceiveContext, type ReceivedRoutes } from './received.ts'
import type { RetainedChange, RetainedRoutes } from './retained-routes.ts'
import { AFI } from './wire/constants.ts'
import { endOfRibFamily, type Update } from './wire/update.ts'

/** What a peer announces, for who asked to be told. */
export type ReceivedChange =
  | ({ readonly type: 'routes' } & ReceivedRoutes)
  | { readonly type: 'end-of-rib'; readonly family: string }
  /** The session is over, and with it all that was announced on it (RFC 4271 §8.2.2). */
  | { readonly type: 'session-ended' }
  | RetainedChange

export interface ReceivedInit {
  readonly peer: string
  readonly context: ReceiveContext
  readonly events: Publisher<BgpEvents>
  readonly onReceived: ((peer: string, change: ReceivedChange) => void) | undefined
  /** Where we bridge the peer's restarts. */
  readonly retained: RetainedRoutes | undefined
  readonly peerRestart: PeerRestart | undefined
  readonly maxPrefixes: number | undefined
  readonly onIssue: () => void
  readonly onTooMany: (afi: number, limit: number) => void
}

/** The receiving half of one session. Keeps nothing of a route but, where a limit asks for it, its prefix. */
export class ReceivedSide {
  readonly #init: ReceivedInit
  readonly #prefixes = new Set<string>()
  #maxPrefixes: number | undefined
  #announcements = 0

  constructor(init: ReceivedInit) {
    this.#init = init
    this.#maxPrefixes = init.maxPrefixes
    init.retained?.established(init.peerRestart)
  }

  get count(): number {
    return this.#maxPrefixes === undefined ? this.#announcements : this.#prefixes.size
  }

  limit(maxPrefixes: number | undefined): void {
    this.#maxPrefixes = maxPrefixes
  }

  update(update: Update): void {
    for (const issue of update.issues) this.#report(issue)
    const { peer, context, onReceived, retained } = this.#init
    this.#announcements += update.announced.length
    for (const one of update.attributes) if (one.kind === 'mp-reach') this.#announcements += one.prefixes.length
    if (this.#maxPrefixes === undefined && onReceived === undefined) return
    const routes = receivedRoutes(update, context)
    this.#countPrefixes(routes)
    const family = endOfRibFamily(update)
    if (family === undefined) {
      retained?.routes(routes)
      onReceived?.(peer, { type: 'routes', ...routes })
    } else {
      onReceived?.(peer, { type: 'end-of-rib', family })
      retained?.endOfRib(family)
    }
  }

  stop(reason: CloseReason): void {
    const { peer, onReceived, retained, peerRestart } = this.#init
    if (retained?.lost(reason, peerRestart) !== true) onReceived?.(peer, { type: 'session-ended' })
  }

  #countPrefixes({ announced, withdrawn }: ReceivedRoutes): void {
    if (this.#maxPrefixes === undefined) return
    for (const prefix of withdrawn) this.#prefixes.delete(keyOf(prefix))
    for (const prefix of announced) {
      this.#prefixes.add(keyOf(prefix))
      if (this.#prefixes.size > this.#maxPrefixes)
        return this.#init.onTooMany(AFI[prefix.address.family], this.#maxPrefixes)
    }
  }

  #report({ attribute, penalty, reason, octets }: Update['issues'][number]): void {
    this.#init.onIssue()
    const hex = Array.from(octets.subarray(0, SHOWN_OCTETS), byte => byte.toString(16).padStart(2, '0')).join('')
    const { peer, events } = this.#init
    events.publish('bgp:update-issue', { peer, attribute, penalty, reason, octets: hex })
  }
}

const SHOWN_OCTETS = 64
