import { isNewer } from './revision.ts'

/** Those who wait for a store to be as new as something they know of. */
export class RevisionWaiters {
  readonly #waiting = new Set<{ readonly revision: string; readonly resolve: () => void }>()

  wait(revision: string, now: string, signal?: AbortSignal): Promise<void> {
    if (now !== '' && !isNewer(revision, now)) return Promise.resolve()
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error)
    return new Promise((resolve, reject) => {
      const aborted = (): void => {
        this.#waiting.delete(waiter)
        reject(signal?.reason as Error)
      }
      const waiter = {
        revision,
        resolve: () => {
          signal?.removeEventListener('abort', aborted)
          resolve()
        },
      }
      signal?.addEventListener('abort', aborted, { once: true })
      this.#waiting.add(waiter)
    })
  }

  reached(revision: string): void {
    for (const waiter of this.#waiting) {
      if (isNewer(waiter.revision, revision)) continue
      this.#waiting.delete(waiter)
      waiter.resolve()
    }
  }
}
