import type { Mac } from '@metallb-ts/netip'

export interface RateLimits {
  /** Answers a second to one hardware address. @default 50 */
  readonly perSource: number
  /** Answers it may get at once. @default 100 */
  readonly sourceBurst: number
  /** Answers a second to all together; as many may go at once. @default 5000 */
  readonly total: number
}

export const DEFAULT_RATE_LIMITS: RateLimits = { perSource: 50, sourceBurst: 100, total: 5_000 }

/** Hardware addresses remembered at once; past it the one longest silent is forgotten, which only favours it. */
const MOST_SOURCES = 4_096

interface Bucket {
  tokens: number
  at: number
}

/**
 * Token buckets: what one asker, and all together, may cost. What is over the limit is not queued but dropped: a
 * neighbour asks again. Allocates only for an asker it has not met.
 */
export class AnswerLimiter {
  readonly #limits: RateLimits
  readonly #sources = new Map<Mac, Bucket>()
  readonly #total: Bucket
  #announced = 0

  constructor(limits: Partial<RateLimits>, now: number) {
    this.#limits = { ...DEFAULT_RATE_LIMITS, ...limits }
    this.#total = { tokens: this.#limits.total, at: now }
  }

  /**
   * A router that starts asks for every address at once, which is no flood: an asker may always have each address twice
   * at once, and each again every second.
   */
  setAnnounced(count: number): void {
    this.#announced = count
  }

  /** Takes one answer, or says which limit is exhausted. */
  take(source: Mac, now: number): 'allowed' | 'source-over-limit' | 'over-limit' {
    const { perSource, sourceBurst, total } = this.#limits
    const burst = Math.max(sourceBurst, 2 * this.#announced)
    const bucket = this.#bucket(source, burst, now)
    refill(bucket, Math.max(perSource, this.#announced), burst, now)
    if (bucket.tokens < 1) return 'source-over-limit'
    refill(this.#total, total, total, now)
    if (this.#total.tokens < 1) return 'over-limit'
    bucket.tokens--
    this.#total.tokens--
    return 'allowed'
  }

  get sources(): number {
    return this.#sources.size
  }

  #bucket(source: Mac, burst: number, now: number): Bucket {
    const known = this.#sources.get(source)
    if (known !== undefined) return known
    if (this.#sources.size >= MOST_SOURCES) this.#forgetOne()
    const bucket = { tokens: burst, at: now }
    this.#sources.set(source, bucket)
    return bucket
  }

  #forgetOne(): void {
    for (const source of this.#sources.keys()) {
      this.#sources.delete(source)
      return
    }
  }
}

function refill(bucket: Bucket, perSecond: number, burst: number, now: number): void {
  bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) * perSecond) / 1_000)
  bucket.at = now
}
