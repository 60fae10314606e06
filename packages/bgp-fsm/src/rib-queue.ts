/** Things that wait to be told together, in the order of their coming. Each once; who leaves early is forgotten. */
export class RibQueue<Kind, Item extends object> {
  readonly kind: Kind
  readonly #items = new Set<Item>()
  #walk: Iterator<Item> | undefined
  /** Looked at, and not taken: the walk is past it. */
  #next: Item | undefined

  constructor(kind: Kind) {
    this.kind = kind
  }

  get size(): number {
    return this.#items.size
  }

  add(item: Item): void {
    this.#items.add(item)
  }

  delete(item: Item): void {
    this.#items.delete(item)
    if (this.#next === item) this.#next = undefined
  }

  items(): Iterable<Item> {
    return this.#items
  }

  /**
   * From the front, as long as `accept` answers true. What was accepted has to be deleted before anyone looks again;
   * the one that was not stays the first.
   */
  take(accept: (item: Item) => boolean): void {
    this.#walk ??= this.#items.values()
    for (;;) {
      this.#next ??= this.#walk.next().value as Item | undefined
      if (this.#next === undefined) break
      if (!accept(this.#next)) return
      this.#next = undefined
    }
    this.#walk = undefined
  }
}
