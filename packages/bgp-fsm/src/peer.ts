import type { Publisher } from '@metallb-ts/event-bus'
import { formatPrefix, type Address, type Family, type Prefix } from '@metallb-ts/netip'
import { backoffDelay, type Clock, type Random, type Timer } from '@metallb-ts/runtime'
import { AdjRibOut } from './adj-rib-out.ts'
import { explainClose, type CloseReason, type SendReason } from './close-reason.ts'
import type { BgpEvents } from './events.ts'
import type { Negotiated } from './negotiate.ts'
import { endOfRib, packUpdates, type PackContext } from './pack-updates.ts'
import type { PeerInit } from './peer-init.ts'
import { Outbox } from './outbox.ts'
import type { Route } from './route.ts'
import { Slot, type SlotName } from './slot.ts'
import type { SessionSettings, StateName } from './session.ts'
import type { Connection, ConnectionHandlers, Transport } from './transport.ts'
import { AFI } from './wire/constants.ts'
import type { RouteRefresh } from './wire/message.ts'
import { ERRORS, type Notification } from './wire/notification.ts'
import type { Update } from './wire/update.ts'

export interface PeerComponents {
  readonly clock: Clock
  readonly random: Random
  readonly transport: Transport
  readonly events: Publisher<BgpEvents>
}

export interface PeerCounters {
  readonly messagesSent: number
  readonly messagesReceived: number
  readonly updatesSent: number
  readonly updatesReceived: number
  /** Times the session was established. */
  readonly established: number
  /** Attempts and sessions that came to an end. */
  readonly ended: number
}

