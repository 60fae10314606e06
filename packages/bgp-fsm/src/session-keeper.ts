import { equalAddresses, type Address } from '@metallb-ts/netip'
import type { AdjRibOut } from './adj-rib-out.ts'
import { refusedCapabilities } from './capability-fallback.ts'
import type { CloseReason, SendReason } from './close-reason.ts'
import type { SlotName, Speakers } from './collision.ts'
import { Connections } from './connections.ts'
import type { Negotiated } from './negotiate.ts'
import { NextStart } from './next-start.ts'
import type { PeerComponents } from './peer-components.ts'
import { countMessage, zeroTally, type Tally } from './peer-counters.ts'
import type { PeerInit } from './peer-init.ts'
import { PeerReport } from './peer-report.ts'
import { mayRestartUnnoticed } from './peer-restart.ts'
import { PeerSession } from './peer-session.ts'
import { dialOptions, remoteOf, sessionSettings, type PeerSurroundings } from './peer-settings.ts'
import { RetainedRoutes } from './retained-routes.ts'
import { Slot, type Ending } from './slot.ts'
import type { Connection, ConnectionHandlers } from './transport.ts'
import { encodeMessage } from './wire/message.ts'
import { ERRORS, type Notification } from './wire/notification.ts'

/** Sees to it that there is a session with one peer, and not two: dials, takes connections, waits, begins anew. */
export class SessionKeeper {
  readonly tally: Tally = zeroTally()
  readonly report: PeerReport
  readonly #components: PeerComponents
  readonly #rib: AdjRibOut
  #around: PeerSurroundings
  #init: PeerInit
  readonly #connections = new Connections()
  readonly #nextStart: NextStart
  readonly #refused = new Set<number>()
  readonly #retained: RetainedRoutes | undefined
  #session: PeerSession | undefined
  #isRunning = false
  #isRestarting: boolean
  #isSynced: boolean
  #openConnections = 0
  #whenClosed: (() => void)[] = []

  constructor(components: PeerComponents, init: PeerInit, around: PeerSurroundings, rib: AdjRibOut) {
    this.#components = components
    this.#rib = rib
    this.#init = init
    this.#around = around
    this.report = new PeerReport(components, init.name)
    this.#nextStart = new NextStart(components)
    const { onReceived } = components
    if (init.restartHelp !== undefined && onReceived !== undefined)
      this.#retained = new RetainedRoutes(components, init.restartHelp, change => onReceived(init.name, change))
    this.#isRestarting = around.isRestarting
    this.#isSynced = around.isSynced
  }

  get init(): PeerInit {
    return this.#init
  }

  /** The established session, if there is one. */
  get session(): PeerSession | undefined {
    return this.#session
  }

