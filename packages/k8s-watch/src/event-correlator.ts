export interface SaidOfSubject {
  readonly type: string
  readonly reason: string
  readonly message: string
}

/** What to write of something said: not at all, or under a key that the same said again shares. */
export type Correlated =
  { readonly verdict: 'drop' } | { readonly verdict: 'write'; readonly key: string; readonly message: string }

/** Keeps Events few, with the limits of client-go: who says the same, much alike, or too much, is counted and not repeated. */
export class EventCorrelator {
  readonly #now: () => number
  readonly #similar = new Map<string, { readonly since: number; readonly messages: Set<string> }>()
  readonly #budgets = new Map<string, { tokens: number; at: number }>()

  constructor(now: () => number) {
    this.#now = now
  }

  judge(subject: string, { type, reason, message }: SaidOfSubject): Correlated {
    if (!this.#mayStillSpeak(subject)) return { verdict: 'drop' }
    const alike = JSON.stringify([subject, type, reason])
    return this.#areTooManyAlike(alike, message)
      ? { verdict: 'write', key: alike, message: `(combined from similar events): ${message}` }
      : { verdict: 'write', key: JSON.stringify([subject, type, reason, message]), message }
  }

  /** The Event under this key was counted up, not created: it costs nothing. */
  giveBack(subject: string): void {
    const budget = this.#budgets.get(subject)
    if (budget !== undefined) budget.tokens = Math.min(BURST, budget.tokens + 1)
  }

  #mayStillSpeak(subject: string): boolean {
    const now = this.#now()
    const { tokens, at } = this.#budgets.get(subject) ?? { tokens: BURST, at: now }
    const filled = Math.min(BURST, tokens + (now - at) / REFILL_MS)
    remember(this.#budgets, subject, { tokens: filled >= 1 ? filled - 1 : filled, at: now })
    return filled >= 1
  }

  #areTooManyAlike(alike: string, message: string): boolean {
    const now = this.#now()
    const before = this.#similar.get(alike)
    const current =
      before !== undefined && now - before.since < SIMILAR_MS ? before : { since: now, messages: new Set<string>() }
    if (current.messages.size <= MOST_ALIKE) current.messages.add(message)
    remember(this.#similar, alike, current)
    return current.messages.size > MOST_ALIKE
  }
}

const BURST = 25
const REFILL_MS = 300_000
const MOST_ALIKE = 10
const SIMILAR_MS = 600_000
const MAX_REMEMBERED = 4_096

/** The least recently used goes when there are too many. */
export function remember<T>(entries: Map<string, T>, key: string, value: T): void {
  entries.delete(key)
  if (entries.size >= MAX_REMEMBERED) entries.delete(entries.keys().next().value!)
  entries.set(key, value)
}
