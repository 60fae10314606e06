/**
 * Names in the order in which they came, each once. To take the first of many costs as much as of few: a Set's own iterator,
 * begun anew for each, passes over every place that was emptied since the Set was last rebuilt.
 */
export class KeyLine {
  readonly #keys = new Set<string>()
  #head = this.#keys.values()

  get size(): number {
    return this.#keys.size
  }

  has(key: string): boolean {
    return this.#keys.has(key)
  }

  add(key: string): void {
    this.#keys.add(key)
  }

  delete(key: string): void {
    this.#keys.delete(key)
  }

  clear(): void {
    this.#keys.clear()
  }

  /** The first, which is in the line no longer. */
  take(): string | undefined {
    let first = this.#head.next()
    if (first.done === true) {
      this.#head = this.#keys.values() // what came after an iterator's end, it does not see
      first = this.#head.next()
    }
    if (first.done === true) return undefined
    this.#keys.delete(first.value)
    return first.value
  }
}