/** One configured neighbour: keeps dialling, keeps at most one session, and keeps its routes told. */
export class Peer {
  readonly #components: PeerComponents
  #init: PeerInit
  readonly #routerId: Address
  readonly #rib = new AdjRibOut()
  readonly #slots: { outgoing?: Slot; incoming?: Slot } = {}
  readonly #counters = {
    messagesSent: 0,
    messagesReceived: 0,
    updatesSent: 0,
    updatesReceived: 0,
    established: 0,
    ended: 0,
  }
  #outbox: Outbox | undefined
  #retry: Timer | undefined
  #flushing: Timer | undefined
  #failures = 0
  #establishedAt: number | undefined
  #since: number
  #lastError: CloseReason | undefined
  #isRunning = false
  #isRestarting: boolean
  #unreachable: readonly Prefix[] = []

  constructor(
    components: PeerComponents,
    init: PeerInit,
    { routerId, isRestarting }: { routerId: Address; isRestarting: boolean },
  ) {
    this.#components = components
    this.#init = init
    this.#routerId = init.routerId ?? routerId
    this.#isRestarting = isRestarting
    this.#since = components.clock.now()
  }

  get init(): PeerInit {
    return this.#init
  }

  /** The furthest that any of its connections is. `active`: waiting, to dial again or to be dialled. */
  get state(): StateName {
    const names = [this.#slots.outgoing, this.#slots.incoming].map(slot => slot?.state.name ?? 'idle')
    const furthest = STATES.findLast(state => names.includes(state)) ?? 'idle'
    return furthest === 'idle' && this.#isRunning ? 'active' : furthest
  }

  /** The clock's milliseconds at which `state` last changed to or from established. */
  get since(): number {
    return this.#since
  }

  get negotiated(): Negotiated | undefined {
    const slot = this.#establishedSlot
    return slot?.state.name === 'established' ? slot.state.negotiated : undefined
  }

  get counters(): PeerCounters {
    return { ...this.#counters }
  }

  /** Why the last attempt or session ended. */
  get lastError(): CloseReason | undefined {
    return this.#lastError
  }

  /** Prefixes that the peer was told, and those that it should know. */
  get prefixes(): { readonly advertised: number; readonly desired: number } {
    return {
      advertised: this.#establishedSlot === undefined ? 0 : this.#rib.sentCount,
      desired: this.#rib.desiredCount,
    }
  }

  get advertised(): readonly Prefix[] {
    return this.#establishedSlot === undefined ? [] : this.#rib.sent()
  }

  /** Prefixes that cannot be told, for want of a next hop in their family. */
  get unreachable(): readonly Prefix[] {
    return this.#unreachable
  }

  start(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    if (this.#init.passive !== true) this.#dial()
  }

  /** Ends the session with this NOTIFICATION, after what is told already has left. */
  stop(notification: Notification = ERRORS.shutdown(), because: SendReason = 'administrative'): void {
    this.#isRunning = false
    this.#retry?.cancel()
    this.#flushing?.cancel()
    for (const slot of [this.#slots.outgoing, this.#slots.incoming])
      slot?.dispatch({ type: 'stop', notification, because })
  }

  /** Drops the connection without a word, so that a peer with graceful restart keeps our routes. */
  abandon(): void {
    this.#isRunning = false
    this.#retry?.cancel()
    this.#flushing?.cancel()
    for (const slot of [this.#slots.outgoing, this.#slots.incoming]) slot?.abandon()
  }

  /** Choices that need no new session; see `peerChange`. */
  update(init: PeerInit): void {
    this.#init = init
  }

  setRoute(route: Route): void {
    this.#rib.set(route)
    this.#scheduleFlush()
  }

  deleteRoute(prefix: Prefix): void {
    this.#rib.delete(prefix)
    this.#scheduleFlush()
  }

  /** Everything is told and has left for the wire, or there is nobody to tell. */
  get isFlushed(): boolean {
    return this.#establishedSlot === undefined || (!this.#rib.hasPending && (this.#outbox?.isEmpty ?? true))
  }

  /** A connection that the peer opened. Undefined: refused. */
  accept(connection: Connection): ConnectionHandlers | undefined {
    if (!this.#isRunning || this.#slots.incoming !== undefined || this.#establishedSlot !== undefined) return undefined
    const slot = this.#newSlot('incoming')
    return slot.adopt(connection)
  }

  get #establishedSlot(): Slot | undefined {
    return [this.#slots.outgoing, this.#slots.incoming].find(slot => slot?.state.name === 'established')
  }

  #dial(): void {
    if (!this.#isRunning || this.#slots.outgoing !== undefined) return
    this.#newSlot('outgoing').dispatch({ type: 'start' })
  }

  #newSlot(name: SlotName): Slot {
    const slot = new Slot(this.#components, this.#settings(), {
      dial: (opened, failed) => this.#components.transport.dial(this.#dialOptions(), { opened, failed }),
      openAccepted: negotiated => this.#resolveCollision(name, negotiated),
      established: negotiated => this.#established(slot, negotiated),
      received: message => {
        this.#counters.messagesReceived++
        if (message === 'update') this.#counters.updatesReceived++
      },
      sent: () => this.#counters.messagesSent++,
      update: update => this.#onUpdate(update),
      refresh: request => this.#onRefresh(request),
      drained: () => this.#outbox?.drained(),
      moved: (from, to) => this.#moved(from, to),
      ended: reason => this.#ended(name, reason),
    })
    this.#slots[name] = slot
    return slot
  }

  #settings(): SessionSettings {
    const {
      localAsn,
      shownAsn,
      peerAsn,
      holdSeconds = 90,
      keepaliveSeconds,
      connectSeconds,
      gracefulRestartSeconds,
    } = this.#init
    return {
      asn: shownAsn ?? localAsn,
      routerId: Number(this.#routerId.value),
      holdSeconds,
      ...(keepaliveSeconds !== undefined && { keepaliveSeconds }),
      peerAsn,
      families: this.#families,
      ...(gracefulRestartSeconds !== undefined && { gracefulRestartSeconds }),
      isRestarting: this.#isRestarting,
      connectMs: (connectSeconds ?? DEFAULT_CONNECT_SECONDS) * 1_000,
    }
  }

  get #families(): readonly Family[] {
    return this.#init.families ?? [this.#init.remote.family]
  }

  #dialOptions(): Parameters<Transport['dial']>[0] {
    const {
      remote,
      interface: name,
      port = 179,
      source,
      password,
      ttl,
      minimumTtl,
      device,
      connectSeconds,
    } = this.#init
    return {
      remote,
      port,
      timeoutMs: (connectSeconds ?? DEFAULT_CONNECT_SECONDS) * 1_000,
      ...(name !== undefined && { interface: name }),
      ...(source !== undefined && { source }),
      ...(password !== undefined && { password }),
      ...(ttl !== undefined && { ttl }),
      ...(minimumTtl !== undefined && { minimumTtl }),
      ...(device !== undefined && { device }),
    }
  }

  /** RFC 4271 §6.8: of two connections the one that the speaker with the higher identifier opened stays. */
  #resolveCollision(name: SlotName, { peerRouterId }: Negotiated): void {
    const other = this.#slots[name === 'outgoing' ? 'incoming' : 'outgoing']
    if (other === undefined) return
    const state = other.state.name
    if (state !== 'open-confirm' && state !== 'established') return
    const keepOutgoing = Number(this.#routerId.value) > peerRouterId
    const keepsThis = state !== 'established' && keepOutgoing === (name === 'outgoing')
    const loser = keepsThis ? other : this.#slots[name]
    loser?.dispatch({ type: 'stop', notification: ERRORS.collision(), because: 'collision' })
  }

  #established(slot: Slot, negotiated: Negotiated): void {
    const { clock, events } = this.#components
    this.#counters.established++
    this.#establishedAt = clock.now()
    this.#since = clock.now()
    this.#retry?.cancel()
    this.#outbox = new Outbox(slot, clock, negotiated.holdSeconds, () =>
      slot.dispatch({ type: 'stop', notification: ERRORS.sendHoldTimerExpired(), because: 'send-hold-timer-expired' }),
    )
    this.#rib.forgetSent()
    events.publish('bgp:established', {
      peer: this.#init.name,
      holdSeconds: negotiated.holdSeconds,
      families: negotiated.families,
    })
    this.#flush()
    for (const family of negotiated.families) this.#outbox.push(endOfRib(family))
    this.#isRestarting = false
  }

  #moved(from: StateName, to: StateName): void {
    if (from !== to) this.#components.events.publish('bgp:state-changed', { peer: this.#init.name, from, to })
  }

  #ended(name: SlotName, reason: CloseReason): void {
    const wasEstablished = this.#establishedAt !== undefined && this.#establishedSlot === undefined
    delete this.#slots[name]
    this.#counters.ended++
    const isCollision = reason.code === 'notification-sent' && reason.because === 'collision'
    if (!isCollision) this.#lastError = reason
    const { clock, events } = this.#components
    const sentence = explainClose(reason)
    const peer = this.#init.name
    if (wasEstablished) {
      if (clock.now() - this.#establishedAt! >= STABLE_MS) this.#failures = 0
      this.#establishedAt = undefined
      this.#since = clock.now()
      this.#outbox?.stop()
      this.#outbox = undefined
      events.publish('bgp:closed', { peer, reason, sentence })
    }
    if (!this.#isRunning || this.#establishedSlot !== undefined || name === 'incoming' || this.#init.passive === true)
      return
    const retryMs = this.#scheduleRetry()
    if (!wasEstablished && !isCollision) events.publish('bgp:attempt-failed', { peer, reason, sentence, retryMs })
  }

  #scheduleRetry(): number {
    const { clock, random } = this.#components
    const maxMs = (this.#init.connectSeconds ?? DEFAULT_CONNECT_SECONDS) * 1_000
    const retryMs = Math.round(backoffDelay({ baseMs: RETRY_BASE_MS, maxMs }, this.#failures++, random))
    this.#retry?.cancel()
    this.#retry = clock.setTimer(retryMs, () => this.#dial())
    return retryMs
  }

  #onUpdate(_update: Update): void {
    // Routes of others are counted, and dropped: this speaker announces.
  }

  #onRefresh({ afi, subtype }: RouteRefresh): void {
    const family = (Object.keys(AFI) as Family[]).find(name => AFI[name] === afi)
    if (family === undefined || subtype !== 0) return
    this.#rib.refresh(family)
    this.#scheduleFlush()
  }

  /** Changes of one turn are told together. */
  #scheduleFlush(): void {
    if (this.#establishedSlot === undefined || this.#flushing !== undefined) return
    this.#flushing = this.#components.clock.setTimer(0, () => this.#flush())
  }

  #flush(): void {
    this.#flushing?.cancel()
    this.#flushing = undefined
    const slot = this.#establishedSlot
    if (slot?.connection === undefined || slot.state.name !== 'established' || this.#outbox === undefined) return
    const { negotiated } = slot.state
    const packed = packUpdates(this.#rib.take(negotiated.families), this.#packContext(slot.connection, negotiated))
    for (const bytes of packed.messages) this.#outbox.push(bytes)
    this.#counters.updatesSent += packed.messages.length
    this.#counters.messagesSent += packed.messages.length
    this.#unreachable = packed.unreachable
    this.#tell('bgp:withdrawn', packed.withdrawn)
    this.#tell('bgp:advertised', packed.announced)
  }

  #tell(name: 'bgp:advertised' | 'bgp:withdrawn', prefixes: readonly Prefix[]): void {
    if (prefixes.length > 0)
      this.#components.events.publish(name, { peer: this.#init.name, prefixes: prefixes.map(formatPrefix) })
  }

  #packContext({ localAddress }: Connection, negotiated: Negotiated): PackContext {
    const { ownAddresses = {}, shownAsn, localAsn } = this.#init
    const other: Family = localAddress.family === 'ipv4' ? 'ipv6' : 'ipv4'
    const fallback = ownAddresses[other]
    return {
      asn: shownAsn ?? localAsn,
      negotiated,
      nextHops: { [localAddress.family]: [localAddress], ...(fallback !== undefined && { [other]: [fallback] }) },
    }
  }
}

const STATES = ['idle', 'connect', 'open-sent', 'open-confirm', 'established'] as const
const DEFAULT_CONNECT_SECONDS = 30
const RETRY_BASE_MS = 1_000
const STABLE_MS = 30_000 // a session that did not last this long counts as one more failure, so that a wrong AS is no storm
