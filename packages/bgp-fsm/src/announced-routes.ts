import { ribEntry, type RibEntry } from './adj-rib-out.ts'
import type { PeerKey } from './peer-init.ts'
import { attributesKey, mergeAttributes, routeKey, type Route } from './route.ts'

/** A route of one source, for all peers or for those named. */
export interface SourcedRoute extends Route {
  /** @default every peer */
  readonly peers?: readonly PeerKey[]
}

/** What all sources announce, one route a key; the routes of several sources are merged. */
export class AnnouncedRoutes {
  readonly #byKey = new Map<string, Announced>()
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
    if (announced === undefined || announced.shared !== undefined) return announced?.shared
    const own = announced.contributions.filter(({ route: { peers } }) => peers === undefined || peers.includes(peer))
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
        const key = routeKey(route)
        const isFirst = !seen.has(key)
        seen.add(key)
        yield this.#contribute(key, { source, route }, isFirst) ? key : undefined
      }
      for (const key of before) if (!seen.has(key)) yield this.#forget(key, source)
      isWhole = true
    } finally {
      const keys = isWhole ? [...seen] : [...new Set([...before, ...seen])]
      if (keys.length === 0) this.#keysOf.delete(source)
      else this.#keysOf.set(source, keys)
    }
  }

  #contribute(key: string, own: Contribution, isFirst: boolean): boolean {
    const known = this.#byKey.get(key)
    const others = known?.contributions.filter(({ source }) => !isFirst || source !== own.source) ?? []
    const contributions = others.length === 0 ? [own] : [...others, own].sort(bySource)
    const isSame = known?.shared !== undefined && others.length === 0 && saysSame(known.shared, own.route)
    this.#byKey.set(key, { contributions, shared: isSame ? known.shared : shared(contributions) })
    return !isSame
  }

  #forget(key: string, source: string): string {
    const left = (this.#byKey.get(key)?.contributions ?? []).filter(one => one.source !== source)
    if (left.length === 0) this.#byKey.delete(key)
    else this.#byKey.set(key, { contributions: left, shared: shared(left) })
    return key
  }
}

interface Contribution {
  readonly source: string
  readonly route: SourcedRoute
}

interface Announced {
  /** In the order of their sources' names, so that every node merges alike. */
  readonly contributions: readonly Contribution[]
  /** What every peer is told; undefined when that differs. */
  readonly shared: RibEntry | undefined
}

function shared(contributions: readonly Contribution[]): RibEntry | undefined {
  return contributions.every(({ route }) => route.peers === undefined) ? merged(contributions) : undefined
}

function merged(contributions: readonly Contribution[]): RibEntry {
  const { prefix, pathId } = contributions[0]!.route
  const attributes = mergeAttributes(contributions.map(({ route }) => route.attributes))
  return ribEntry(pathId === undefined ? { prefix, attributes } : { prefix, attributes, pathId })
}

function saysSame(entry: RibEntry, { peers, attributes }: SourcedRoute): boolean {
  return peers === undefined && entry.attributesKey === attributesKey(attributes)
}

function bySource(a: Contribution, b: Contribution): number {
  return a.source < b.source ? -1 : a.source > b.source ? 1 : 0
}
