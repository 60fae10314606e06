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

  put(object: Stored<T>): void {
    if (this.objects.has(object.key)) this.drop(object.key)
    this.objects.set(object.key, object)
    this.#eachTerm(object, (terms, term) => {
      const keys = terms.get(term)
      if (keys === undefined) terms.set(term, new Set([object.key]))
      else keys.add(object.key)
    })
  }

  drop(key: string): void {
    const object = this.objects.get(key)
    if (object === undefined) return
    this.objects.delete(key)
    this.#eachTerm(object, (terms, term) => {
      const keys = terms.get(term)
      keys?.delete(key)
      if (keys?.size === 0) terms.delete(term)
    })
  }

  by(index: string, term: string): readonly T[] {
    const keys = this.#terms.get(index)?.get(term) ?? []
    return [...keys].map(key => this.objects.get(key)!.value)
  }

  #eachTerm({ value }: Stored<T>, visit: (terms: Map<string, Set<string>>, term: string) => void): void {
    for (const name in this.#indexes) {
      const terms = this.#terms.get(name)!
      for (const term of this.#indexes[name]!(value)) visit(terms, term)
    }
  }
}
