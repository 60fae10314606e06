import type { Address, Family } from '@metallb-ts/netip'
import { AdjRibOut, ribEntry, type PendingReason, type RibEntry } from './adj-rib-out.ts'
import type { CloseReason, SendReason } from './close-reason.ts'
import type { Negotiated } from './negotiate.ts'
import type { PeerComponents } from './peer-components.ts'
import type { PeerCounters } from './peer-counters.ts'
import type { PeerInit } from './peer-init.ts'
import type { LastErrors } from './peer-report.ts'
import type { PeerSurroundings } from './peer-settings.ts'
import { withGracefulShutdown } from './route.ts'
import { SessionKeeper } from './session-keeper.ts'
import type { StateName } from './session-state.ts'
import type { Connection, ConnectionHandlers } from './transport.ts'
import { ERRORS, type Notification } from './wire/notification.ts'

/** One configured neighbour: what it should know, what it was told, and how the session with it fares. */
export class Peer {
  readonly #rib = new AdjRibOut()
  readonly #keeper: SessionKeeper

  constructor(components: PeerComponents, init: PeerInit, around: PeerSurroundings) {
    this.#keeper = new SessionKeeper(components, init, around, this.#rib)
  }

  get init(): PeerInit {
    return this.#keeper.init
  }

  /** Where the peer is; undefined while an unnumbered one was not found. */
  get remote(): Address | undefined {
    return this.#keeper.remote
  }

  /** The furthest that any of its connections is. `idle` while it runs: waiting before the next attempt. */
  get state(): StateName {
    return this.#keeper.report.state
  }

  /** The clock's milliseconds at which `state` last changed. */
  get since(): number {
    return this.#keeper.report.since
  }

  get negotiated(): Negotiated | undefined {
    return this.#keeper.session?.negotiated
  }

  get localAddress(): Address | undefined {
    return this.#keeper.session?.slot.connection?.localAddress
  }

  get counters(): PeerCounters {
    return { ...this.#keeper.tally }
  }

  /** Why the last attempt or session ended; `explainClose` makes a sentence of it. */
  get lastError(): CloseReason | undefined {
    return this.#keeper.report.lastError
  }

  /** The last NOTIFICATIONs of both sides. */
  get lastErrors(): LastErrors {
    return this.#keeper.report.lastErrors
  }

  /** Distinct prefixes received, counted only when a limit or a receiver asks for it; else announcements. */
  get receivedCount(): number {
    return this.#keeper.session?.receivedCount ?? 0
  }

  /** Prefixes that the peer was told, and those that it should know. */
  get prefixes(): { readonly advertised: number; readonly desired: number } {
    return { advertised: this.#keeper.session === undefined ? 0 : this.#rib.sentCount, desired: this.#rib.desiredCount }
  }

  isAdvertised(key: string): boolean {
    return this.#keeper.session !== undefined && this.#rib.isSent(key)
  }

  /** Keys of the routes that the peer was told. */
  advertised(): string[] {
    return this.#keeper.session === undefined ? [] : Array.from(this.#rib.sent(), ({ key }) => key)
  }

  /** Routes that the session cannot carry, with the reason. Empty while there is no session. */
  pending(): { readonly key: string; readonly reason: PendingReason }[] {
    return this.#keeper.session?.pending() ?? []
  }

  /** Everything that should be told was handed to the wire, and the wire took it. */
  get isFlushed(): boolean {
    return this.#keeper.session?.isFlushed ?? true
  }

  start(): void {
    this.#keeper.start()
  }

  /** Ends for good, and resolves when nothing of it is open. `restart`: without a word, so that the peer bridges it. */
  stop(notification: Notification, because: SendReason = 'administrative'): Promise<void> {
    return this.#keeper.stop(notification, because)
  }

  /** Ends the session and begins anew: BFD says so, an operator asks. */
  reset(notification: Notification = ERRORS.reset(), because: SendReason = 'administrative'): void {
    this.#keeper.reset(notification, because)
  }

  /** BFD saw the peer again: no attempt waits any longer. */
  pathUp(): void {
    this.#keeper.pathUp()
  }

  /** BFD lost the peer. `outlivesRestart`: its BFD and ours do not end with BGP, so that a restart is no excuse. */
  pathFailed(outlivesRestart: boolean): void {
    this.#keeper.pathFailed(outlivesRestart)
  }

  /** Takes over what does not touch the session. */
  update(init: PeerInit): void {
    this.#keeper.update(init)
  }

  /** Where an unnumbered peer was found; another address is another session. */
  setRemote(remote: Address | undefined): void {
    this.#keeper.setRemote(remote)
  }

  /** The initial routes are complete. */
  markSynced(): void {
    this.#keeper.markSynced()
  }

  /** A connection that the peer opened. Undefined: refused. */
  accept(connection: Connection): ConnectionHandlers | undefined {
    return this.#keeper.accept(connection)
  }

  /** Means the peer to know this route, as far as its policy allows, or none of this key. `tellChanges` tells it. */
  setRoute(key: string, entry: RibEntry | undefined): void {
    if (entry === undefined) return void this.#rib.delete(key)
    const { exportPolicy, isDraining = false } = this.#keeper.init
    const allowed = exportPolicy === undefined ? entry.attributes : exportPolicy(entry)
    const attributes = allowed !== undefined && isDraining ? withGracefulShutdown(allowed) : allowed
    if (attributes === undefined) this.#rib.delete(key)
    else this.#rib.set(attributes === entry.attributes ? entry : ribEntry({ ...entry, attributes }))
  }

  /** What was changed since goes out with the next turn. */
  tellChanges(): void {
    if (this.#rib.hasPending) this.#keeper.session?.schedule()
  }

  /** Asks the peer to announce a family again (RFC 2918 §3); false when that was not agreed on. */
  requestRefresh(family: Family): boolean {
    return this.#keeper.session?.requestRefresh(family) ?? false
  }
}
