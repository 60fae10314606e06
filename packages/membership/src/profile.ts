/** How often we are heard from, and how long a silence may last. */
export interface Profile {
  /** Between heartbeats. */
  readonly intervalMs: number
  /** A member that nobody has heard for this long is dead. */
  readonly deadMs: number
}

/** `fast` for one switch, `balanced` for busier networks, `safe` for links that pause, such as those between sites. */
export const PROFILES: Readonly<Record<'fast' | 'balanced' | 'safe', Profile>> = {
  fast: { intervalMs: 50, deadMs: 200 },
  balanced: { intervalMs: 100, deadMs: 500 },
  safe: { intervalMs: 300, deadMs: 1_500 },
}
