/** Names that are read from their source one by one, as they are taken. It is known of the last that it is the last. */
export class KeyWalk {
  readonly #rest: Iterator<string>
  #next: IteratorResult<string>

  constructor(keys: Iterable<string>) {
    this.#rest = keys[Symbol.iterator]()
    this.#next = this.#rest.next()
  }

  get isOver(): boolean {
    return this.#next.done === true
  }

  take(): string | undefined {
    if (this.#next.done === true) return undefined
    const { value } = this.#next
    this.#next = this.#rest.next()
    return value
  }
}
