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
  /** Objects that an index files under this term. */
  by(index: string, term: string): readonly T[]
  readonly size: number
  /** A whole set has come at least once. */
  readonly isSynced: boolean
}

export type Indexes<T> = Readonly<Record<string, (value: T) => readonly string[]>>

/** Objects by key and by index, never older than they were. */
export class Store<T> implements Lister<T> {
  readonly #objects = new Map<string, Stored<T>>()
  readonly #indexes: Indexes<T>
  readonly #terms = new Map<string, Map<string, Set<string>>>()
  #isSynced = false
  #revision = ''

  constructor(indexes: Indexes<T> = {}) {
    this.#indexes = indexes
    for (const name of Object.keys(indexes)) this.#terms.set(name, new Map())
  }

  get size(): number {
    return this.#objects.size
  }

  get isSynced(): boolean {
    return this.#isSynced
  }

  /** The newest version that the store has seen of anything. */
  get revision(): string {
    return this.#revision
  }

  get(key: string): T | undefined {
    return this.#objects.get(key)?.value
  }

  list(): readonly T[] {
    return [...this.#objects.values()].map(({ value }) => value)
  }

  by(index: string, term: string): readonly T[] {
    const keys = this.#terms.get(index)?.get(term) ?? []
    return [...keys].map(key => this.#objects.get(key)!.value)
  }

  /** Takes a newer version; an object of the same name with another uid replaces the old one. */
  apply(object: Stored<T>): readonly StoreChange<T>[] {
    this.seen(object.resourceVersion)
    const before = this.#objects.get(object.key)
    const isKnown = before !== undefined && before.uid === object.uid
    if (isKnown && !isNewer(object.resourceVersion, before.resourceVersion)) return []
    const gone: StoreChange<T>[] = before !== undefined && before.uid !== object.uid ? this.#drop(before) : []
    if (before !== undefined) this.#unindex(before)
    this.#objects.set(object.key, object)
    this.#index(object)
    return [...gone, { key: object.key, change: 'applied', value: object.value }]
  }

  /** Takes an object out; one that was replaced by a newer of the same name stays. */
  delete({ key, uid, resourceVersion }: Pick<Stored<T>, 'key' | 'uid' | 'resourceVersion'>): readonly StoreChange<T>[] {
    this.seen(resourceVersion)
    const before = this.#objects.get(key)
    if (before === undefined || before.uid !== uid || isNewer(before.resourceVersion, resourceVersion)) return []
    return this.#drop(before)
  }

  /** The whole set at once: what differs changes, what is missing is deleted, what is equal is nothing. */
  replace(objects: readonly Stored<T>[], revision: string): readonly StoreChange<T>[] {
    const changes: StoreChange<T>[] = []
    const keys = new Set(objects.map(({ key }) => key))
    for (const before of [...this.#objects.values()]) if (!keys.has(before.key)) changes.push(...this.#drop(before))
    for (const object of objects) changes.push(...this.apply(object))
    this.seen(revision)
    this.#isSynced = true
    return changes
  }

  /** A bookmark: the store is as new as this. */
  seen(revision: string): void {
    if (revision !== '' && (this.#revision === '' || isNewer(revision, this.#revision))) this.#revision = revision
  }

  /** What comes next counts as newer, whatever it says. */
  forgetRevisions(): void {
    this.#revision = ''
    for (const [key, object] of this.#objects) this.#objects.set(key, { ...object, resourceVersion: '' })
  }

  #drop(object: Stored<T>): StoreChange<T>[] {
    this.#unindex(object)
    this.#objects.delete(object.key)
    return [{ key: object.key, change: 'deleted', value: object.value }]
  }

  #index({ key, value }: Stored<T>): void {
    for (const [name, termsOf] of Object.entries(this.#indexes)) {
      const terms = this.#terms.get(name)!
      for (const term of termsOf(value)) {
        const keys = terms.get(term) ?? new Set()
        terms.set(term, keys.add(key))
      }
    }
  }

  #unindex({ key, value }: Stored<T>): void {
    for (const [name, termsOf] of Object.entries(this.#indexes)) {
      const terms = this.#terms.get(name)!
      for (const term of termsOf(value)) {
        const keys = terms.get(term)
        keys?.delete(key)
        if (keys?.size === 0) terms.delete(term)
      }
    }
  }
}
