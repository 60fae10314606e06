/**
 * A map by text that may grow large while others wait: no step of it takes longer than another. A Map moves all that it
 * holds each time it doubles, which takes tens of milliseconds at a hundred thousand; here the first few thousand stand in
 * one, in the order of their coming, and the others in many small ones.
 */
export class SpreadMap<Value> {
  readonly #first = new Map<string, Value>()
  readonly #others = new Array<Map<string, Value> | undefined>(PARTS).fill(undefined)
  #othersSize = 0

  get size(): number {
    return this.#first.size + this.#othersSize
  }

  get(key: string): Value | undefined {
    return this.#first.get(key) ?? (this.#othersSize === 0 ? undefined : this.#others[partOf(key)]?.get(key))
  }

  set(key: string, value: Value): void {
    if ((this.#othersSize === 0 && this.#first.size < MOST_IN_ONE) || this.#first.has(key)) {
      this.#first.set(key, value)
      return
    }
    const number = partOf(key)
    const part = (this.#others[number] ??= new Map<string, Value>())
    this.#othersSize -= part.size
    part.set(key, value)
    this.#othersSize += part.size
  }

  delete(key: string): void {
    if (this.#first.delete(key) || this.#othersSize === 0) return
    const number = partOf(key)
    const part = this.#others[number]
    if (part?.delete(key) !== true) return
    this.#othersSize--
    if (part.size === 0) this.#others[number] = undefined
  }

  *entries(): Generator<[string, Value], void> {
    yield* this.#first.entries()
    for (const part of this.#others) if (part !== undefined) yield* part.entries()
  }

  *values(): Generator<Value, void> {
    for (const [, value] of this.entries()) yield value
  }
}

const MOST_IN_ONE = 4_096
const PARTS = 128
const TOLD_APART_BY = 8 // where host routes of one network differ

/** By the end of the key. */
function partOf(key: string): number {
  let hash = 0
  for (let i = Math.max(0, key.length - TOLD_APART_BY); i < key.length; i++) hash = (hash * 31 + key.charCodeAt(i)) | 0
  return (hash ^ (hash >>> 7)) & (PARTS - 1)
}
