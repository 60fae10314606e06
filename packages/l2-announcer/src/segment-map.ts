/**
 * Which of our links share a segment. Told by our own announcements: what one link sends and another hears. On such a
 * segment one link answers, the one of lowest index that can; or clients would flip between two hardware addresses.
 */
export class SegmentMap {
  readonly #memoryMs: number
  /** Links by the link they were heard from, and when. Both directions. */
  readonly #heardAt = new Map<number, Map<number, number>>()

  /** @param refreshMs how often announcements repeat, 0 for never; a link not heard for three rounds is on its own again */
  constructor(refreshMs = 60_000) {
    this.#memoryMs = refreshMs === 0 ? Number.POSITIVE_INFINITY : refreshMs * ROUNDS_REMEMBERED
  }

  join(a: number, b: number, now: number): void {
    this.#note(a, b, now)
    this.#note(b, a, now)
  }

  /** The link changed or went: what was heard from it says nothing any more. */
  forget(index: number): void {
    this.#heardAt.delete(index)
    for (const others of this.#heardAt.values()) others.delete(index)
  }

  /** The lowest index on the segment of `index` that `canAnswer`; `index` itself when nothing is known. */
  firstOf(index: number, now: number, canAnswer: (index: number) => boolean): number {
    let first = index
    for (const [other, at] of this.#heardAt.get(index) ?? NOBODY) {
      if (other < first && now - at <= this.#memoryMs && canAnswer(other)) first = other
    }
    return first
  }

  #note(a: number, b: number, now: number): void {
    const others = this.#heardAt.get(a) ?? new Map<number, number>()
    others.set(b, now)
    this.#heardAt.set(a, others)
  }
}

const ROUNDS_REMEMBERED = 3
const NOBODY: ReadonlyMap<number, number> = new Map()
