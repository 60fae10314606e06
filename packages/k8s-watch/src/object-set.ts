import type { Indexes, Stored } from './store.ts'

/** Objects by key, and by the terms that indexes file them under. */
export class ObjectSet<T> {
  readonly objects: Map<string, Stored<T>> = new Map()
  readonly #indexes: Indexes<T>
  readonly #terms = new Map<string, Map<string, Set<string>>>()

  constructor(indexes: Indexes<T>) {
    this.#indexes = indexes
    for (const name of Object.keys(indexes)) this.#terms.set(name, new Map())
  }

  /** Takes the place of an object of the same key; what both are filed under stays as it is. */
  put(object: Stored<T>): void {
    const before = this.objects.get(object.key)
    this.objects.set(object.key, object)
    for (const name in this.#indexes) {
      const terms = this.#indexes[name]!(object.value)
      for (const term of terms) this.#file(name, term, object.key)
      if (before === undefined) continue
      for (const term of this.#indexes[name]!(before.value))
        if (!terms.includes(term)) this.#unfile(name, term, object.key)
    }
  }

  drop(key: string): void {
    const object = this.objects.get(key)
    if (object === undefined) return
    this.objects.delete(key)
    for (const name in this.#indexes)
      for (const term of this.#indexes[name]!(object.value)) this.#unfile(name, term, key)
  }

  by(index: string, term: string): readonly T[] {
    const keys = this.#terms.get(index)?.get(term) ?? []
    return [...keys].map(key => this.objects.get(key)!.value)
  }

  #file(index: string, term: string, key: string): void {
    const terms = this.#terms.get(index)!
    const keys = terms.get(term)
    if (keys === undefined) terms.set(term, new Set([key]))
    else keys.add(key)
  }

  #unfile(index: string, term: string, key: string): void {
    const terms = this.#terms.get(index)!
    const keys = terms.get(term)
    keys?.delete(key)
    if (keys?.size === 0) terms.delete(term)
  }
}
