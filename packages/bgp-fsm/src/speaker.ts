import { formatAddress, formatPrefix, type Address, type Prefix } from '@metallb-ts/netip'
import { Peer, type PeerComponents } from './peer.ts'
import { peerChange, type PeerChange, type PeerInit } from './peer-init.ts'
import { mergeAttributes, type Route } from './route.ts'
import { ERRORS } from './wire/notification.ts'

/** A route of one source, for all peers or for those named. */
export interface SourcedRoute extends Route {
  readonly peers?: readonly string[]
}

export interface SpeakerInit {
  /** BGP identifier, an IPv4 address, for peers that name none. */
  readonly routerId: Address
  /** This process took over from one that just went down: said to peers with graceful restart. @default false */
  readonly isRestarting?: boolean
}

export interface Speaker {
  readonly peers: ReadonlyMap<string, Peer>
  /** Begins to dial. A name in use already is the caller's mistake and throws a RangeError. */
  addPeer(init: PeerInit): Peer
  /** Changes what can be changed, and begins a new session only where it must. */
  updatePeer(init: PeerInit): PeerChange
  removePeer(name: string): void
  /** Everything that one source announces, in place of what it announced before. Equal calls cost nothing on the wire. */
  setRoutes(source: string, routes: readonly SourcedRoute[]): void
  /** Takes connections that peers open, on this port. */
  listen(port: number): Promise<void>
  /** Withdraws everything, waits until that has left, ends the sessions, and gives up waiting after `timeoutMs`. */
  stop(options?: { readonly timeoutMs?: number; readonly reason?: string }): Promise<void>
  /** Drops connections without withdrawing, for a restart that peers with graceful restart bridge. */
  abandon(): Promise<void>
}

export function createSpeaker(components: PeerComponents, init: SpeakerInit): Speaker {
  return new RoutingSpeaker(components, init)
}

class RoutingSpeaker implements Speaker {
  readonly #components: PeerComponents
  readonly #init: SpeakerInit
  readonly #peers = new Map<string, Peer>()
  readonly #bySource = new Map<string, ReadonlyMap<string, readonly SourcedRoute[]>>()
  readonly #byPrefix = new Map<string, Map<string, readonly SourcedRoute[]>>()
  #listener: { close(): Promise<void> } | undefined

  constructor(components: PeerComponents, init: SpeakerInit) {
    this.#components = components
    this.#init = init
  }

  get peers(): ReadonlyMap<string, Peer> {
    return this.#peers
  }

  addPeer(init: PeerInit): Peer {
    if (this.#peers.has(init.name)) throw new RangeError(`peer ${init.name} is there already`)
    const { routerId, isRestarting = false } = this.#init
    const peer = new Peer(this.#components, init, { routerId, isRestarting })
    this.#peers.set(init.name, peer)
    for (const sources of this.#byPrefix.values()) this.#tell(peer, sources)
    peer.start()
    return peer
  }

  updatePeer(init: PeerInit): PeerChange {
    const peer = this.#peers.get(init.name)
    if (peer === undefined) throw new RangeError(`there is no peer ${init.name}`)
    const change = peerChange(peer.init, init)
    if (change.kind === 'soft') peer.update(init)
    if (change.kind === 'reset') {
      peer.stop(ERRORS.otherChange(), 'configuration-changed')
      this.#peers.delete(init.name)
      this.addPeer(init)
    }
    return change
  }

  removePeer(name: string): void {
    this.#peers.get(name)?.stop(ERRORS.peerRemoved(), 'configuration-changed')
    this.#peers.delete(name)
  }

  setRoutes(source: string, routes: readonly SourcedRoute[]): void {
    const before = this.#bySource.get(source) ?? new Map<string, readonly SourcedRoute[]>()
    const after = new Map<string, SourcedRoute[]>()
    for (const route of routes) {
      const key = formatPrefix(route.prefix)
      after.set(key, [...(after.get(key) ?? []), route])
    }
    if (after.size > 0) this.#bySource.set(source, after)
    else this.#bySource.delete(source)
    for (const [key, gone] of before) if (!after.has(key)) this.#replace(key, source, undefined, gone[0]!.prefix)
    for (const [key, own] of after) this.#replace(key, source, own, own[0]!.prefix)
  }

  async listen(port: number): Promise<void> {
    const { transport } = this.#components
    if (transport.listen === undefined) throw new RangeError('this transport cannot listen')
    this.#listener = await transport.listen(port, connection => {
      const from = formatAddress(connection.remoteAddress)
      for (const peer of this.#peers.values()) {
        const handlers = formatAddress(peer.init.remote) === from ? peer.accept(connection) : undefined
        if (handlers !== undefined) return handlers
      }
      return undefined
    })
  }

  async stop({
    timeoutMs = DEFAULT_STOP_MS,
    reason = '',
  }: { timeoutMs?: number; reason?: string } = {}): Promise<void> {
    await this.#listener?.close()
    for (const source of [...this.#bySource.keys()]) this.setRoutes(source, [])
    await this.#until(() => [...this.#peers.values()].every(peer => peer.isFlushed), timeoutMs)
    for (const peer of this.#peers.values()) peer.stop(ERRORS.shutdown(reason))
    this.#peers.clear()
  }

  async abandon(): Promise<void> {
    await this.#listener?.close()
    for (const peer of this.#peers.values()) peer.abandon()
    this.#peers.clear()
  }

  #replace(key: string, source: string, routes: readonly SourcedRoute[] | undefined, prefix: Prefix): void {
    const sources = this.#byPrefix.get(key) ?? new Map<string, readonly SourcedRoute[]>()
    if (routes === undefined) sources.delete(source)
    else sources.set(source, routes)
    if (sources.size === 0) this.#byPrefix.delete(key)
    else this.#byPrefix.set(key, sources)
    for (const peer of this.#peers.values()) {
      if (sources.size === 0) peer.deleteRoute(prefix)
      else this.#tell(peer, sources)
    }
  }

  #tell(peer: Peer, sources: ReadonlyMap<string, readonly SourcedRoute[]>): void {
    const all = [...sources].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, routes]) => routes)
    const own = all.filter(({ peers }) => peers === undefined || peers.includes(peer.init.name))
    const { prefix } = all[0]!
    if (own.length === 0) peer.deleteRoute(prefix)
    else peer.setRoute({ prefix, attributes: mergeAttributes(own.map(({ attributes }) => attributes)) })
  }

  #until(holds: () => boolean, timeoutMs: number): Promise<void> {
    const { clock } = this.#components
    const deadline = clock.now() + timeoutMs
    return new Promise(resolve => {
      const look = (): void => {
        if (holds() || clock.now() >= deadline) resolve()
        else clock.setTimer(FLUSH_POLL_MS, look)
      }
      look()
    })
  }
}

const DEFAULT_STOP_MS = 1_000
const FLUSH_POLL_MS = 5
