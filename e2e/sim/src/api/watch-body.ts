/** The lines of a watch as they come: null is its end, an error its break. */
export class WatchBody {
  readonly #items: (string | Error | null)[] = []
  #wake: () => void = () => {}

  push(item: string | Error | null): void {
    this.#items.push(item)
    this.#wake()
  }

  async *lines(): AsyncGenerator<readonly string[], void, void> {
    for (;;) {
      const next = this.#items.shift()
      if (next === null) return
      if (next instanceof Error) throw next
      if (next !== undefined) yield [next]
      else await new Promise<void>(resolve => (this.#wake = resolve))
    }
  }
}
