import { equalAddresses, type Address } from '@metallb-ts/netip'
import type { Timer } from '@metallb-ts/runtime'
import { AnnouncedRoutes, keyOf, routeFor, type SourcedRoute } from './announced-routes.ts'
import type { Discovery } from './discovery.ts'
import type { PeerComponents } from './peer-components.ts'
import { Peer } from './peer.ts'
import { peerChange, type PeerChange, type PeerInit, type PeerKey } from './peer-init.ts'
import { Turns, type WorkStep } from './turns.ts'
import type { Connection, ConnectionHandlers, ListenKey } from './transport.ts'
import { encodeMessage } from './wire/message.ts'
import { ERRORS } from './wire/notification.ts'

/** What is true of the speaker as a whole. */
export interface SpeakerInit {
  /** Our AS number, 1 to 4294967295, for peers that name none. */
  readonly asn: number
  /** BGP identifier, an IPv4 address, not 0.0.0.0, for peers that name none. */
  readonly routerId: Address
  /** This process took over from one that just went down: said to peers with graceful restart. @default false */
  readonly isRestarting?: boolean
  /**
   * End-of-RIB waits for `markSynced`, at most this long, so that a restart takes no route away that is still to come
   * (RFC 4724 §4.1). @default it does not wait
   */
  readonly initialSyncMs?: number
}

/** What a speaker needs of the world; `realComponents` of `/node` is this machine. */
export interface SpeakerComponents extends PeerComponents {
  /** Finds unnumbered peers, by their router advertisements or otherwise. */
  readonly discovery?: Discovery
}

/** How to leave. */
export interface StopOptions {
  /** Leave without a word, so that peers with graceful restart keep our routes. @default false */
  readonly graceful?: boolean
  /** Said to the peers (RFC 9003), up to 255 octets of UTF-8. @default '' */
  readonly reason?: string
  /** First mark every route with GRACEFUL_SHUTDOWN (RFC 8326) and wait this long. @default 0 */
  readonly drainMs?: number
  /** Give up waiting for slow peers after this long. @default 2000 */
  readonly deadlineMs?: number
}

/**
 * `up`: a peer that waits is dialled at once, and a strict session goes on. `failed`: the session ends with Cease/BFD down
 * (RFC 9384). `unknown`: nobody watches, or an operator took the watch down: what is established stays (RFC 5882 §4.2).
 */
export type PathState = 'up' | 'failed' | 'unknown'

/** What else is known of a path whose state changes. */
export interface PathOptions {
  /**
   * BFD of both ends outlives a restart of BGP (their C bits are set), so that a failure ends the peer's graceful restart,
   * too (RFC 5882 §4.3). @default false
   */
  readonly outlivesRestart?: boolean
}

/** Announces routes to its peers. `createSpeaker` makes one. */
export interface Speaker {
  readonly peers: ReadonlyMap<PeerKey, Peer>
  /** Begins to dial. A name in use already is the caller's mistake and throws a RangeError. */
  addPeer(init: PeerInit): Peer
  /** Changes what can be changed, and begins a new session only where it must. No such peer: RangeError. */
  updatePeer(key: PeerKey, init: PeerInit): PeerChange
  /** Resolves when nothing of it is open. */
  removePeer(key: PeerKey): Promise<void>
  /**
   * Everything that one source announces, in place of what it announced before. Equal calls cost nothing on the wire.
   * More than some thousand routes, or what takes over four milliseconds, is taken in over several turns of the event
   * loop, and told when all are there; leave the array as it is until then.
   * Routes of one prefix from several sources are one route; `mergeAttributes` says what stands in it.
   */
  setRoutes(source: string, routes: readonly SourcedRoute[]): void
  /** The initial routes are complete: End-of-RIB may go. */
  markSynced(): void
  /** What BFD, or whoever else knows, says of the path to this peer; a peer that is not there yet finds it said. */
  setPath(key: PeerKey, state: PathState, options?: PathOptions): void
  /** Takes connections that peers open. @param port 1 to 65535, @default 179 */
  listen(port?: number, address?: Address): Promise<void>
  /** Withdraws everything and waits until that has left, ends the sessions, and resolves when nothing is open. */
  stop(options?: StopOptions): Promise<void>
}

/** A BGP speaker that announces. Nothing begins before a peer is added. */
export function createSpeaker(components: SpeakerComponents, init: SpeakerInit): Speaker {
  return new RoutingSpeaker(components, init)
}

