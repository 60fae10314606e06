import type { Publisher } from '@metallb-ts/event-bus'
import { equalAddresses, type Address, type Family } from '@metallb-ts/netip'
import type { Clock, Random, Timer } from '@metallb-ts/runtime'
import { AdjRibOut, ribEntry, type PendingReason, type RibEntry } from './adj-rib-out.ts'
import { idleHold } from './back-off.ts'
import { explainClose, type CloseReason, type SendReason } from './close-reason.ts'
import { judgeCollision, type SlotName } from './collision.ts'
import type { BgpEvents } from './events.ts'
import type { Negotiated } from './negotiate.ts'
import { heldBack, type PackContext } from './pack-updates.ts'
import type { PeerInit } from './peer-init.ts'
import {
  dialOptions,
  packContext,
  receiveContext,
  remoteOf,
  sessionSettings,
  type PeerSurroundings,
} from './peer-settings.ts'
import { ReceivedSide, type ReceivedChange } from './received-side.ts'
import { withGracefulShutdown } from './route.ts'
import { Slot, type Ending } from './slot.ts'
import type { StateName } from './session.ts'
import type { Connection, ConnectionHandlers, Transport } from './transport.ts'
import { UpdateSender, type Told } from './update-sender.ts'
import { AFI, familyOf } from './wire/constants.ts'
import { encodeMessage, type RouteRefresh } from './wire/message.ts'
import { ERRORS, type Notification } from './wire/notification.ts'

export interface PeerComponents {
  readonly clock: Clock
  readonly random: Random
  readonly transport: Transport
  readonly events: Publisher<BgpEvents>
  /** Every message, header and all, for who wants to write them down. @default nobody */
  readonly onMessage?: (peer: string, direction: 'sent' | 'received', bytes: Uint8Array) => void
  /** Routes that peers announce. @default validated, counted and dropped */
  readonly onReceived?: (peer: string, change: ReceivedChange) => void
}

export interface PeerCounters {
  readonly messagesSent: number
  readonly messagesReceived: number
  readonly octetsSent: number
  readonly octetsReceived: number
  readonly updatesSent: number
  readonly updatesReceived: number
  /** Malformed attributes that cost a route or themselves (RFC 7606). */
  readonly issues: number
  /** Times the session was established. */
  readonly established: number
  /** Attempts and sessions that came to an end. */
  readonly ended: number
}

