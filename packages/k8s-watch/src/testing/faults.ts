/** What a test wants to go wrong. Rules are looked at in order; the first that matches and has turns left is taken. */
export interface Fault<Effect> {
  readonly method?: string
  /** Part of the path, or of the parameters behind it. */
  readonly path?: string
  /** Only watches, or only what is none. */
  readonly watch?: boolean
  /** How often. @default once */
  readonly times?: number
  readonly effect: Effect
}

/** What can go wrong with any server. */
export type FaultEffect =
  | { readonly type: 'status'; readonly code: number; readonly reason?: string; readonly retryAfterSeconds?: number }
  /** The connection is cut, before anything is done. */
  | { readonly type: 'reset' }
  /** The work is done, and the answer is lost. */
  | { readonly type: 'lose-answer' }
  /** No answer, and no end. */
  | { readonly type: 'silence' }
  | { readonly type: 'delay'; readonly ms: number }
  /** A watch that breaks in the middle of a line, after so many whole ones. */
  | { readonly type: 'cut-line'; readonly after: number }

/** What the fake API server can do besides. */
export type FakeFaultEffect =
  | FaultEffect
  /** A list as it was so many changes ago: a server that lags behind. */
  | { readonly type: 'stale'; readonly revisions: number }
  /** Over HTTP/2: it answers, and asks the client to take another connection from then on. */
  | { readonly type: 'goaway' }

/** What the proxy before a server can do besides, to the bytes of an answer. */
export type ProxyFaultEffect =
  | FaultEffect
  /** These bytes come after so many lines, as they are. */
  | { readonly type: 'insert'; readonly after: number; readonly bytes: string | Uint8Array }
  | { readonly type: 'repeat-lines' }
  /** The connection breaks after so many bytes of the body. */
  | { readonly type: 'cut-body'; readonly after: number }
  | { readonly type: 'replace-body'; readonly body: string }
  /** Content-Length says so many bytes, however many there are. */
  | { readonly type: 'content-length'; readonly bytes: number }
  /** The body comes in pieces of so many bytes. */
  | { readonly type: 'split'; readonly bytes: number }
  /** The server never sees these parameters, as one that is too old to know them. */
  | { readonly type: 'ignore-parameters'; readonly names: readonly string[] }

export class Faults<Effect = FakeFaultEffect> {
  #rules: { readonly fault: Fault<Effect>; left: number }[] = []

  add(fault: Fault<Effect>): void {
    this.#rules.push({ fault, left: fault.times ?? 1 })
  }

  clear(): void {
    this.#rules = []
  }

  take(method: string, path: string, isWatch: boolean): Effect | undefined {
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