class RoutingSpeaker implements Speaker {
  readonly #components: SpeakerComponents
  readonly #init: SpeakerInit
  readonly #peers = new Map<PeerKey, Peer>()
  readonly #pathsUp = new Set<PeerKey>()
  readonly #watches = new Map<PeerKey, { stop(): void }>()
  readonly #routes = new AnnouncedRoutes()
  /** Sources whose routes are not all taken in yet. */
  readonly #intakes = new Set<string>()
  /** Routes that are on their way from sources to peers. */
  readonly #turns: Turns
  /** Peers that have something to tell. */
  readonly #flushes: Turns
  #listener: Awaited<ReturnType<NonNullable<PeerComponents['transport']['listen']>>> | undefined
  #isSynced: boolean
  #syncTimer: Timer | undefined

  constructor(components: SpeakerComponents, init: SpeakerInit) {
    this.#components = components
    this.#init = init
    this.#turns = new Turns(components.clock, ROUTES_A_TURN, { whenIdle: () => this.#routesTaken() })
    this.#flushes = new Turns(components.clock, OCTETS_A_TURN, { mayWork: () => this.#turns.isIdle })
    this.#isSynced = init.initialSyncMs === undefined
    if (init.initialSyncMs !== undefined)
      this.#syncTimer = components.clock.setTimer(init.initialSyncMs, () => this.markSynced())
  }

  get peers(): ReadonlyMap<PeerKey, Peer> {
    return this.#peers
  }

  addPeer(init: PeerInit): Peer {
    if (this.#peers.has(init.name)) throw new RangeError(`peer ${init.name} is there already`)
    const { asn, routerId, isRestarting = false } = this.#init
    const peer = new Peer(this.#components, init, {
      asn,
      routerId,
      isRestarting,
      isSynced: this.#isSynced && this.#routes.size === 0,
      flushes: this.#flushes,
      isListening: () => this.#listener !== undefined,
      isPathUp: () => this.#pathsUp.has(init.name),
      isTakenIn: () => this.#turns.isIdle,
    })
    this.#peers.set(init.name, peer)
    this.#tellAll(peer)
    peer.start()
    this.#watch(peer)
    this.#listener?.setKeys(this.#keys())
    return peer
  }

  updatePeer(key: PeerKey, init: PeerInit): PeerChange {
    const peer = this.#peers.get(key)
    if (peer === undefined) throw new RangeError(`there is no peer ${key}`)
    const change = peerChange(peer.init, init)
    if (change.kind !== 'reset') {
      peer.update(init)
      if (change.kind === 'soft') this.#tellAll(peer)
      return change
    }
    this.#forget(key)
    // The peer has to see the old connection go before the new one comes.
    void peer.stop(ERRORS.otherChange(), 'configuration-changed')
    this.addPeer(init)
    return change
  }

  removePeer(key: PeerKey): Promise<void> {
    const peer = this.#peers.get(key)
    this.#forget(key)
    this.#pathsUp.delete(key)
    this.#listener?.setKeys(this.#keys())
    return peer?.stop(ERRORS.peerRemoved(), 'peer-removed') ?? Promise.resolve()
  }

  setRoutes(source: string, routes: readonly SourcedRoute[]): void {
    this.#turns.begin(`routes of ${source}`, this.#intake(source, routes))
  }

