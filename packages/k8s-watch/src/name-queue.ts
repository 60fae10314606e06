/** Names in the order they came, each once. To take the first costs the same however many were taken before it. */
export class NameQueue {
  readonly #names = new Set<string>()
  /** A set keeps holes for a while where names were: whoever began anew each time would walk over all of them. */
  #walk = this.#names.values()

  get size(): number {
    return this.#names.size
  }

  has(name: string): boolean {
    return this.#names.has(name)
  }

  add(name: string): void {
    this.#names.add(name)
  }

  delete(name: string): void {
    this.#names.delete(name)
  }

  clear(): void {
    this.#names.clear()
  }

  take(): string | undefined {
    if (this.#names.size === 0) return undefined
    let next = this.#walk.next()
    if (next.done === true) {
      this.#walk = this.#names.values()
      next = this.#walk.next()
    }
    if (next.value !== undefined) this.#names.delete(next.value)
    return next.value
  }
}
