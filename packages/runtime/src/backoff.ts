import { jittered, type Random } from './random.ts'

export interface BackoffPolicy {
  /** Delay before the first retry, in milliseconds. */
  readonly baseMs: number
  /** @default 2 */
  readonly factor?: number
  /** Longest delay before jitter, in milliseconds. */
  readonly maxMs: number
  /** Fraction by which a delay may move either way, 0 to 1. @default 0.25 */
  readonly jitter?: number
}

/** How long to wait before retry number `attempt` (0 is the first): exponential, bounded, jittered. */
export function backoffDelay(policy: BackoffPolicy, attempt: number, random: Random): number {
  const { baseMs, factor = 2, maxMs, jitter = 0.25 } = policy
  const grown = baseMs * factor ** Math.min(attempt, MAX_EXPONENT)
  return jittered(random, Math.min(grown, maxMs), jitter)
}

const MAX_EXPONENT = 64 // keeps the power finite for any attempt; every sensible maxMs is reached long before
