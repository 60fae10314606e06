import type { World } from './world.ts'

/** Everything that was told, by everybody, as one number; and the last of it in words. */
export class Trace {
  readonly #world: World
  readonly #last: string[] = []
  #hash = 0x811c_9dc5
  #count = 0

  constructor(world: World) {
    this.#world = world
  }

  add(who: string, name: string, detail: unknown): void {
    const line = `${this.#world.now().toFixed(3)} ${who} ${name} ${JSON.stringify(detail)}`
    for (let i = 0; i < line.length; i++) this.#hash = Math.imul(this.#hash ^ line.charCodeAt(i), 0x0100_0193) >>> 0
    this.#count++
    this.#last.push(line)
    if (this.#last.length > 2 * KEPT) this.#last.splice(0, KEPT)
  }

  /** Equal for equal histories. */
  get digest(): string {
    return `${this.#count} ${this.#hash.toString(16)}`
  }

  /** The last lines, oldest first. */
  get lines(): readonly string[] {
    return this.#last.slice(-KEPT)
  }
}

const KEPT = 2_000
