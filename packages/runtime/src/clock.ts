/** Time as every part of the house takes it, so that a test can own it. */
export interface Clock {
  /** Monotonic milliseconds; only differences mean anything. */
  now(): number
  /** Calls `fire` once, `ms` milliseconds from now (0 or more). Equal deadlines fire in the order they were set. */
  setTimer(ms: number, fire: () => void): Timer
  /** Milliseconds since 1970 (UTC), only for timestamps that people or other machines read. */
  wallTime(): number
}

export interface Timer {
  /** Safe to repeat, and after it fired. */
  cancel(): void
}

/** Resolves after `ms`, or at once with a rejection when the signal aborts. */
export function delay(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error)
    const aborted = (): void => {
      timer.cancel()
      reject(signal?.reason as Error)
    }
    const timer = clock.setTimer(ms, () => {
      signal?.removeEventListener('abort', aborted)
      resolve()
    })
    signal?.addEventListener('abort', aborted, { once: true })
  })
}
