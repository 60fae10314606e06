import { randomUUID } from 'node:crypto'
import { isSameJson } from '../equal.ts'
import type { Journal } from './journal.ts'

/** Any JSON object with metadata. */
export interface StoredObject {
  apiVersion?: string
  kind?: string
  metadata: Record<string, unknown> & { name: string; namespace?: string; uid?: string; resourceVersion?: string }
  [field: string]: unknown
}

export interface HistoryEntry {
  readonly revision: number
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly collection: string
  readonly key: string
  readonly object: StoredObject
  /** What it was before. */
  readonly previous?: StoredObject
}

export type Written = { readonly ok: true; readonly object: StoredObject } | Refused

export interface Refused {
  readonly ok: false
  readonly code: number
  readonly reason: string
  readonly message: string
}

export interface ObjectStoreInit {
  /** Changes that watches may resume from, at least; up to a quarter more. @default 10000 */
  readonly historyLimit?: number
  readonly now?: () => number
  /** @default chance */
  readonly newUid?: () => string
  readonly journal?: Journal
}

/** Objects with one counter of revisions over all of them, as etcd has, and a window of history. */
export class ObjectStore {
  readonly #objects = new Map<string, Map<string, StoredObject>>()
  readonly #listeners = new Set<(entry: HistoryEntry) => void>()
  #history: HistoryEntry[] = []
  #revision = 1
  #compacted = 0
  #time: { readonly second: number; readonly text: string } | undefined
  readonly #historyLimit: number
  readonly #now: () => number
  readonly #newUid: () => string
  readonly #journal: Journal | undefined
  readonly #sorted = new Map<string, readonly StoredObject[]>()

  constructor({ historyLimit = 10_000, now = Date.now, newUid = randomUUID, journal }: ObjectStoreInit = {}) {
    this.#historyLimit = historyLimit
    this.#now = now
    this.#newUid = newUid
    this.#journal = journal
    for (const { revision, type, collection, key, object } of journal?.past ?? []) {
      if (type !== 'DELETED') this.#collection(collection).set(key, object)
      this.#revision = this.#compacted = revision
    }
  }

  get revision(): number {
    return this.#revision
  }