  #intake(source: string, routes: readonly SourcedRoute[]): WorkStep {
    const steps = this.#routes.replace(source, routes)
    this.#intakes.add(source)
    return () => {
      const { done, value: changed } = steps.next()
      if (done === true) return void this.#intakes.delete(source)
      if (changed === undefined) return 1
      if (typeof changed === 'string') for (const peer of this.#peers.values()) peer.setRoute(changed, undefined)
      else {
        const key = keyOf(changed)
        for (const peer of this.#peers.values()) peer.setRoute(key, routeFor(changed, peer.init.name))
      }
      return 1 + this.#peers.size
    }
  }

  /** One source after the other, over turns. */
  #withdrawEverything(): void {
    for (const source of this.#intakes) this.setRoutes(source, [])
    const sources = this.#routes.sources().values()
    let intake: WorkStep | undefined
    this.#turns.begin('withdrawal of everything', () => {
      const cost = intake?.()
      if (cost !== undefined) return cost
      const { done, value: source } = sources.next()
      if (done === true) return undefined
      intake = this.#intake(source, [])
      return 1
    })
  }

  markSynced(): void {
    this.#syncTimer?.cancel()
    if (this.#isSynced) return
    this.#isSynced = true
    if (this.#turns.isIdle) this.#routesTaken()
  }

  setPath(key: PeerKey, state: PathState, { outlivesRestart = false }: PathOptions = {}): void {
    const peer = this.#peers.get(key)
    switch (state) {
      case 'up':
        this.#pathsUp.add(key)
        return peer?.pathUp()
      case 'failed':
        this.#pathsUp.delete(key)
        return peer?.pathFailed(outlivesRestart)
      case 'unknown':
        this.#pathsUp.delete(key)
    }
  }

  async listen(port = 179, address?: Address): Promise<void> {
    const { transport } = this.#components
    if (transport.listen === undefined) throw new RangeError('this transport cannot listen')
    const needsTtl = [...this.#peers.values()].some(({ init }) => init.ttlSecurityHops !== undefined)
    this.#listener = await transport.listen(
      { port, keys: this.#keys(), needsTtl, ...(address !== undefined && { address }) },
      connection => this.#accept(connection),
    )
  }

  async stop({ graceful = false, reason = '', drainMs = 0, deadlineMs = 2_000 }: StopOptions = {}): Promise<void> {
    this.#syncTimer?.cancel()
    const closing = this.#listener?.close() // it takes nobody from now on, and ends when those it took have ended
    this.#listener = undefined
    for (const watch of this.#watches.values()) watch.stop()
    this.#watches.clear()
    const peers = [...this.#peers.values()]
    if (!graceful) {
      if (drainMs > 0 && this.#routes.size > 0) {
        for (const peer of peers) this.updatePeer(peer.init.name, { ...peer.init, isDraining: true })
        await this.#until(() => false, drainMs)
      }
      this.#withdrawEverything()
      await this.#until(() => peers.every(peer => peer.isFlushed), deadlineMs)
    }
    let closed = false
    const because = graceful ? 'restart' : 'administrative'
    const ending = peers.map(peer => peer.stop(ERRORS.shutdown(reason), because))
    void Promise.all([...ending, closing]).then(() => (closed = true))
    await this.#until(() => closed, deadlineMs)
    this.#peers.clear()
  }

  /** Everything that is announced, as this peer is meant to know it. */
  #tellAll(peer: Peer): void {
    const { name } = peer.init
    const all = this.#routes.all()
    this.#turns.begin(`peer ${name}`, () => {
      const { done, value: announced } = all.next()
      if (done === true) return undefined
      peer.setRoute(keyOf(announced), routeFor(announced, name))
      return 1
    })
  }

  /** What was set is where it belongs, and goes out in as few UPDATEs as say it. */
  #routesTaken(): void {
    for (const peer of this.#peers.values()) {
      peer.tellChanges()
      if (this.#isSynced) peer.markSynced()
    }
  }

  #forget(key: PeerKey): void {
    this.#turns.cancel(`peer ${key}`)
    this.#watches.get(key)?.stop()
    this.#watches.delete(key)
    this.#peers.delete(key)
  }

  #watch(peer: Peer): void {
    const { name, remote, interface: interfaceName } = peer.init
    if (remote !== undefined || interfaceName === undefined) return
    const { discovery } = this.#components
    if (discovery === undefined) throw new RangeError(`peer ${name} has no address, and nothing here can find it`)
    this.#watches.set(
      name,
      discovery.watch(interfaceName, address => peer.setRemote(address)),
    )
  }

  #keys(): ListenKey[] {
    return [...this.#peers.values()].flatMap(({ init: { remote, password } }) =>
      remote === undefined || password === undefined ? [] : [{ remote, password }],
    )
  }

  /** By address before anything is read; several peers may have one address, and the first that wants it gets it. */
  #accept(connection: Connection): ConnectionHandlers | undefined {
    for (const peer of this.#peers.values()) {
      const { remote } = peer
      const { source } = peer.init
      const isRight =
        remote !== undefined &&
        equalAddresses(remote, connection.remoteAddress) &&
        (source === undefined || equalAddresses(source, connection.localAddress))
      const handlers = isRight ? peer.accept(connection) : undefined
      if (handlers !== undefined) return handlers
    }
    connection.write(encodeMessage(ERRORS.rejected(), { fourOctetAs: true, internal: false }))
    return undefined
  }

  #until(holds: () => boolean, timeoutMs: number): Promise<void> {
    const { clock } = this.#components
    const deadline = clock.now() + timeoutMs
    return new Promise(resolve => {
      const look = (): void => {
        if (holds() || clock.now() >= deadline) resolve()
        else clock.setTimer(Math.min(LOOK_AGAIN_MS, deadline - clock.now()), look)
      }
      look()
    })
  }
}

const LOOK_AGAIN_MS = 5
// A few milliseconds' work each, so that nothing else waits longer.
const ROUTES_A_TURN = 4_000
const OCTETS_A_TURN = 48 * 1_024
