/** Whether everything that was there at the start has been looked at once, and written where it had to be. */
export class FirstPass {
  readonly #onDone: () => void
  #missing: Set<string> | undefined
  #isDone = false

  constructor(onDone: () => void) {
    this.#onDone = onDone
  }

  get hasBegun(): boolean {
    return this.#missing !== undefined
  }

  get isDone(): boolean {
    return this.#isDone
  }

  /** @param keys all that are to be looked at; only the first call counts */
  begin(keys: Iterable<string>): void {
    this.#missing ??= new Set(keys)
    this.#look()
  }

  did(key: string): void {
    this.#missing?.delete(key)
    this.#look()
  }

  #look(): void {
    if (this.#isDone || this.#missing === undefined || this.#missing.size > 0) return
    this.#isDone = true
    this.#onDone()
  }
}
