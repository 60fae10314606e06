/** Clauses of one subject. Their ids are `prefix-number`, as test names carry them in brackets. */
export interface ClauseGroup {
  readonly prefix: string
  readonly title: string
  /** By number: what must hold, and where it is written. */
  readonly clauses: Readonly<Record<string, readonly [text: string, source: string]>>
}

export interface Clause {
  readonly id: string
  readonly text: string
  readonly source: string
}

export function clausesOf({ prefix, clauses }: ClauseGroup): readonly Clause[] {
  return Object.entries(clauses)
    .sort(([a], [b]) => Number(a) - Number(b)) // keys that look like array indexes come first otherwise
    .map(([number, [text, source]]) => ({ id: `${prefix}-${number}`, text, source }))
}
