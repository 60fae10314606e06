import type { Holder } from '@metallb-ts/l2-announcer'
import type { Holding } from '@metallb-ts/membership'

type Holdings = ReadonlyMap<string, Holding>

/** What living others hold as it was last looked at, so that who looks again is told what is different. */
export class OthersHoldings {
  readonly #seen = new Map<string, Holdings>()
  readonly #changed = new Set<string>()
  #known: readonly (readonly [node: string, holdings: Holdings])[] = []
  #unknown: ReadonlySet<string> = new Set()

  /** Living others of whom it is not known what they hold. */
  get unknown(): ReadonlySet<string> {
    return this.#unknown
  }

  /** To be looked at the next time. */
  changed(node: string): void {
    this.#changed.add(node)
  }

  /** @returns the addresses that one of them holds otherwise than before */
  look(nodes: readonly string[], holdings: (node: string) => Holdings | undefined): Set<string> {
    const touched = new Set<string>()
    const gone = new Set(this.#seen.keys())
    const unknown = new Set<string>()
    for (const node of nodes) {
      gone.delete(node)
      const now = holdings(node)
      const before = this.#seen.get(node)
      if (now === undefined) unknown.add(node)
      if ((now === undefined) === (before === undefined) && !this.#changed.has(node)) continue
      compare(before, now, touched)
      if (now === undefined) this.#seen.delete(node)
      else this.#seen.set(node, new Map(now))
    }
    for (const node of gone) {
      compare(this.#seen.get(node), undefined, touched)
      this.#seen.delete(node)
    }
    this.#changed.clear()
    this.#unknown = unknown
    this.#known = nodes.flatMap(node => entry(node, this.#seen.get(node)))
    return touched
  }

  holders(key: string): readonly Holder[] {
    const found: Holder[] = []
    for (const [node, holdings] of this.#known) {
      const holding = holdings.get(key)
      if (holding !== undefined) found.push({ node, holding })
    }
    return found
  }
}

function entry(node: string, holdings: Holdings | undefined): [string, Holdings][] {
  return holdings === undefined ? [] : [[node, holdings]]
}

function compare(before: Holdings = NOTHING, now: Holdings = NOTHING, touched: Set<string>): void {
  for (const [key, holding] of now) if (before.get(key) !== holding) touched.add(key)
  for (const key of before.keys()) if (!now.has(key)) touched.add(key)
}

const NOTHING: Holdings = new Map()
