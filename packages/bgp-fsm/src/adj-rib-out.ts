import { formatPrefix, type Family, type Prefix } from '@metallb-ts/netip'
import { attributesKey, type Route, type RouteAttributes } from './route.ts'

/** Routes of one family and one set of attributes. */
export interface RouteGroup {
  readonly family: Family
  readonly attributes: RouteAttributes
  readonly prefixes: readonly Prefix[]
}

/** What one peer has to be told to know what we mean it to know. */
export interface PendingChanges {
  readonly withdrawn: readonly Prefix[]
  readonly announced: readonly RouteGroup[]
}

/** RFC 4271 §3.2: what we mean one peer to know, and what it was told. */
export class AdjRibOut {
  readonly #desired = new Map<string, Entry>()
  readonly #sent = new Map<string, Entry>()
  readonly #dirty = new Set<string>()

  /** Means the peer to know this route, in place of any other for its prefix. */
  set(route: Route): void {
    const key = formatPrefix(route.prefix)
    const entry = { ...route, attributesKey: attributesKey(route.attributes) }
    if (this.#desired.get(key)?.attributesKey === entry.attributesKey) return
    this.#desired.set(key, entry)
    this.#dirty.add(key)
  }

  /** Means the peer to know no route for this prefix. */
  delete(prefix: Prefix): void {
    const key = formatPrefix(prefix)
    if (this.#desired.delete(key)) this.#dirty.add(key)
  }

  /** The peer knows nothing: a new session. */
  forgetSent(): void {
    this.#sent.clear()
    this.#dirty.clear()
    for (const key of this.#desired.keys()) this.#dirty.add(key)
  }

  /** Everything of one family has to be told again (RFC 2918 §4). */
  refresh(family: Family): void {
    for (const [key, { prefix }] of this.#desired) {
      if (prefix.address.family !== family) continue
      this.#sent.delete(key)
      this.#dirty.add(key)
    }
  }

  get hasPending(): boolean {
    return this.#dirty.size > 0
  }

  /** Prefixes that the peer should know. */
  get desiredCount(): number {
    return this.#desired.size
  }

  /** Prefixes that the peer was told. */
  get sentCount(): number {
    return this.#sent.size
  }

  sent(): readonly Prefix[] {
    return [...this.#sent.values()].map(({ prefix }) => prefix)
  }

  /** What has to be said now, for the families agreed on; from here on it counts as said. */
  take(families: readonly Family[]): PendingChanges {
    const withdrawn: Prefix[] = []
    const groups = new Map<string, { family: Family; attributes: RouteAttributes; prefixes: Prefix[] }>()
    for (const key of this.#dirty) {
      const desired = this.#desired.get(key)
      const sent = this.#sent.get(key)
      if (desired === undefined) {
        if (sent === undefined) continue
        withdrawn.push(sent.prefix)
        this.#sent.delete(key)
      } else if (sent?.attributesKey !== desired.attributesKey && families.includes(desired.prefix.address.family)) {
        const { family } = desired.prefix.address
        const groupKey = `${family} ${desired.attributesKey}`
        const group = groups.get(groupKey) ?? { family, attributes: desired.attributes, prefixes: [] }
        groups.set(groupKey, group)
        group.prefixes.push(desired.prefix)
        this.#sent.set(key, desired)
      }
    }
    this.#dirty.clear()
    return { withdrawn, announced: [...groups.values()] }
  }
}

interface Entry extends Route {
  readonly attributesKey: string
}
