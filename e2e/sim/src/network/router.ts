import { createSpeaker, type BgpEvents, type Connection, type ReceivedChange, type Speaker } from '@metallb-ts/bgp-fsm'
import type { SimHost, SimNetwork } from '@metallb-ts/bgp-fsm/testing'
import { EventBus } from '@metallb-ts/event-bus'
import { formatAddress, formatPrefix, type Address } from '@metallb-ts/netip'
import { SimProcess } from '../process.ts'
import type { World } from '../world.ts'
import { BAD_PREFIX } from './bad-update.ts'
import { guardedTransport } from './guarded-transport.ts'

export const CLUSTER_ASN = 64_512
export const ROUTER_ASN = 64_513

export interface RouterInit {
  readonly name: string
  readonly address: Address
  readonly nodes: readonly { readonly name: string; readonly address: Address }[]
  readonly holdSeconds: number
  /** Keeps the routes of a speaker that restarts gracefully. */
  readonly helps: boolean
  /** Waits for the speakers to connect. */
  readonly passive: boolean
}

export interface RouterListeners {
  /** After every change of what it knows. */
  readonly onRib: (router: Router, node: string, change: ReceivedChange) => void
  readonly onRouterEvent: (router: Router, name: string, detail: unknown) => void
}

/** A router outside the cluster that peers with every node, and knows what they tell it. */
export class Router {
  readonly name: string
  readonly host: SimHost
  readonly init: RouterInit
  readonly #world: World
  readonly #listeners: RouterListeners
  readonly #known = new Map<string, Set<string>>()
  readonly #connections = new Map<string, Connection>()
  #process: SimProcess
  #speaker: Speaker
  #lives = 0
  readonly #seed: number

  constructor(world: World, network: SimNetwork, seed: number, init: RouterInit, listeners: RouterListeners) {
    this.name = init.name
    this.init = init
    this.host = network.host(init.address)
    this.#world = world
    this.#seed = seed
    this.#listeners = listeners
    this.#process = this.#newProcess()
    this.#speaker = this.#begin()
  }

  /** Prefixes that a node has announced, stale ones included, sorted; what a bad UPDATE brought is none of its own. */
  known(node: string): readonly string[] {
    return [...(this.#known.get(node) ?? [])].filter(prefix => prefix !== BAD_PREFIX).sort()
  }

  isEstablished(node: string): boolean {
    return this.#speaker.peers.get(node)?.state === 'established'
  }

  /** Ends the session with a node as an operator does. */
  clear(node: string): void {
    this.#speaker.peers.get(node)?.reset()
  }

  /** Sends a node bytes on their session, between two messages. False when there is none. */
  inject(node: string, bytes: Uint8Array): boolean {
    const connection = this.#connections.get(node)
    if (connection === undefined || !this.isEstablished(node)) return false
    connection.write(bytes)
    return true
  }

  /** Gone without a word; whoever comes after it knows nothing. */
  kill(): void {
    this.#process.kill()
    this.#known.clear()
    this.#connections.clear()
  }

  restart(): void {
    this.kill()
    this.#process = this.#newProcess()
    this.#speaker = this.#begin()
  }

  #newProcess(): SimProcess {
    return new SimProcess(this.#world, `${this.name}#${++this.#lives}`, this.#seed + this.#lives)
  }

  #begin(): Speaker {
    const { nodes, address, holdSeconds, helps, passive } = this.init
    const process = this.#process
    const events = new EventBus<BgpEvents>({
      now: () => process.clock.now(),
      onHandlerError: error => {
        throw error
      },
    })
    events.subscribeAll(({ name, detail }) => this.#listeners.onRouterEvent(this, name, detail))
    const speaker = createSpeaker(
      {
        clock: process.clock,
        random: process.random,
        events,
        transport: guardedTransport({
          process,
          transport: this.host.transport,
          onConnection: connection => this.#onConnection(connection),
        }),
        onReceived: (node, change) => this.#hear(node, change),
      },
      { asn: ROUTER_ASN, routerId: address, isRestarting: this.#lives > 1 },
    )
    void speaker.listen()
    for (const node of nodes) {
      speaker.addPeer({
        name: node.name,
        remote: node.address,
        peerAsn: CLUSTER_ASN,
        families: ['ipv4', 'ipv6'],
        holdSeconds,
        connectSeconds: 5,
        passive,
        ...(helps && { restartHelp: { staleSeconds: STALE_SECONDS } }),
      })
    }
    return speaker
  }

  #onConnection(connection: Connection): void {
    const node = this.init.nodes.find(one => formatAddress(one.address) === formatAddress(connection.remoteAddress))
    if (node !== undefined) this.#connections.set(node.name, connection)
  }

  #hear(node: string, change: ReceivedChange): void {
    if (!this.#process.isAlive) return
    const known = this.#known.get(node) ?? new Set()
    this.#known.set(node, known)
    this.#listeners.onRib(this, node, change)
    if (change.type === 'routes') {
      for (const prefix of change.withdrawn) known.delete(formatPrefix(prefix))
      for (const prefix of change.announced) known.add(formatPrefix(prefix))
    } else if (change.type === 'swept') {
      for (const prefix of change.prefixes) known.delete(formatPrefix(prefix))
    } else if (change.type === 'session-ended') known.clear()
  }
}

export const STALE_SECONDS = 30
