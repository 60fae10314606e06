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
  readonly #byKey = new SpreadMap<Contribution | Several>()
  readonly #keysOf = new Map<string, readonly string[]>()
  #turn = 0

  get size(): number {
    return this.#byKey.size
  }

  sources(): string[] {
    return [...this.#keysOf.keys()]
  }

  keys(): Iterator<string> {
    return this.#byKey.keys()
  }

  /** What this peer is meant to know by a key; undefined: nothing. */
  routeFor(key: string, peer: PeerKey): RibEntry | undefined {
    const announced = this.#byKey.get(key)
    if (announced === undefined) return undefined
    if ('entry' in announced) return isFor(announced, peer) ? announced.entry : undefined
    if (announced.shared !== undefined) return announced.shared
    const own = announced.all.filter(one => isFor(one, peer))
    return own.length === 0 ? undefined : merged(own)
  }

  /**
   * Everything that one source announces, in place of what it announced before, one route a step, so that the caller
   * says when to pause. A step yields the key whose route may be another one now, or undefined.
   */
  *replace(source: string, routes: readonly SourcedRoute[]): Generator<string | undefined, void> {
    const turn = ++this.#turn
    const before = this.#keysOf.get(source) ?? []
    const now: string[] = []
    let isWhole = false
    try {
      for (const route of routes) {
        const own: Contribution = { source, entry: ribEntry(route), peers: route.peers, turn }
        const { key } = own.entry
        const known = this.#byKey.get(key)
        const last = contributionOf(known, source)
        if (last?.turn !== turn) now.push(key)
        yield this.#contribute(own, known, last) ? key : undefined
      }
      for (const key of before) {
        const last = contributionOf(this.#byKey.get(key), source)
        if (last !== undefined && last.turn !== turn) yield this.#forget(key, source)
      }
      isWhole = true
    } finally {
      const isHeld = (key: string): boolean => contributionOf(this.#byKey.get(key), source) !== undefined
      const keys = isWhole ? now : [...new Set([...before, ...now])].filter(isHeld)
      if (keys.length === 0) this.#keysOf.delete(source)
      else this.#keysOf.set(source, keys)
    }
  }

  #contribute(own: Contribution, known: Contribution | Several | undefined, last: Contribution | undefined): boolean {
    if (last !== undefined && last === known && saySame(last, own)) {
      last.turn = own.turn
      return false
    }
    // What one set says of a key more than once is merged, as if it came from several.
    const others = contributionsOf(known).filter(one => one.source !== own.source || one.turn === own.turn)
    this.#byKey.set(own.entry.key, others.length === 0 ? own : several([...others, own]))
    return true
  }

  #forget(key: string, source: string): string {
    const left = contributionsOf(this.#byKey.get(key)).filter(one => one.source !== source)
    const [only] = left
    if (only === undefined) this.#byKey.delete(key)
    else this.#byKey.set(key, left.length === 1 ? only : several(left))
    return key
  }
}

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

function contributionsOf(known: Contribution | Several | undefined): readonly Contribution[] {
  if (known === undefined) return []
  return 'entry' in known ? [known] : known.all
}

/** The last of this source. */
function contributionOf(known: Contribution | Several | undefined, source: string): Contribution | undefined {
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
