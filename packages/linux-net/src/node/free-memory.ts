import { libcMallocTrim } from './libc.ts'

/**
 * Gives back to the system what the C library keeps of memory that was freed: after a start, all that requests and TLS had in
 * use at once. For a moment of rest, since who allocates meanwhile waits. False where the C library cannot (musl), or had none.
 */
export function releaseFreeMemory(): boolean {
  return libcMallocTrim?.(0) === 1
}
