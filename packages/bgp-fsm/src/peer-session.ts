import type { Family } from '@metallb-ts/netip'
import type { AdjRibOut, PendingReason } from './adj-rib-out.ts'
import type { CloseReason } from './close-reason.ts'
import type { Negotiated } from './negotiate.ts'
import type { PackContext } from './pack-context.ts'
import type { PeerComponents } from './peer-components.ts'
import type { Tally } from './peer-counters.ts'
import type { PeerInit } from './peer-init.ts'
import { packContext, receiveContext, type PeerSurroundings } from './peer-settings.ts'
import { ReceivedSide } from './received-side.ts'
import type { RetainedRoutes } from './retained-routes.ts'
import { heldBack } from './route-octets.ts'
import type { Slot } from './slot.ts'
import type { Connection } from './transport.ts'
import { UpdateSender, type Told } from './update-sender.ts'
import { AFI, familyOf, SAFI_UNICAST } from './wire/constants.ts'
import { encodeMessage, type RouteRefresh } from './wire/message.ts'
import { ERRORS } from './wire/notification.ts'
import type { Update } from './wire/update.ts'

export interface PeerSessionInit {
  readonly init: PeerInit
  readonly around: PeerSurroundings
  readonly slot: Slot
  readonly connection: Connection
  readonly negotiated: Negotiated
  readonly rib: AdjRibOut
  readonly tally: Tally
  /** What is kept of the peer's routes while it restarts. */
  readonly retained: RetainedRoutes | undefined
  readonly holdsEndOfRib: boolean
  /** A connection that was there already when this one became established, and may still be the one the peer chooses. */
  readonly overtook: Slot | undefined
}

/** One established session: what the peer is told on it, and what it tells. */
export class PeerSession {
  readonly slot: Slot
  readonly negotiated: Negotiated
  readonly overtook: Slot | undefined
  /** The clock's milliseconds at which it was established. */
  readonly since: number
  readonly #components: PeerComponents
  readonly #peer: string
  readonly #rib: AdjRibOut
  readonly #tally: Tally
  readonly #context: PackContext
  readonly #sender: UpdateSender
  readonly #received: ReceivedSide
  readonly #isTakenIn: () => boolean

  constructor(components: PeerComponents, session: PeerSessionInit) {
    const { init, around, slot, connection, negotiated, rib, tally } = session
    this.slot = slot
    this.negotiated = negotiated
    this.overtook = session.overtook
    this.since = components.clock.now()
    this.#components = components
    this.#peer = init.name
    this.#rib = rib
    this.#tally = tally
    this.#isTakenIn = around.isTakenIn
    this.#context = packContext(init, around, connection, negotiated)
    this.#sender = new UpdateSender(
      components.clock,
      {
        rib,
        context: this.#context,
        turns: around.flushes,
        write: bytes => slot.write(bytes),
        onTold: (told, updates) => this.#told(told, updates),
        onStuck: () => slot.dispatch({ type: 'expired', timer: 'send-hold' }),
      },
      { holdsEndOfRib: session.holdsEndOfRib },
    )
    this.#received = new ReceivedSide({
      peer: init.name,
      context: receiveContext(init, around, connection, negotiated),
      events: components.events,
      onReceived: components.onReceived,
      retained: session.retained,
      peerRestart: negotiated.peerRestart,
      maxPrefixes: init.maxPrefixes,
      onIssue: () => tally.issues++,
      onTooMany: (afi, limit) => this.#refuseMore(afi, limit),
    })
  }

  get receivedCount(): number {
    return this.#received.count
  }

  /** Everything that should be told was handed to the wire, and the wire took it. */
  get isFlushed(): boolean {
    return this.#isTakenIn() && this.#sender.isIdle
  }

  /** Routes that this session cannot carry, with the reason. Looks at all routes only where there are some. */
  pending(): { readonly key: string; readonly reason: PendingReason }[] {
    if (this.#rib.isAllTold) return []
    return [...this.#rib.desired()].flatMap(entry => {
      const reason = heldBack(entry, this.#context)
      return reason === undefined ? [] : [{ key: entry.key, reason }]
    })
  }

  /** What the Adj-RIB-Out holds has changed. */
  schedule(): void {
    this.#sender.schedule()
  }

  flush(): void {
    this.#sender.flush()
  }

  drained(): void {
    this.#sender.drained()
  }

  releaseEndOfRib(): void {
    this.#sender.releaseEndOfRib()
  }

  limit(maxPrefixes: number | undefined): void {
    this.#received.limit(maxPrefixes)
  }

  /** Asks the peer to announce a family again (RFC 2918 §3); false when that was not agreed on. */
  requestRefresh(family: Family): boolean {
    if (!this.negotiated.routeRefresh) return false
    const request = { type: 'route-refresh', afi: AFI[family], safi: SAFI_UNICAST, subtype: 0 } as const
    this.slot.write(encodeMessage(request, this.negotiated))
    return true
  }

  update(update: Update): void {
    this.#tally.updatesReceived++
    this.#received.update(update)
  }

  refresh({ afi, safi, subtype }: RouteRefresh): void {
    const family = familyOf(afi, safi)
    if (family !== undefined && subtype === 0) this.#sender.refresh(family)
  }

  stop(reason: CloseReason): void {
    this.#sender.stop()
    this.#received.stop(reason)
  }

  #told({ withdrawn, announced }: Told, updates: number): void {
    this.#tally.updatesSent += updates
    this.slot.dispatch({ type: 'updates-sent' })
    const { events } = this.#components
    const peer = this.#peer
    if (withdrawn.length > 0) events.publish('bgp:withdrawn', { peer, prefixes: withdrawn.map(({ key }) => key) })
    if (announced.length > 0) events.publish('bgp:advertised', { peer, prefixes: announced.map(({ key }) => key) })
  }

  #refuseMore(afi: number, limit: number): void {
    this.slot.dispatch({
      type: 'stop',
      isManual: false,
      notification: ERRORS.tooManyPrefixes(afi, limit),
      because: 'too-many-prefixes',
    })
  }
}
