import { ribEntry, type RibEntry } from './adj-rib-out.ts'
import type { PeerKey } from './peer-init.ts'
import { mergeAttributes, type Route } from './route.ts'

/** A route of one source, for all peers or for those named. */
export interface SourcedRoute extends Route {
  /** @default every peer */
  readonly peers?: readonly PeerKey[]
}

/** What all sources announce, one route a key; the routes of several sources are merged. */
export class AnnouncedRoutes {
  readonly #byKey = new Map<string, Contribution | Several>()
  readonly #keysOf = new Map<string, readonly string[]>()

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
    const before = this.#keysOf.get(source) ?? []
    const seen = new Set<string>()
    let isWhole = false
    try {
      for (const route of routes) {
        const own = { source, entry: ribEntry(route), peers: route.peers }
        const { key } = own.entry
        const isFirst = !seen.has(key)
        seen.add(key)
        yield this.#contribute(own, isFirst) ? key : undefined
      }
      for (const key of before) if (!seen.has(key)) yield this.#forget(key, source)
      isWhole = true
    } finally {
      const keys = isWhole ? [...seen] : [...new Set([...before, ...seen])]
      if (keys.length === 0) this.#keysOf.delete(source)
      else this.#keysOf.set(source, keys)
    }
  }

  #contribute(own: Contribution, isFirst: boolean): boolean {
    const { key } = own.entry
    const known = this.#byKey.get(key)
    if (known !== undefined && 'entry' in known && saySame(known, own)) return false
    const others = contributionsOf(known).filter(({ source }) => !isFirst || source !== own.source)
    this.#byKey.set(key, others.length === 0 ? own : several([...others, own]))
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
