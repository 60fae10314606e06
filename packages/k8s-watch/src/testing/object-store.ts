import { randomUUID } from 'node:crypto'

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
  readonly object: StoredObject
}

export type Written =
  | { readonly ok: true; readonly object: StoredObject }
  | { readonly ok: false; readonly code: number; readonly reason: string; readonly message: string }

/** Objects with one counter of revisions over all of them, as etcd has, and a window of history. */
export class ObjectStore {
  readonly #objects = new Map<string, Map<string, StoredObject>>()
  readonly #listeners = new Set<(entry: HistoryEntry) => void>()
  #history: HistoryEntry[] = []
  #revision = 1
  #compacted = 0
  readonly #historyLimit: number
  readonly #now: () => number

  constructor({ historyLimit = 10_000, now = Date.now }: { historyLimit?: number; now?: () => number } = {}) {
    this.#historyLimit = historyLimit
    this.#now = now
  }

  get revision(): number {
    return this.#revision
  }

  list(collection: string, namespace?: string): StoredObject[] {
    const all = [...(this.#objects.get(collection)?.entries() ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))
    return all
      .filter(([, object]) => namespace === undefined || object.metadata.namespace === namespace)
      .map(([, object]) => object)
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
      uid: randomUUID(),
      creationTimestamp: new Date(this.#now()).toISOString().replace(/\.\d+Z$/, 'Z'),
      generation: 1,
    }
    return { ok: true, object: this.#put('ADDED', collection, key, { ...object, metadata }) }
  }

  /** Refused when the object names a version that is not the newest. Nothing is written when nothing differs. */
  replace(collection: string, key: string, object: StoredObject): Written {
    const before = this.get(collection, key)
    if (before === undefined)
      return { ok: false, code: 404, reason: 'NotFound', message: `${collection} "${object.metadata.name}" not found` }
    const { resourceVersion } = object.metadata
    if (
      resourceVersion !== undefined &&
      resourceVersion !== '' &&
      resourceVersion !== before.metadata.resourceVersion
    ) {
      const message = `Operation cannot be fulfilled on ${collection} "${object.metadata.name}": the object has been modified; please apply your changes to the latest version and try again`
      return { ok: false, code: 409, reason: 'Conflict', message }
    }
    const { uid, creationTimestamp, generation } = before.metadata
    const isSpecChanged = JSON.stringify(before['spec']) !== JSON.stringify(object['spec'])
    const metadata = {
      ...object.metadata,
      uid,
      creationTimestamp,
      generation: Number(generation ?? 1) + (isSpecChanged ? 1 : 0),
      resourceVersion: before.metadata.resourceVersion,
    } as StoredObject['metadata']
    const after = { ...object, metadata }
    if (sameJson(before, after)) return { ok: true, object: before }
    return { ok: true, object: this.#put('MODIFIED', collection, key, after) }
  }

  delete(collection: string, key: string): StoredObject | undefined {
    const before = this.get(collection, key)
    if (before === undefined) return undefined
    this.#objects.get(collection)!.delete(key)
    const object = { ...before, metadata: { ...before.metadata, resourceVersion: String(++this.#revision) } }
    this.#record({ revision: this.#revision, type: 'DELETED', collection, object })
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
    const objects = this.#objects.get(collection) ?? new Map<string, StoredObject>()
    this.#objects.set(collection, objects.set(key, stored))
    this.#record({ revision: this.#revision, type, collection, object: stored })
    return stored
  }

  #record(entry: HistoryEntry): void {
    this.#history.push(entry)
    if (this.#history.length > this.#historyLimit) {
      const dropped = this.#history.splice(0, this.#history.length - this.#historyLimit)
      this.#compacted = dropped.at(-1)!.revision
    }
    for (const listener of [...this.#listeners]) listener(entry)
  }
}

function sameJson(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b))
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, part]) => part !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, part]) => [key, sorted(part)]),
  )
}
