/** What a test wants to go wrong. Rules are looked at in order; the first that matches and has turns left is taken. */
export interface Fault {
  readonly method?: string
  /** Part of the path. */
  readonly path?: string
  /** Only watches, or only what is none. */
  readonly watch?: boolean
  /** How often. @default once */
  readonly times?: number
  readonly effect: FaultEffect
}

export type FaultEffect =
  | { readonly type: 'status'; readonly code: number; readonly reason?: string; readonly retryAfterSeconds?: number }
  /** The connection is cut, before anything is done. */
  | { readonly type: 'reset' }
  /** The work is done, and the answer is lost. */
  | { readonly type: 'lose-answer' }
  /** No answer, and no end. */
  | { readonly type: 'silence' }
  | { readonly type: 'delay'; readonly ms: number }
  /** A list as it was so many changes ago: a server that lags behind. */
  | { readonly type: 'stale'; readonly revisions: number }
  /** A watch that breaks in the middle of a line, after so many whole ones. */
  | { readonly type: 'cut-line'; readonly after: number }

export class Faults {
  #rules: { readonly fault: Fault; left: number }[] = []

  add(fault: Fault): void {
    this.#rules.push({ fault, left: fault.times ?? 1 })
  }

  clear(): void {
    this.#rules = []
  }

  take(method: string, path: string, isWatch: boolean): FaultEffect | undefined {
    const rule = this.#rules.find(
      ({ fault, left }) =>
        left > 0 &&
        (fault.method === undefined || fault.method === method) &&
        (fault.path === undefined || path.includes(fault.path)) &&
        (fault.watch === undefined || fault.watch === isWatch),
    )
    if (rule === undefined) return undefined
    rule.left--
    return rule.fault.effect
  }
}