/** One configured neighbour: keeps dialling, keeps at most one session, and keeps its routes told. */
export class Peer {
  readonly #components: PeerComponents
  #around: PeerSurroundings
  #init: PeerInit
  readonly #rib = new AdjRibOut()
  readonly #slots: { outgoing?: Slot; incoming?: Slot } = {}
  readonly #counters = {
    messagesSent: 0,
    messagesReceived: 0,
    octetsSent: 0,
    octetsReceived: 0,
    updatesSent: 0,
    updatesReceived: 0,
    issues: 0,
    established: 0,
    ended: 0,
  }
  #session:
    | {
        readonly slot: Slot
        readonly negotiated: Negotiated
        readonly context: PackContext
        readonly sender: UpdateSender
        readonly received: ReceivedSide
        readonly since: number
        /** Connections that were there already when this one became established. */
        readonly overtook: Slot | undefined
      }
    | undefined
  #idleHold: Timer | undefined
  #failures = 0
  #state: StateName = 'idle'
  #since: number
  #lastError: CloseReason | undefined
  #isRunning = false
  #isRestarting: boolean
  #isSynced: boolean
  readonly #refusedCapabilities = new Set<number>()
  #openConnections = 0
  #whenClosed: (() => void)[] = []

  constructor(components: PeerComponents, init: PeerInit, around: PeerSurroundings) {
    this.#components = components
    this.#init = init
    this.#around = around
    this.#isRestarting = around.isRestarting
    this.#isSynced = around.isSynced
    this.#since = components.clock.now()
  }

  get init(): PeerInit {
    return this.#init
  }

  /** Where the peer is; undefined while an unnumbered one was not found. */
  get remote(): Address | undefined {
    return remoteOf(this.#init, this.#around)
  }

  /** The furthest that any of its connections is. `idle` while it runs: waiting before the next attempt. */
  get state(): StateName {
    return this.#state
  }

  /** The clock's milliseconds at which `state` last changed. */
  get since(): number {
    return this.#since
  }

  get negotiated(): Negotiated | undefined {
    return this.#session?.negotiated
  }

  get localAddress(): Address | undefined {
    return this.#session?.slot.connection?.localAddress
  }

  get counters(): PeerCounters {
    return { ...this.#counters }
  }

  /** Why the last attempt or session ended; `explainClose` makes a sentence of it. */
  get lastError(): CloseReason | undefined {
    return this.#lastError
  }

  /** Distinct prefixes received, counted only when a limit or a receiver asks for it; else announcements. */
  get receivedCount(): number {
    return this.#session?.received.count ?? 0
  }

  /** Prefixes that the peer was told, and those that it should know. */
  get prefixes(): { readonly advertised: number; readonly desired: number } {
    return { advertised: this.#session === undefined ? 0 : this.#rib.sentCount, desired: this.#rib.desiredCount }
  }

  isAdvertised(key: string): boolean {
    return this.#session !== undefined && this.#rib.isSent(key)
  }

  /** Keys of the routes that the peer was told. */
  advertised(): string[] {
    return this.#session === undefined ? [] : Array.from(this.#rib.sent(), ({ key }) => key)
  }

  /** Routes that the session cannot carry, with the reason. Empty while there is no session. */
  pending(): { readonly key: string; readonly reason: PendingReason }[] {
    const { context } = this.#session ?? {}
    if (context === undefined) return []
    return Array.from(this.#rib.desired(), entry => ({ key: entry.key, reason: heldBack(entry, context) })).filter(
      (one): one is { key: string; reason: PendingReason } => one.reason !== undefined,
    )
  }

  /** Everything that should be told was handed to the wire, and the wire took it. */
  get isFlushed(): boolean {
    return this.#session?.sender.isIdle ?? true
  }

  start(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    this.#begin()
  }

  /** Ends for good, and resolves when nothing of it is open. `restart`: without a word, so that the peer bridges it. */
  stop(notification: Notification, because: SendReason = 'administrative'): Promise<void> {
    this.#isRunning = false
    this.#idleHold?.cancel()
    const isFinal = because === 'administrative' || because === 'peer-removed'
    // RFC 8538 §4: where NOTIFICATIONs are bridged, only a hard reset takes our routes away.
    const bridges = this.#session?.negotiated.gracefulRestart?.bridgesNotifications === true
    const told = isFinal && bridges ? ERRORS.hardReset(notification) : notification
    for (const slot of this.#all()) slot.dispatch({ type: 'stop', isManual: true, notification: told, because })
    this.#moved()
    return new Promise(resolve => {
      if (this.#openConnections === 0) resolve()
      else this.#whenClosed.push(resolve)
    })
  }

  /** Ends the session and begins anew: BFD says so, an operator asks. */
  reset(notification: Notification = ERRORS.reset(), because: SendReason = 'administrative'): void {
    for (const slot of this.#all()) slot.dispatch({ type: 'stop', isManual: false, notification, because })
    if (because === 'bfd-down') {
      const { code: errorCode, subcode: errorSubcode, data } = notification
      this.#lastError = { code: 'notification-sent', error: { errorCode, errorSubcode, data }, because }
    }
  }

  /** Takes over what does not touch the session. */
  update(init: PeerInit): void {
    this.#init = init
    this.#session?.received.limit(init.maxPrefixes)
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
    this.#isSynced = true
    this.#session?.sender.releaseEndOfRib()
  }

  /** Means the peer to know this route, as far as its policy allows. */
  setRoute(entry: RibEntry): void {
    const { exportPolicy, isDraining = false } = this.#init
    const allowed = exportPolicy === undefined ? entry.attributes : exportPolicy(entry)
    const attributes = allowed !== undefined && isDraining ? withGracefulShutdown(allowed) : allowed
    if (attributes === undefined) return this.deleteRoute(entry.key)
    const own = attributes === entry.attributes ? entry : ribEntry({ ...entry, attributes })
    if (this.#rib.set(own)) this.#session?.sender.schedule()
  }

  deleteRoute(key: string): void {
    if (this.#rib.delete(key)) this.#session?.sender.schedule()
  }

  /** Asks the peer to announce a family again (RFC 2918 §3); false when that was not agreed on. */
  requestRefresh(family: Family): boolean {
    const { slot, negotiated } = this.#session ?? {}
    if (slot === undefined || negotiated?.routeRefresh !== true) return false
    slot.write(encodeMessage({ type: 'route-refresh', afi: AFI[family], safi: 1, subtype: 0 }, negotiated))
    return true
  }

  /** A connection that the peer opened. Undefined: refused. */
  accept(connection: Connection): ConnectionHandlers | undefined {
    if (!this.#isRunning) return undefined
    if (this.#session !== undefined) {
      // RFC 4271 §6.8: the one that is established stays.
      connection.write(encodeMessage(ERRORS.collision(), { fourOctetAs: true, internal: false }))
      connection.close('flush')
      return NOBODY
    }
    if (this.#slots.incoming !== undefined) return undefined
    if (this.#init.ttlSecurityHops !== undefined) {
      // RFC 5082 §3: a transport that cannot check it must not take the connection.
      if (connection.limitTtl === undefined) return undefined
      connection.limitTtl({ ttl: 255, minimumTtl: 256 - this.#init.ttlSecurityHops })
    }
    const slot = this.#newSlot('incoming')
    slot.dispatch({ type: 'start' })
    return slot.adopt(connection)
  }

  #all(): Slot[] {
    return [this.#slots.outgoing, this.#slots.incoming].filter(slot => slot !== undefined)
  }

  #begin(): void {
    if (!this.#isRunning || this.#slots.outgoing !== undefined || this.#session !== undefined) return
    if (this.#init.passive === true || this.remote === undefined) return this.#moved()
    this.#newSlot('outgoing').dispatch({ type: 'start' })
  }

  #newSlot(name: SlotName): Slot {
    const settings = sessionSettings(this.#init, this.#around, {
      isPassive: name === 'incoming',
      isRestarting: this.#isRestarting,
      withoutCapabilities: this.#refusedCapabilities,
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
      passed: (direction, bytes) => this.#count(direction, bytes),
      update: update => {
        this.#counters.updatesReceived++
        this.#session?.received.update(update)
      },
      refresh: request => this.#onRefresh(request),
      drained: () => this.#session?.slot === slot && this.#session.sender.drained(),
      moved: () => this.#moved(),
      attemptFailed: (reason, retryMs) => this.#attemptFailed(reason, retryMs),
      ended: ending => this.#ended(name, slot, ending),
      connections: difference => this.#onConnections(difference),
    })
    this.#slots[name] = slot
    return slot
  }

  #mayConfirm(name: SlotName, { peerRouterId, peerAsn }: Negotiated): boolean {
    const other = this.#slots[name === 'outgoing' ? 'incoming' : 'outgoing']
    const { localAsn = this.#around.asn, shownAsn = localAsn, routerId = this.#around.routerId } = this.#init
    const verdict = judgeCollision(
      name,
      other && { state: other.state.name, overtook: this.#session?.overtook === this.#slots[name] },
      { localId: Number(routerId.value), localAsn: shownAsn, remoteId: peerRouterId, remoteAsn: peerAsn },
    )
    if (verdict === 'other-loses') other?.dispatch({ type: 'collision-lost' })
    return verdict !== 'this-loses'
  }

  #established(name: SlotName, slot: Slot, negotiated: Negotiated): void {
    const { clock, events } = this.#components
    const otherName = name === 'outgoing' ? 'incoming' : 'outgoing'
    const before = this.#session?.slot
    const other = this.#slots[otherName]
    this.#counters.established++
    this.#idleHold?.cancel()
    this.#session?.sender.stop()
    this.#session = undefined
    const connection = slot.connection
    if (connection === undefined) return
    const context = packContext(this.#init, this.#around, connection, negotiated)
    this.#rib.forgetSent()
    const hasOpened = other?.state.name === 'open-sent'
    this.#session = {
      slot,
      negotiated,
      context,
      since: clock.now(),
      overtook: hasOpened ? other : undefined,
      sender: new UpdateSender(
        clock,
        {
          rib: this.#rib,
          context,
          write: bytes => slot.write(bytes),
          onTold: told => this.#told(slot, told),
          onStuck: () => slot.dispatch({ type: 'expired', timer: 'send-hold' }),
        },
        { holdsEndOfRib: !this.#isSynced },
      ),
      received: new ReceivedSide({
        peer: this.#init.name,
        context: receiveContext(this.#init, this.#around, connection, negotiated),
        events,
        onReceived: this.#components.onReceived,
        maxPrefixes: this.#init.maxPrefixes,
        onIssue: () => this.#counters.issues++,
        onTooMany: (afi, limit) =>
          slot.dispatch({
            type: 'stop',
            isManual: false,
            notification: ERRORS.tooManyPrefixes(afi, limit),
            because: 'too-many-prefixes',
          }),
      }),
    }
    this.#isRestarting = false
    if (before !== undefined) before.dispatch({ type: 'collision-lost' })
    else if (!hasOpened) this.#giveUp(otherName)
    this.#moved()
    events.publish('bgp:established', {
      peer: this.#init.name,
      holdSeconds: negotiated.holdSeconds,
      families: negotiated.families,
    })
    this.#session?.sender.flush()
  }

  /** An attempt that has not said anything yet is not needed any more. */
  #giveUp(name: SlotName): void {
    this.#slots[name]?.dispatch({ type: 'stop', isManual: true, notification: ERRORS.collision(), because: 'restart' })
  }

  #attemptFailed(reason: CloseReason, retryMs: number): void {
    if (this.#session !== undefined) return
    const hint = this.#init.password === undefined ? '' : ' (so does a password that the two sides do not share)'
    const isTimeout = reason.code === 'connect-failed' && reason.detail === 'no answer in time'
    this.#lastError = isTimeout ? { ...reason, detail: `${reason.detail}${hint}` } : reason
    this.#counters.ended++
    const sentence = explainClose(this.#lastError)
    this.#components.events.publish('bgp:attempt-failed', {
      peer: this.#init.name,
      reason: this.#lastError,
      sentence,
      retryMs,
    })
  }

  #ended(name: SlotName, slot: Slot, { reason, isDamped, counts }: Ending): void {
    if (this.#slots[name] === slot) delete this.#slots[name]
    this.#counters.ended++
    const { clock, events, random } = this.#components
    const session = this.#session?.slot === slot ? this.#session : undefined
    const isCollision = reason.code === 'notification-sent' && reason.because === 'collision'
    const isSilent = reason.code === 'stopped' || (session === undefined && this.#session !== undefined)
    if (!isCollision && !isSilent) this.#lastError = reason
    if (session !== undefined) this.#dropSession()
    this.#omitRefused(reason)
    this.#moved()
    const establishedMs = session === undefined ? undefined : clock.now() - session.since
    const peer = this.#init.name
    const sentence = explainClose(reason)
    if (session !== undefined) events.publish('bgp:closed', { peer, reason, sentence })
    // Beside a live connection, or one that we were asked to leave, an end is no failure.
    if (!this.#isRunning || this.#session !== undefined || this.#all().length > 0) return
    const isFree = counts === 'unchanged' && !isDamped
    const hold = idleHold(
      { reason, establishedMs, failures: isFree ? 0 : this.#failures, isListening: this.#around.isListening() },
      random,
    )
    this.#failures = isFree ? this.#failures : hold.failures
    if (session === undefined && !isCollision)
      events.publish('bgp:attempt-failed', { peer, reason, sentence, retryMs: hold.waitMs })
    this.#idleHold?.cancel()
    this.#idleHold = clock.setTimer(hold.waitMs, () => this.#begin())
  }

  #dropSession(): void {
    this.#session?.sender.stop()
    this.#session?.received.stop()
    this.#session = undefined
  }

  /** RFC 5492 §5: a peer that refuses a capability may take us without it; families and AS number stay. */
  #omitRefused(reason: CloseReason): void {
    if (reason.code !== 'notification-received' || this.#init.capabilityFallback === false) return
    const { errorCode, errorSubcode, data } = reason.error
    if (errorCode !== 2 || (errorSubcode !== 4 && errorSubcode !== 7)) return
    const named: number[] = []
    for (let at = 0; errorSubcode === 7 && at + 1 < data.length; at += 2 + data[at + 1]!) named.push(data[at]!)
    for (const code of named.length > 0 ? named : OPTIONAL_CAPABILITIES)
      if (OPTIONAL_CAPABILITIES.includes(code)) this.#refusedCapabilities.add(code)
  }

  #told(slot: Slot, { updates, withdrawn, announced }: Told): void {
    this.#counters.updatesSent += updates
    slot.dispatch({ type: 'updates-sent' })
    const { events } = this.#components
    const peer = this.#init.name
    if (withdrawn.length > 0) events.publish('bgp:withdrawn', { peer, prefixes: withdrawn.map(({ key }) => key) })
    if (announced.length > 0) events.publish('bgp:advertised', { peer, prefixes: announced.map(({ key }) => key) })
  }

  #onRefresh({ afi, safi, subtype }: RouteRefresh): void {
    const family = familyOf(afi, safi)
    if (family !== undefined && subtype === 0) this.#session?.sender.refresh(family)
  }

  #count(direction: 'sent' | 'received', bytes: Uint8Array): void {
    const isSent = direction === 'sent'
    this.#counters[isSent ? 'messagesSent' : 'messagesReceived']++
    this.#counters[isSent ? 'octetsSent' : 'octetsReceived'] += bytes.length
    this.#components.onMessage?.(this.#init.name, direction, bytes)
  }

  #moved(): void {
    const names = this.#all().map(slot => slot.state.name)
    const isWaiting = this.#isRunning && this.#init.passive === true
    const furthest = STATES.findLast(state => names.includes(state)) ?? (isWaiting ? 'active' : 'idle')
    // The machine moves before its peer knows the session: established is said once both agree.
    const to = furthest === 'established' && this.#session === undefined ? this.#state : furthest
    if (to === this.#state) return
    const from = this.#state
    this.#state = to
    this.#since = this.#components.clock.now()
    this.#components.events.publish('bgp:state-changed', { peer: this.#init.name, from, to })
  }

  #onConnections(difference: 1 | -1): void {
    this.#openConnections += difference
    if (this.#openConnections > 0) return
    for (const resolve of this.#whenClosed.splice(0)) resolve()
  }
}

const STATES = ['idle', 'active', 'connect', 'open-sent', 'open-confirm', 'established'] as const
const OPTIONAL_CAPABILITIES: readonly number[] = [2, 5, 6, 9, 64, 69, 70, 71]
const NOBODY: ConnectionHandlers = { received: () => {}, closed: () => {}, drained: () => {} }
