import type { Family } from '@metallb-ts/netip'
import { attributesKey, routeKey, type Route, type RouteAttributes } from './route.ts'

/** A route as it waits to be told, or was told. */
export interface RibEntry extends Route {
  readonly key: string
  readonly attributesKey: string
}

/** Routes of one family and one set of attributes. */
export interface RouteGroup {
  readonly family: Family
  readonly attributes: RouteAttributes
  readonly entries: readonly RibEntry[]
}

/** Why a route is meant to be told and is not. */
export type PendingReason =
  'family-not-negotiated' | 'no-next-hop' | 'attributes-too-long' | 'no-add-path' | 'no-long-lived-restart'

/** What one peer has to be told to know what we mean it to know. */
export interface PendingChanges {
  readonly withdrawn: readonly RibEntry[]
  readonly announced: readonly RouteGroup[]
}

export function ribEntry(route: Route): RibEntry {
  const { prefix, attributes, pathId } = route
  const keys = { key: routeKey(route), attributesKey: attributesKey(attributes) }
  return pathId === undefined ? { prefix, attributes, ...keys } : { prefix, attributes, pathId, ...keys }
}

/** RFC 4271 §3.2: what we mean one peer to know, and what it was told. */
export class AdjRibOut {
  readonly #desired = new Map<string, RibEntry>()
  readonly #sent = new Map<string, RibEntry>()
  readonly #dirty = new Set<string>()
  #version = 0

  /** Means the peer to know this route, in place of any other of its key. */
  set(entry: RibEntry): boolean {
    if (this.#desired.get(entry.key)?.attributesKey === entry.attributesKey) return false
    this.#desired.set(entry.key, entry)
    return this.#touch(entry.key)
  }

  /** Means the peer to know no route of this key. */
  delete(key: string): boolean {
    return this.#desired.delete(key) && this.#touch(key)
  }

  /** The peer knows nothing: a new session. */
  forgetSent(): void {
    this.#sent.clear()
    this.#dirty.clear()
    for (const key of this.#desired.keys()) this.#touch(key)
  }

  /** Everything of one family has to be told again (RFC 2918 §4). */
  refresh(family: Family): void {
    for (const [key, { prefix }] of this.#desired) {
      if (prefix.address.family === family && this.#sent.delete(key)) this.#touch(key)
    }
  }

  /** Grows with every change of what is meant to be known. */
  get version(): number {
    return this.#version
  }

  get hasPending(): boolean {
    return this.#dirty.size > 0
  }

  get desiredCount(): number {
    return this.#desired.size
  }

  get sentCount(): number {
    return this.#sent.size
  }

  desired(): IterableIterator<RibEntry> {
    return this.#desired.values()
  }

  sent(): IterableIterator<RibEntry> {
    return this.#sent.values()
  }

  isSent(key: string): boolean {
    return this.#sent.has(key)
  }

  /** What has to be said now. Entries that `judge` holds back are withdrawn if the peer knows them. */
  changes(judge: (entry: RibEntry) => PendingReason | undefined): PendingChanges {
    const withdrawn: RibEntry[] = []
    const groups = new Map<string, { family: Family; attributes: RouteAttributes; entries: RibEntry[] }>()
    for (const key of this.#dirty) {
      const desired = this.#desired.get(key)
      const sent = this.#sent.get(key)
      if (desired === undefined || judge(desired) !== undefined) {
        if (sent === undefined) this.#dirty.delete(key)
        else withdrawn.push(sent)
      } else if (sent?.attributesKey === desired.attributesKey) this.#dirty.delete(key)
      else {
        const { family } = desired.prefix.address
        const groupKey = `${family}|${desired.attributesKey}`
        const group = groups.get(groupKey) ?? { family, attributes: desired.attributes, entries: [] }
        groups.set(groupKey, group)
        group.entries.push(desired)
      }
    }
    return { withdrawn, announced: [...groups.values()] }
  }

  /** These were handed to the wire. */
  told({
    withdrawn,
    announced,
  }: {
    readonly withdrawn: readonly RibEntry[]
    readonly announced: readonly RibEntry[]
  }): void {
    for (const { key } of withdrawn) {
      this.#sent.delete(key)
      if (!this.#desired.has(key)) this.#dirty.delete(key)
    }
    for (const entry of announced) {
      this.#sent.set(entry.key, entry)
      if (this.#desired.get(entry.key) === entry) this.#dirty.delete(entry.key)
    }
  }

  #touch(key: string): boolean {
    this.#version++
    this.#dirty.add(key)
    return true
  }
}
