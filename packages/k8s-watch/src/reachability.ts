import type { KubeTransport } from './transport.ts'

/**
 * Whether a server answers, as all who ask it over one transport find out together: when it comes back, whoever finds that
 * first spares the others the rest of their wait.
 */
export class Reachability {
  static readonly #byTransport = new WeakMap<KubeTransport, Reachability>()
  readonly #listeners = new Set<() => void>()
  #isLost = false

  private constructor() {}

  static of(transport: KubeTransport): Reachability {
    const reachability = this.#byTransport.get(transport) ?? new Reachability()
    this.#byTransport.set(transport, reachability)
    return reachability
  }

  /** A request had no answer. */
  lost(): void {
    this.#isLost = true
  }

  /** A request had an answer, whichever. */
  answered(): void {
    if (!this.#isLost) return
    this.#isLost = false
    for (const listener of [...this.#listeners]) listener()
  }

  /** Told when there is an answer after there was none. Returns what ends it. */
  onAnswer(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }
}
