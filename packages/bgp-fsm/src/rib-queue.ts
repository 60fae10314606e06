/** What may wait in one queue at a time; the queue owns these fields. */
export interface Queueable<Item> {
  before: Item | undefined
  behind: Item | undefined
}

/**
 * Things that wait to be told together, in the order of their coming. They are chained through themselves, so that coming
 * and going cost the same however many wait.
 */
export class RibQueue<Kind, Item extends Queueable<Item>> {
  readonly kind: Kind
  #first: Item | undefined
  #last: Item | undefined
  #size = 0

  constructor(kind: Kind) {
    this.kind = kind
  }

  get size(): number {
    return this.#size
  }

  get first(): Item | undefined {
    return this.#first
  }

  /** One that waits in no queue. */
  add(item: Item): void {
    item.before = this.#last
    if (this.#last === undefined) this.#first = item
    else this.#last.behind = item
    this.#last = item
    this.#size++
  }

  /** One of this queue. */
  delete(item: Item): void {
    const { before, behind } = item
    if (before === undefined) this.#first = behind
    else before.behind = behind
    if (behind === undefined) this.#last = before
    else behind.before = before
    item.before = item.behind = undefined
    this.#size--
  }

  /** From the front, as long as `accept` answers true. What was accepted has to be deleted before anyone looks again. */
  take(accept: (item: Item) => boolean): void {
    for (let item = this.#first; item !== undefined && accept(item);) item = item.behind
  }
}