  get remote(): Address | undefined {
    return remoteOf(this.#init, this.#around)
  }

  start(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    this.#begin()
  }

  /** Ends for good, and resolves when nothing of it is open. `restart`: without a word, so that the peer bridges it. */
  stop(notification: Notification, because: SendReason): Promise<void> {
    this.#isRunning = false
    this.#nextStart.cancel()
    const isFinal = because === 'administrative' || because === 'peer-removed'
    // RFC 8538 §4: where NOTIFICATIONs are bridged, only a hard reset takes our routes away.
    const bridges = this.#session?.negotiated.gracefulRestart?.bridgesNotifications === true
    const told = isFinal && bridges ? ERRORS.hardReset(notification) : notification
    this.#connections.dispatch({ type: 'stop', isManual: true, notification: told, because })
    this.#retained?.stop()
    this.#moved()
    return new Promise(resolve => {
      if (this.#openConnections === 0) resolve()
      else this.#whenClosed.push(resolve)
    })
  }

  /** Ends the session and begins anew: BFD says so, an operator asks. */
  reset(notification: Notification, because: SendReason): void {
    this.#connections.dispatch({ type: 'stop', isManual: false, notification, because })
    if (because === 'bfd-down') {
      const { code: errorCode, subcode: errorSubcode, data } = notification
      // RFC 9384 §3: known here, also where it could not be sent.
      this.report.failed({ code: 'notification-sent', error: { errorCode, errorSubcode, data }, because })
    }
  }

  /** BFD saw the peer again: no attempt waits any longer. */
  pathUp(): void {
    this.#connections.dispatch({ type: 'path-up' })
    if (!this.#isRunning || !this.#connections.isEmpty) return
    this.#nextStart.cancel()
    this.#begin()
  }

  /** BFD lost the peer. `outlivesRestart`: its BFD and ours do not end with BGP, so that a restart is no excuse. */
  pathFailed(outlivesRestart: boolean): void {
    this.reset(ERRORS.bfdDown(), 'bfd-down')
    if (outlivesRestart) this.#retained?.pathFailed()
  }

  /** Takes over what does not touch the session. */
  update(init: PeerInit): void {
    this.#init = init
    this.#session?.limit(init.maxPrefixes)
  }

  /** Where an unnumbered peer was found; another address is another session. */
  setRemote(remote: Address | undefined): void {
    const before = this.#around.remote
    if (before === remote || (before !== undefined && remote !== undefined && equalAddresses(before, remote))) return
    this.#around = { ...this.#around, ...(remote !== undefined && { remote }) }
    if (before === undefined) return this.#begin()
    this.reset(ERRORS.otherChange(), 'configuration-changed')
  }

  /** The initial routes are complete. */
  markSynced(): void {
    if (this.#isSynced) return
    this.#isSynced = true
    this.#session?.releaseEndOfRib()
  }

  /** A connection that the peer opened. Undefined: refused. */
  accept(connection: Connection): ConnectionHandlers | undefined {
    if (!this.#isRunning) return undefined
    const isPending = this.#connections.attempt('incoming') !== undefined
    if (this.#session !== undefined && (isPending || !this.#mayLose(this.#session))) {
      // RFC 4271 §6.8: the one that is established stays.
      connection.write(encodeMessage(ERRORS.collision(), { fourOctetAs: true, internal: false }))
      connection.close('flush')
      return NOBODY
    }
    if (isPending) return undefined
    if (this.#init.ttlSecurityHops !== undefined) {
      // RFC 5082 §3: a transport that cannot check it must not take the connection.
      if (connection.limitTtl === undefined) return undefined
      connection.limitTtl({ ttl: 255, minimumTtl: 256 - this.#init.ttlSecurityHops })
    }
    const slot = this.#newSlot('incoming')
    slot.dispatch({ type: 'start' })
    return slot.adopt(connection)
  }

  #begin(): void {
    if (!this.#isRunning || this.#connections.attempt('outgoing') !== undefined || this.#session !== undefined) return
    if (this.#init.passive === true || this.remote === undefined) return this.#moved()
    this.#newSlot('outgoing').dispatch({ type: 'start' })
  }

  #newSlot(name: SlotName): Slot {
    const settings = sessionSettings(this.#init, this.#around, {
      isPassive: name === 'incoming',
      isRestarting: this.#isRestarting,
      withoutCapabilities: this.#refused,
    })
    const slot: Slot = new Slot(this.#components, settings, {
      dial: handlers => this.#components.transport.dial(dialOptions(this.#init, this.#around), handlers),
      mayConfirm: negotiated => this.#mayConfirm(name, negotiated),
      codec: ({ fourOctetAs, internal, peerAsn }) => ({
        fourOctetAs,
        internal,
        ...(!internal && this.#init.enforceFirstAs !== false && { firstAs: peerAsn }),
      }),
      established: negotiated => this.#established(name, slot, negotiated),
      isPathUp: this.#around.isPathUp,
      passed: (direction, bytes, ends) => {
        countMessage(this.tally, direction, bytes.length)
        this.#components.onMessage?.({ peer: this.#init.name, direction, bytes, ends })
      },
      update: update => this.#sessionOn(slot)?.update(update),
      refresh: request => this.#sessionOn(slot)?.refresh(request),
      drained: () => this.#sessionOn(slot)?.drained(),
      moved: () => this.#moved(),
      attemptFailed: (reason, retryMs) => this.#attemptFailed(reason, retryMs),
      ended: ending => this.#ended(name, slot, ending),
      connections: difference => this.#onConnections(difference),
    })
    this.#connections.begin(name, slot)
    return slot
  }

  #sessionOn(slot: Slot): PeerSession | undefined {
    return this.#session?.slot === slot ? this.#session : undefined
  }

  #mayConfirm(name: SlotName, negotiated: Negotiated): boolean {
    const session = this.#session
    return this.#connections.mayConfirm(name, this.#speakers(negotiated), {
      overtook: session?.overtook,
      isContested: this.#init.collisionDetectEstablished === true,
      mayBeOver: session !== undefined && mayRestartUnnoticed(session.negotiated.peerCapabilities),
    })
  }

  /** Whether another connection of the peer's may take the place of an established session. */
  #mayLose({ negotiated }: PeerSession): boolean {
    const isContested = this.#init.collisionDetectEstablished === true && this.#connections.establishedBy === 'outgoing'
    return isContested || mayRestartUnnoticed(negotiated.peerCapabilities)
  }

  #speakers({ peerRouterId, peerAsn }: Negotiated): Speakers {
    const { localAsn = this.#around.asn, shownAsn = localAsn, routerId = this.#around.routerId } = this.#init
    return { localId: Number(routerId.value), localAsn: shownAsn, remoteId: peerRouterId, remoteAsn: peerAsn }
  }

  #established(name: SlotName, slot: Slot, negotiated: Negotiated): void {
    const { connection } = slot
    const before = this.#session
    const other = this.#connections.beside(name)
    this.#connections.settle(name, slot)
    this.tally.established++
    this.#nextStart.cancel()
    if (before !== undefined) {
      this.#drop(before, OVERTAKEN)
      this.report.closed(OVERTAKEN)
    }
    if (connection === undefined) return
    this.#rib.forgetSent()
    const hasOpened = other?.state.name === 'open-sent'
    this.#session = new PeerSession(this.#components, {
      init: this.#init,
      around: this.#around,
      slot,
      connection,
      negotiated,
      rib: this.#rib,
      tally: this.tally,
      retained: this.#retained,
      holdsEndOfRib: !this.#isSynced,
      overtook: hasOpened ? other : undefined,
    })
    this.#isRestarting = false
    before?.slot.dispatch({ type: 'collision-lost' })
    if (!hasOpened) this.#connections.giveUp(other)
    this.#moved()
    this.report.established(negotiated)
    this.#session?.flush()
  }

  #attemptFailed(reason: CloseReason, retryMs: number): void {
    if (this.#session !== undefined) return
    const hint = this.#init.password === undefined ? '' : ' (so does a password that the two sides do not share)'
    const isTimeout = reason.code === 'connect-failed' && reason.detail === 'no answer in time'
    const explained = isTimeout ? { ...reason, detail: `${reason.detail}${hint}` } : reason
    this.report.failed(explained)
    this.tally.ended++
    this.report.attemptFailed(explained, retryMs)
  }

  #ended(name: SlotName, slot: Slot, { reason, isDamped, counts }: Ending): void {
    this.#connections.remove(name, slot)
    this.tally.ended++
    const session = this.#sessionOn(slot)
    const isCollision = reason.code === 'notification-sent' && reason.because === 'collision'
    const isSilent = reason.code === 'stopped' || (session === undefined && this.#session !== undefined)
    if (!isCollision && !isSilent) this.report.failed(reason)
    if (session !== undefined) this.#drop(session, reason)
    if (this.#init.capabilityFallback !== false) for (const code of refusedCapabilities(reason)) this.#refused.add(code)
    this.#moved()
    if (session !== undefined) this.report.closed(reason)
    // Beside a live connection, or one that we were asked to leave, an end is no failure.
    if (!this.#isRunning || this.#session !== undefined || !this.#connections.isEmpty) return
    const establishedMs = session === undefined ? undefined : this.#components.clock.now() - session.since
    const outage = { reason, establishedMs, isListening: this.#around.isListening() }
    const isFree = counts === 'unchanged' && !isDamped
    const waitMs = this.#nextStart.after(outage, { isFree, grows: this.#init.dampPeerOscillations !== false }, () =>
      this.#begin(),
    )
    if (session === undefined && !isCollision) this.report.attemptFailed(reason, waitMs)
  }

  #drop(session: PeerSession, reason: CloseReason): void {
    this.#session = undefined
    session.stop(reason)
  }

  #moved(): void {
    const isWaiting = this.#isRunning && this.#init.passive === true
    const furthest = this.#connections.furthest ?? (isWaiting ? 'active' : 'idle')
    // The machine moves before its peer knows the session: established is said once both agree.
    if (furthest !== 'established' || this.#session !== undefined) this.report.moved(furthest)
  }

  #onConnections(difference: 1 | -1): void {
    this.#openConnections += difference
    if (this.#openConnections > 0) return
    for (const resolve of this.#whenClosed.splice(0)) resolve()
  }
}

const OVERTAKEN: CloseReason = { code: 'connection-lost', detail: 'another connection took its place' }
const NOBODY: ConnectionHandlers = { received: () => {}, closed: () => {}, drained: () => {} }
