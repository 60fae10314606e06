import type { Clock, Timer } from '../clock.ts'

interface Pending {
  readonly at: number
  readonly order: number
  readonly fire: () => void
}

/** Time that moves only when told. Equal deadlines fire in the order they were set. */
export class SimClock implements Clock {
  #now = 0
  #order = 0
  readonly #heap: Pending[] = []
  readonly #cancelled = new Set<Pending>()
  readonly #epoch: number

  /** @param epoch wall time at 0, milliseconds since 1970 */
  constructor(epoch: number = Date.UTC(2026, 0, 1)) {
    this.#epoch = epoch
  }

  now(): number {
    return this.#now
  }

  wallTime(): number {
    return this.#epoch + this.#now
  }

  setTimer(ms: number, fire: () => void): Timer {
    const pending: Pending = { at: this.#now + Math.max(0, ms), order: this.#order++, fire }
    this.#push(pending)
    return { cancel: () => void this.#cancelled.add(pending) }
  }

  /** Lets `ms` milliseconds pass, firing what falls due, timers set meanwhile included. */
  advance(ms: number): void {
    const until = this.#now + ms
    for (let next = this.#peek(); next !== undefined && next.at <= until; next = this.#peek()) this.#fireNext()
    this.#now = until
  }

  /** Jumps to the next timer and fires it; false when there is none. */
  next(): boolean {
    if (this.#peek() === undefined) return false
    this.#fireNext()
    return true
  }

  /** Timers that wait. */
  get pending(): number {
    this.#peek()
    return this.#heap.filter(timer => !this.#cancelled.has(timer)).length
  }

  #fireNext(): void {
    const next = this.#pop()
    this.#now = Math.max(this.#now, next.at)
    next.fire()
  }

  #peek(): Pending | undefined {
    while (this.#heap.length > 0 && this.#cancelled.delete(this.#heap[0]!)) this.#pop()
    return this.#heap[0]
  }

  #push(pending: Pending): void {
    const heap = this.#heap
    heap.push(pending)
    for (let i = heap.length - 1; i > 0;) {
      const parent = (i - 1) >> 1
      if (!isBefore(heap[i]!, heap[parent]!)) break
      swap(heap, i, parent)
      i = parent
    }
  }

  #pop(): Pending {
    const heap = this.#heap
    const top = heap[0]!
    const last = heap.pop()!
    if (heap.length > 0) {
      heap[0] = last
      for (let i = 0; ;) {
        let least = i
        for (const child of [2 * i + 1, 2 * i + 2]) {
          if (child < heap.length && isBefore(heap[child]!, heap[least]!)) least = child
        }
        if (least === i) break
        swap(heap, i, least)
        i = least
      }
    }
    return top
  }
}

function isBefore(a: Pending, b: Pending): boolean {
  return a.at !== b.at ? a.at < b.at : a.order < b.order
}

function swap(heap: Pending[], i: number, j: number): void {
  const held = heap[i]!
  heap[i] = heap[j]!
  heap[j] = held
}
