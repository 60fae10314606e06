import { equalAddresses, type Address } from '@metallb-ts/netip'
import { ribEntry, type RibEntry } from './adj-rib-out.ts'
import type { Discovery } from './discovery.ts'
import type { PeerComponents } from './peer-components.ts'
import { Peer } from './peer.ts'
import { peerChange, type PeerChange, type PeerInit, type PeerKey } from './peer-init.ts'
import { mergeAttributes, routeKey, type Route } from './route.ts'
import type { Connection, ConnectionHandlers, ListenKey } from './transport.ts'
import { encodeMessage } from './wire/message.ts'
import { ERRORS } from './wire/notification.ts'

/** A route of one source, for all peers or for those named. */
export interface SourcedRoute extends Route {
  /** @default every peer */
  readonly peers?: readonly PeerKey[]
}

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

export interface SpeakerComponents extends PeerComponents {
  /** Finds unnumbered peers, by their router advertisements or otherwise. */
  readonly discovery?: Discovery
}

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

export interface PathOptions {
  /**
   * BFD of both ends outlives a restart of BGP (their C bits are set), so that a failure ends the peer's graceful restart,
   * too (RFC 5882 §4.3). @default false
   */
  readonly outlivesRestart?: boolean
}

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

interface Contribution {
  readonly source: string
  readonly route: SourcedRoute
}

class RoutingSpeaker implements Speaker {
  readonly #components: SpeakerComponents
  readonly #init: SpeakerInit
  readonly #peers = new Map<PeerKey, Peer>()
  readonly #pathsUp = new Set<PeerKey>()
  readonly #watches = new Map<PeerKey, { stop(): void }>()
  readonly #bySource = new Map<string, ReadonlyMap<string, readonly SourcedRoute[]>>()
  readonly #byKey = new Map<string, readonly Contribution[]>()
  #listener: Awaited<ReturnType<NonNullable<PeerComponents['transport']['listen']>>> | undefined
  #isSynced: boolean

  constructor(components: SpeakerComponents, init: SpeakerInit) {
    this.#components = components
    this.#init = init
    this.#isSynced = init.initialSyncMs === undefined
    if (init.initialSyncMs !== undefined) components.clock.setTimer(init.initialSyncMs, () => this.markSynced())
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
      isSynced: this.#isSynced,
      isListening: () => this.#listener !== undefined,
      isPathUp: () => this.#pathsUp.has(init.name),
    })
    this.#peers.set(init.name, peer)
    for (const contributions of this.#byKey.values()) this.#tell(peer, contributions, undefined)
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
      if (change.kind === 'soft') for (const all of this.#byKey.values()) this.#tell(peer, all, undefined)
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
    const before = this.#bySource.get(source)
    const after = new Map<string, readonly SourcedRoute[]>()
    for (const route of routes) {
      const key = routeKey(route)
      const others = after.get(key)
      after.set(key, others === undefined ? [route] : [...others, route])
    }
    if (after.size > 0) this.#bySource.set(source, after)
    else this.#bySource.delete(source)
    if (before !== undefined) for (const key of before.keys()) if (!after.has(key)) this.#replace(key, source, [])
    for (const [key, own] of after) this.#replace(key, source, own)
  }

  markSynced(): void {
    if (this.#isSynced) return
    this.#isSynced = true
    for (const peer of this.#peers.values()) peer.markSynced()
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
    await this.#listener?.close()
    this.#listener = undefined
    for (const watch of this.#watches.values()) watch.stop()
    this.#watches.clear()
    const peers = [...this.#peers.values()]
    if (!graceful) {
      if (drainMs > 0 && this.#byKey.size > 0) {
        for (const peer of peers) this.updatePeer(peer.init.name, { ...peer.init, isDraining: true })
        await this.#until(() => false, drainMs)
      }
      for (const source of [...this.#bySource.keys()]) this.setRoutes(source, [])
      await this.#until(() => peers.every(peer => peer.isFlushed), deadlineMs)
    }
    let closed = false
    const because = graceful ? 'restart' : 'administrative'
    void Promise.all(peers.map(peer => peer.stop(ERRORS.shutdown(reason), because))).then(() => (closed = true))
    await this.#until(() => closed, deadlineMs)
    this.#peers.clear()
  }

  #forget(key: PeerKey): void {
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

  #replace(key: string, source: string, routes: readonly SourcedRoute[]): void {
    const before = this.#byKey.get(key) ?? NONE
    if (before.length === 1 && routes.length === 1 && before[0]!.route === routes[0]) return
    const others = before.filter(one => one.source !== source)
    // Sources in the order of their names, so that every node merges alike.
    const after = [...others, ...routes.map(route => ({ source, route }))]
    if (others.length > 0) after.sort((a, b) => (a.source < b.source ? -1 : a.source > b.source ? 1 : 0))
    if (after.length === 0) {
      this.#byKey.delete(key)
      for (const peer of this.#peers.values()) peer.deleteRoute(key)
      return
    }
    this.#byKey.set(key, after)
    const shared = after.every(({ route }) => route.peers === undefined) ? merged(after) : undefined
    for (const peer of this.#peers.values()) this.#tell(peer, after, shared)
  }

  #tell(peer: Peer, contributions: readonly Contribution[], shared: RibEntry | undefined): void {
    if (shared !== undefined) return peer.setRoute(shared)
    const { name } = peer.init
    const own = contributions.filter(({ route: { peers } }) => peers === undefined || peers.includes(name))
    if (own.length === 0) peer.deleteRoute(routeKey(contributions[0]!.route))
    else peer.setRoute(merged(own))
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

const NONE: readonly Contribution[] = []
const LOOK_AGAIN_MS = 5

function merged(contributions: readonly Contribution[]): RibEntry {
  const { prefix, pathId } = contributions[0]!.route
  const attributes = mergeAttributes(contributions.map(({ route }) => route.attributes))
  return ribEntry(pathId === undefined ? { prefix, attributes } : { prefix, attributes, pathId })
}