  /** Now, as objects say it: RFC 3339, to the second. */
  get time(): string {
    const second = Math.floor(this.#now() / 1_000)
    if (this.#time?.second !== second)
      this.#time = { second, text: new Date(second * 1_000).toISOString().replace(/\.\d+Z$/, 'Z') }
    return this.#time.text
  }

  list(collection: string, namespace?: string): readonly StoredObject[] {
    const all = this.#sorted.get(collection) ?? inOrder(this.#collection(collection))
    this.#sorted.set(collection, all)
    return namespace === undefined ? all : all.filter(({ metadata }) => metadata.namespace === namespace)
  }

  /** The set as it was at a revision; undefined when that is forgotten. */
  listAt(revision: number, collection: string, namespace?: string): readonly StoredObject[] | undefined {
    if (revision >= this.#revision) return this.list(collection, namespace)
    if (revision < this.#compacted) return undefined
    const objects = new Map(this.#collection(collection))
    for (let i = this.#history.length - 1; i >= 0 && this.#history[i]!.revision > revision; i--) {
      const { key, previous, collection: changed } = this.#history[i]!
      if (changed !== collection) continue
      if (previous === undefined) objects.delete(key)
      else objects.set(key, previous)
    }
    return inOrder(objects).filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace)
  }

  get(collection: string, key: string): StoredObject | undefined {
    return this.#objects.get(collection)?.get(key)
  }

  create(collection: string, key: string, object: StoredObject): Written {
    if (this.get(collection, key) !== undefined) {
      return {
        ok: false,
        code: 409,
        reason: 'AlreadyExists',
        message: `${collection} "${object.metadata.name}" already exists`,
      }
    }
    const metadata = {
      ...object.metadata,
      uid: this.#newUid(),
      creationTimestamp: this.time,
      generation: 1,
    }
    return { ok: true, object: this.#put('ADDED', collection, key, { ...object, metadata }) }
  }

  /** Refused when the object names a version that is not the newest. Nothing is written when nothing differs. */
  replace(collection: string, key: string, object: StoredObject): Written {
    const before = this.get(collection, key)
    const refused = refusedOver(before, collection, object)
    if (before === undefined || refused !== undefined) return refused!
    const { uid, creationTimestamp, generation } = before.metadata
    const isSpecChanged = !isSameJson(before['spec'], object['spec'])
    const metadata = {
      ...object.metadata,
      uid,
      creationTimestamp,
      generation: Number(generation ?? 1) + (isSpecChanged ? 1 : 0),
      resourceVersion: before.metadata.resourceVersion,
    } as StoredObject['metadata']
    const after = { ...object, metadata }
    if (isSameJson(before, after)) return { ok: true, object: before }
    return { ok: true, object: this.#put('MODIFIED', collection, key, after) }
  }

  /** The last write of an object that was to go: nothing is left of it. */
  finish(collection: string, key: string, object: StoredObject): Written {
    const refused = refusedOver(this.get(collection, key), collection, object)
    return refused ?? { ok: true, object: this.delete(collection, key)! }
  }

  delete(collection: string, key: string): StoredObject | undefined {
    const before = this.get(collection, key)
    if (before === undefined) return undefined
    this.#collection(collection).delete(key)
    const object = { ...before, metadata: { ...before.metadata, resourceVersion: String(++this.#revision) } }
    this.#record({ revision: this.#revision, type: 'DELETED', collection, key, object, previous: before })
    return object
  }

  /** What happened after a revision; undefined when that is forgotten. */
  since(revision: number, collection: string): readonly HistoryEntry[] | undefined {
    if (revision < this.#compacted) return undefined
    return this.#history.filter(entry => entry.revision > revision && entry.collection === collection)
  }

  listen(listener: (entry: HistoryEntry) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Forgets history up to now: whoever resumes from before is told 410. */
  compact(): void {
    this.#compacted = this.#revision
    this.#history = []
  }

  #put(type: 'ADDED' | 'MODIFIED', collection: string, key: string, object: StoredObject): StoredObject {
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#revision) } }
    const previous = this.get(collection, key)
    this.#collection(collection).set(key, stored)
    const entry = { revision: this.#revision, type, collection, key, object: stored }
    this.#record({ ...entry, ...(previous !== undefined && { previous }) })
    return stored
  }

  #collection(name: string): Map<string, StoredObject> {
    const objects = this.#objects.get(name) ?? new Map<string, StoredObject>()
    this.#objects.set(name, objects)
    return objects
  }

  #record(entry: HistoryEntry): void {
    this.#sorted.delete(entry.collection)
    this.#journal?.append(entry)
    this.#history.push(entry)
    // In blocks: one at a time would move all the rest.
    if (this.#history.length > this.#historyLimit * 1.25) {
      const dropped = this.#history.splice(0, this.#history.length - this.#historyLimit)
      this.#compacted = dropped.at(-1)!.revision
    }
    for (const listener of [...this.#listeners]) listener(entry)
  }
}

/** What does not exist is not found, and what changed meanwhile is a conflict. */
function refusedOver(before: StoredObject | undefined, collection: string, object: StoredObject): Refused | undefined {
  const { name, resourceVersion = '' } = object.metadata
  if (before === undefined)
    return { ok: false, code: 404, reason: 'NotFound', message: `${collection} "${name}" not found` }
  if (resourceVersion === '' || resourceVersion === before.metadata.resourceVersion) return undefined
  const message = `Operation cannot be fulfilled on ${collection} "${name}": the object has been modified; please apply your changes to the latest version and try again`
  return { ok: false, code: 409, reason: 'Conflict', message }
}

function inOrder(objects: ReadonlyMap<string, StoredObject>): readonly StoredObject[] {
  return [...objects].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object)
}
