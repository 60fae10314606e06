/** The least of many different bigints, in O(log n). */
export class MinHeap {
  readonly #items: bigint[] = []
  readonly #present = new Set<bigint>()

  get size(): number {
    return this.#items.length
  }

  peek(): bigint | undefined {
    return this.#items[0]
  }

  /** An item that is there already is not added again, so that the heap never outgrows what it is about. */
  push(item: bigint): void {
    if (this.#present.has(item)) return
    this.#present.add(item)
    const items = this.#items
    items.push(item)
    for (let i = items.length - 1; i > 0;) {
      const parent = (i - 1) >> 1
      if (items[parent]! <= items[i]!) return
      this.#swap(i, parent)
      i = parent
    }
  }

  pop(): bigint | undefined {
    const items = this.#items
    const least = items[0]
    const last = items.pop()
    if (least === undefined || last === undefined) return undefined
    this.#present.delete(least)
    if (items.length === 0) return least
    items[0] = last
    for (let i = 0; ;) {
      let smallest = i
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < items.length && items[child]! < items[smallest]!) smallest = child
      }
      if (smallest === i) return least
      this.#swap(i, smallest)
      i = smallest
    }
  }

  #swap(i: number, j: number): void {
    const held = this.#items[i]!
    this.#items[i] = this.#items[j]!
    this.#items[j] = held
  }
}
