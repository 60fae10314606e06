/**
 * Names that are read from their source one by one, as they are taken. It is known of the last that it is the last. Where the
 * source yields undefined it has left something out.
 */
export class KeyWalk {
  readonly #rest: Iterator<string | undefined>
  #next: IteratorResult<string | undefined>

  constructor(keys: Iterable<string | undefined>) {
    this.#rest = keys[Symbol.iterator]()
    this.#next = this.#rest.next()
  }

  get isOver(): boolean {
    return this.#next.done === true
  }

  /** Undefined at the end, and where many were left out in a row: then it is for others to go on first. */
  take(): string | undefined {
    for (let passed = 0; passed < MOST_PASSED && this.#next.done !== true; passed++) {
      const { value } = this.#next
      this.#next = this.#rest.next()
      if (value !== undefined) return value
    }
    return undefined
  }
}

const MOST_PASSED = 256 // some ten microseconds
