const LOOK_AGAIN_MS = 50
const LOOK_LIMIT_MS = 60_000

/** Looks until it finds; rejects with what it waited for. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs: number = LOOK_LIMIT_MS,
): Promise<T> {
  const deadline = Date.now() + timeoutMs
  let problem: unknown
  while (Date.now() < deadline) {
    try {
      const found = await look()
      if (found !== undefined && found !== false) return found
      problem = undefined
    } catch (error) {
      problem = error
    }
    await pause(LOOK_AGAIN_MS)
  }
  throw new Error(`waited ${timeoutMs} ms for ${what}${problem === undefined ? '' : `: ${String(problem)}`}`)
}

export function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
