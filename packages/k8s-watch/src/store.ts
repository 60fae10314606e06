import { ObjectSet } from './object-set.ts'
import { isNewer } from './revision.ts'

/** What is kept of one object. */
export interface Stored<T> {
  readonly key: string
  readonly uid: string
  readonly resourceVersion: string
  readonly value: T
}

export interface StoreChange<T> {
  readonly key: string
  readonly change: 'applied' | 'deleted'
  readonly value: T
}

/** The read side. */
export interface Lister<T> {
  get(key: string): T | undefined
  /** In no particular order. */
  list(): readonly T[]
  entries(): Iterable<readonly [key: string, value: T]>
  /** Objects that an index files under this term. */
  by(index: string, term: string): readonly T[]
  readonly size: number
  /** A whole set has come at least once. */
  readonly isSynced: boolean
}

export type Indexes<T> = Readonly<Record<string, (value: T) => readonly string[]>>

/** Objects by key and by index, never older than they were. */
export class Store<T> implements Lister<T> {
  readonly #indexes: Indexes<T>
  #shown: ObjectSet<T>
  #isSynced = false
  #revision = ''

  constructor(indexes: Indexes<T> = {}) {
    this.#indexes = indexes
    this.#shown = new ObjectSet(indexes)
  }

  get size(): number {
    return this.#shown.objects.size
  }

  get isSynced(): boolean {
    return this.#isSynced
  }

  /** The newest version that the store has seen of anything. */
  get revision(): string {
    return this.#revision
  }

  get(key: string): T | undefined {
    return this.#shown.objects.get(key)?.value
  }

  list(): readonly T[] {
    return Array.from(this.#shown.objects.values(), ({ value }) => value)
  }

  *entries(): Iterable<readonly [key: string, value: T]> {
    for (const [key, { value }] of this.#shown.objects) yield [key, value]
  }

  by(index: string, term: string): readonly T[] {
    return this.#shown.by(index, term)
  }

  /**
   * Takes a newer version; an object of the same name with another uid replaces the old one. What is no newer than
   * everything that was seen is told twice: it may be gone since.
   */
  apply(object: Stored<T>): readonly StoreChange<T>[] {
    if (this.#revision !== '' && !isNewer(object.resourceVersion, this.#revision)) return []
    this.seen(object.resourceVersion)
    const before = this.#shown.objects.get(object.key)
    if (before !== undefined && isSameOrOlder(object, before)) return []
    this.#shown.put(object)
    return changesBetween(before, object)
  }

  /** Takes an object out; one that was replaced by a newer of the same name stays. */
  delete({ key, uid, resourceVersion }: Pick<Stored<T>, 'key' | 'uid' | 'resourceVersion'>): readonly StoreChange<T>[] {
    this.seen(resourceVersion)
    const before = this.#shown.objects.get(key)
    if (before === undefined || before.uid !== uid || isNewer(before.resourceVersion, resourceVersion)) return []
    this.#shown.drop(key)
    return changesBetween(before, undefined)
  }

  /** A whole set to be read beside the one that is shown: filed as it is read, so that showing it takes one step. */
  draft(): ObjectSet<T> {
    return new ObjectSet(this.#indexes)
  }

  /** The object, or what is shown under its name when that is as new. */
  newest(object: Stored<T>): Stored<T> {
    const shown = this.#shown.objects.get(object.key)
    return shown !== undefined && isSameOrOlder(object, shown) ? shown : object
  }

  /** The whole set at once. What differs is found while it is read: take it before anything else changes. */
  swap(draft: ObjectSet<T>, revision: string): Iterable<StoreChange<T>> {
    const before = this.#shown.objects
    this.#shown = draft
    this.seen(revision)
    this.#isSynced = true
    return differences(before, draft.objects)
  }

  /** A bookmark: the store is as new as this. */
  seen(revision: string): void {
    if (revision !== '' && (this.#revision === '' || isNewer(revision, this.#revision))) this.#revision = revision
  }

  /** What comes next counts as newer, whatever it says. */
  forgetRevisions(): void {
    this.#revision = ''
    for (const [key, object] of this.#shown.objects) this.#shown.objects.set(key, { ...object, resourceVersion: '' })
  }
}

function isSameOrOlder<T>(object: Stored<T>, known: Stored<T>): boolean {
  return known.uid === object.uid && !isNewer(object.resourceVersion, known.resourceVersion)
}

/** What is missing is deleted, what differs changed, what is the same object is nothing. */
function* differences<T>(
  before: ReadonlyMap<string, Stored<T>>,
  now: ReadonlyMap<string, Stored<T>>,
): Generator<StoreChange<T>> {
  for (const [key, object] of before) if (!now.has(key)) yield* changesBetween(object, undefined)
  for (const [key, object] of now) {
    const known = before.get(key)
    if (known !== object) yield* changesBetween(known, object)
  }
}

/** Another uid under the same name is a deletion and a creation. */
function changesBetween<T>(before: Stored<T> | undefined, now: Stored<T> | undefined): StoreChange<T>[] {
  const changes: StoreChange<T>[] = []
  if (before !== undefined && before.uid !== now?.uid)
    changes.push({ key: before.key, change: 'deleted', value: before.value })
  if (now !== undefined) changes.push({ key: now.key, change: 'applied', value: now.value })
  return changes
}
