import { ribEntry, type RibEntry } from './adj-rib-out.ts'
import type { PeerKey } from './peer-init.ts'
import { mergeAttributes, type Route } from './route.ts'
import { SpreadMap } from './spread-map.ts'

/** A route of one source, for all peers or for those named. */
export interface SourcedRoute extends Route {
  /** @default every peer */
  readonly peers?: readonly PeerKey[]
}

/** What all sources announce, one route a key; the routes of several sources are merged. */
export class AnnouncedRoutes {
  readonly #byKey = new SpreadMap<Announced>()
  /** By source: what it announced last, and before that what of sets that others took the place of half way. */
  readonly #keysOf = new Map<string, readonly (readonly string[])[]>()
  #turn = 0

  get size(): number {
    return this.#byKey.size
  }

  sources(): string[] {
    return [...this.#keysOf.keys()]
  }

  all(): Iterator<Announced> {
    return this.#byKey.values()
  }

  /**
   * Everything that one source announces, in place of what it announced before, one route a step, so that the caller
   * says when to pause. A step yields what stands now where something changed, or the key under which nothing does. Where
   * it is not gone through to the end, the next of the same source takes back what this one brought.
   */
  *replace(source: string, routes: readonly SourcedRoute[]): Generator<Announced | string | undefined, void> {
    const turn = ++this.#turn
    const before = yield* this.#before(source)
    const now: string[] = []
    this.#keysOf.set(source, [...before, now])
    for (const route of routes) {
      const own: Contribution = { source, entry: ribEntry(route), peers: route.peers, turn }
      const { key } = own.entry
      const known = this.#byKey.get(key)
      const last = contributionOf(known, source)
      if (last?.turn !== turn) now.push(key)
      yield this.#contribute(own, known, last)
    }
    for (const keys of before)
      for (const key of keys) {
        const known = this.#byKey.get(key)
        const last = contributionOf(known, source)
        yield last === undefined || last.turn === turn ? undefined : this.#forget(key, source, known)
      }
    if (now.length === 0) this.#keysOf.delete(source)
    else this.#keysOf.set(source, [now])
  }

  /** Keys under which this source may announce something, in few lists. */
  *#before(source: string): Generator<undefined, readonly (readonly string[])[]> {
    const lists = this.#keysOf.get(source) ?? []
    if (lists.length <= MOST_LISTS) return lists
    const held = new Set<string>()
    for (const keys of lists)
      for (const key of keys) {
        if (contributionOf(this.#byKey.get(key), source) !== undefined) held.add(key)
        yield undefined
      }
    const list = [...held]
    this.#keysOf.set(source, [list])
    return [list]
  }

  #contribute(own: Contribution, known: Announced | undefined, last: Contribution | undefined): Announced | undefined {
    if (last !== undefined && last === known && saySame(last, own)) {
      last.turn = own.turn
      return undefined
    }
    // What one set says of a key more than once is merged, as if it came from several.
    const others = contributionsOf(known).filter(one => one.source !== own.source || one.turn === own.turn)
    const announced = others.length === 0 ? own : several([...others, own])
    this.#byKey.set(own.entry.key, announced)
    return announced
  }

  #forget(key: string, source: string, known: Announced | undefined): Announced | string {
    const left = contributionsOf(known).filter(one => one.source !== source)
    const [only] = left
    if (only === undefined) {
      this.#byKey.delete(key)
      return key
    }
    const announced = left.length === 1 ? only : several(left)
    this.#byKey.set(key, announced)
    return announced
  }
}

/** What is announced under one key, by one source or by several. */
export type Announced = Contribution | Several

export function keyOf(announced: Announced): string {
  return 'entry' in announced ? announced.entry.key : announced.all[0]!.entry.key
}

/** What this peer is meant to know of it; undefined: nothing. */
export function routeFor(announced: Announced, peer: PeerKey): RibEntry | undefined {
  if ('entry' in announced) return isFor(announced, peer) ? announced.entry : undefined
  if (announced.shared !== undefined) return announced.shared
  const own = announced.all.filter(one => isFor(one, peer))
  return own.length === 0 ? undefined : merged(own)
}

const MOST_LISTS = 8

interface Contribution {
  readonly source: string
  readonly entry: RibEntry
  readonly peers: readonly PeerKey[] | undefined
  /** Of which `replace` it is; what has an older one goes in the end. */
  turn: number
}

interface Several {
  /** In the order of their sources' names, so that every node merges alike. */
  readonly all: readonly Contribution[]
  /** What every peer is told; undefined when that differs. */
  readonly shared: RibEntry | undefined
}

function several(contributions: readonly Contribution[]): Several {
  const all = contributions.toSorted((a, b) => (a.source < b.source ? -1 : a.source > b.source ? 1 : 0))
  return { all, shared: all.every(({ peers }) => peers === undefined) ? merged(all) : undefined }
}

function contributionsOf(known: Announced | undefined): readonly Contribution[] {
  if (known === undefined) return []
  return 'entry' in known ? [known] : known.all
}

/** The last of this source. */
function contributionOf(known: Announced | undefined, source: string): Contribution | undefined {
  if (known === undefined || 'entry' in known) return known?.source === source ? known : undefined
  return known.all.findLast(one => one.source === source)
}

function isFor({ peers }: Contribution, peer: PeerKey): boolean {
  return peers === undefined || peers.includes(peer)
}

function saySame(a: Contribution, b: Contribution): boolean {
  return a.source === b.source && a.peers === b.peers && a.entry.attributesKey === b.entry.attributesKey
}

function merged(contributions: readonly Contribution[]): RibEntry {
  const attributes = mergeAttributes(contributions.map(({ entry }) => entry.attributes))
  return ribEntry({ ...contributions[0]!.entry, attributes })
}
