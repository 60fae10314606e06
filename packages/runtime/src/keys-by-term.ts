/** Which keys are filed under a term. Nearly always there is one, which is kept without a set: there may be thousands. */
export class KeysByTerm {
  readonly #keys = new Map<string, string | Set<string>>()

  of(term: string): Iterable<string> {
    const found = this.#keys.get(term)
    return found === undefined ? [] : typeof found === 'string' ? [found] : found
  }

  file(term: string, key: string): void {
    const found = this.#keys.get(term)
    if (found === undefined) this.#keys.set(term, key)
    else if (typeof found !== 'string') found.add(key)
    else if (found !== key) this.#keys.set(term, new Set([found, key]))
  }

  unfile(term: string, key: string): void {
    const found = this.#keys.get(term)
    if (typeof found === 'string') {
      if (found === key) this.#keys.delete(term)
    } else if (found?.delete(key) === true && found.size === 0) this.#keys.delete(term)
  }
}
