import type { Holding, HoldingsMessage } from './holdings-wire.ts'

/** What one member says it holds, by name. */
export type Holdings = ReadonlyMap<string, Holding>

/**
 * What every member says it holds. A change is told when it happens; every heartbeat carries the number of the last one,
 * by which who missed a change notices, and asks for the whole.
 */
export class HoldingsLedger {
  readonly #own = new Map<string, Holding>()
  readonly #peers = new Map<string, Peer>()
  readonly #toldAt = new Map<string, number>()
  readonly #node: string
  /** Our start, as heartbeats tell it. */
  boot: number
  #edition = 0

  constructor(node: string, boot: number) {
    this.#node = node
    this.boot = boot
  }

  /** How often our own holdings have changed. */
  get edition(): number {
    return this.#edition
  }

  get own(): Holdings {
    return this.#own
  }

  /** Of a member; undefined while some of it has not arrived. */
  of(node: string): Holdings | undefined {
    const peer = this.#peers.get(node)
    return peer !== undefined && peer.edition === peer.latest ? peer.held : undefined
  }

  /** Changes our own. @returns what the others have to be told */
  change(changes: ReadonlyMap<string, Holding | 'released'>): readonly HoldingsMessage[] {
    const real = [...changes].filter(([name, to]) => (this.#own.get(name) ?? 'released') !== to)
    for (const [name, to] of real) set(this.#own, name, to)
    return chunks(real).map(entries => ({
      type: 'changed',
      node: this.#node,
      boot: this.boot,
      edition: ++this.#edition,
      entries,
    }))
  }

  /** A heartbeat says how often its sender's holdings have changed. @returns whether to ask for them */
  onEdition(node: string, boot: number, edition: number, now: number): boolean {
    const peer = this.#peerOf(node, boot)
    if (peer === undefined) return false
    peer.latest = Math.max(peer.latest, edition)
    return this.#asks(peer, now)
  }

  /** @returns what to answer to its sender, and whether what we know of it is another now */
  onMessage(message: HoldingsMessage, now: number): { readonly answers: readonly HoldingsMessage[]; isNews: boolean } {
    if (message.type === 'asked') return { answers: this.#tellAll(message.node, now), isNews: false }
    const peer = this.#peerOf(message.node, message.boot)
    if (peer === undefined) return { answers: [], isNews: false }
    peer.latest = Math.max(peer.latest, message.edition)
    const isNews = message.type === 'changed' ? applyChange(peer, message) : applyPart(peer, message)
    const answers = this.#asks(peer, now) ? [this.ask()] : []
    return { answers, isNews }
  }

  ask(): HoldingsMessage {
    return { type: 'asked', node: this.#node }
  }

  forget(node: string): void {
    this.#peers.delete(node)
  }

  /** Undefined for a message of an earlier start. */
  #peerOf(node: string, boot: number): Peer | undefined {
    const known = this.#peers.get(node)
    if (known !== undefined && known.boot > boot) return undefined
    if (known?.boot === boot) return known
    if (known === undefined && this.#peers.size >= MOST_PEERS) return undefined
    const fresh: Peer = { boot, edition: 0, latest: 0, held: new Map(), parts: undefined, askedAt: -Infinity }
    this.#peers.set(node, fresh)
    return fresh
  }

  #asks(peer: Peer, now: number): boolean {
    if (peer.edition === peer.latest || now - peer.askedAt < ASK_INTERVAL_MS) return false
    peer.askedAt = now
    return true
  }

  #tellAll(asker: string, now: number): readonly HoldingsMessage[] {
    if (now - (this.#toldAt.get(asker) ?? -Infinity) < ASK_INTERVAL_MS / 2) return []
    if (this.#toldAt.size >= MOST_PEERS) this.#toldAt.clear()
    this.#toldAt.set(asker, now)
    const parts = chunks([...this.#own])
    const all = parts.length === 0 ? [[]] : parts
    return all.map((entries, part) => ({
      type: 'whole',
      node: this.#node,
      boot: this.boot,
      edition: this.#edition,
      part,
      parts: all.length,
      entries,
    }))
  }
}

interface Peer {
  readonly boot: number
  /** What `held` is true of. */
  edition: number
  /** What it is known to have come to. */
  latest: number
  held: Map<string, Holding>
  parts: Parts | undefined
  askedAt: number
}

interface Parts {
  readonly edition: number
  readonly arrived: Map<number, readonly (readonly [string, Holding | 'released'])[]>
}

function applyChange(peer: Peer, { edition, entries }: HoldingsMessage & { type: 'changed' }): boolean {
  if (edition !== peer.edition + 1) return false // told twice, or one before it was missed
  for (const [name, to] of entries) if (to === 'released' || peer.held.size < MOST_HELD) set(peer.held, name, to)
  peer.edition = edition
  return true
}

function applyPart(peer: Peer, message: HoldingsMessage & { type: 'whole' }): boolean {
  const { edition, part, parts, entries } = message
  if (edition <= peer.edition) return false
  if (peer.parts?.edition !== edition) peer.parts = { edition, arrived: new Map() }
  peer.parts.arrived.set(part, entries)
  if (peer.parts.arrived.size < parts) return false
  peer.held = new Map()
  for (const each of peer.parts.arrived.values()) {
    for (const [name, to] of each) if (peer.held.size < MOST_HELD) set(peer.held, name, to)
  }
  peer.edition = edition
  peer.parts = undefined
  return true
}

function set(held: Map<string, Holding>, name: string, to: Holding | 'released'): void {
  if (to === 'released') held.delete(name)
  else held.set(name, to)
}

/** As many as fit a packet with names of IPv6 addresses; longer names make fewer. */
function chunks<T>(entries: readonly (readonly [string, T])[]): (readonly (readonly [string, T])[])[] {
  const all: (readonly [string, T])[][] = []
  let room = 0
  for (const entry of entries) {
    const octets = entry[0].length + 2
    if (room < octets) {
      all.push([])
      room = MOST_OCTETS
    }
    all.at(-1)!.push(entry)
    room -= octets
  }
  return all
}

/** Of names and marks in one packet: with a name of 255 octets before them they still fit an Ethernet link. */
const MOST_OCTETS = 1_000
const MOST_PEERS = 512
const MOST_HELD = 16_384
const ASK_INTERVAL_MS = 50
