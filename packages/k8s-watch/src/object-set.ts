import { KeysByTerm } from '@metallb-ts/runtime'
import type { Indexes, Stored } from './store.ts'

/** Objects by key, and by the terms that indexes file them under. */
export class ObjectSet<T> {
  readonly objects: Map<string, Stored<T>> = new Map()
  readonly #indexes: Indexes<T>
  readonly #terms = new Map<string, KeysByTerm>()

  constructor(indexes: Indexes<T>) {
    this.#indexes = indexes
    for (const name of Object.keys(indexes)) this.#terms.set(name, new KeysByTerm())
  }

  /** Takes the place of an object of the same key; what both are filed under stays as it is. */
  put(object: Stored<T>): void {
    const before = this.objects.get(object.key)
    this.objects.set(object.key, object)
    for (const name in this.#indexes) {
      const terms = this.#indexes[name]!(object.value)
      const filed = this.#terms.get(name)!
      for (const term of terms) filed.file(term, object.key)
      if (before === undefined) continue
      for (const term of this.#indexes[name]!(before.value)) if (!terms.includes(term)) filed.unfile(term, object.key)
    }
  }

  drop(key: string): void {
    const object = this.objects.get(key)
    if (object === undefined) return
    this.objects.delete(key)
    for (const name in this.#indexes)
      for (const term of this.#indexes[name]!(object.value)) this.#terms.get(name)!.unfile(term, key)
  }

  by(index: string, term: string): readonly T[] {
    return [...(this.#terms.get(index)?.of(term) ?? [])].map(key => this.objects.get(key)!.value)
  }
}
