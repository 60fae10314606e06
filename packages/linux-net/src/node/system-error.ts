import { errno, errorName } from './libc.ts'

/** A system call that failed. */
export class SystemError extends Error {
  override readonly name = 'SystemError'
  /** Such as `EPERM`. */
  readonly code: string
  readonly call: string

  constructor(call: string, number: number = errno()) {
    const code = errorName(number)
    super(`${call}: ${code}`)
    this.code = code
    this.call = call
  }
}

/** The result of a call, or a SystemError when it was -1. */
export function checked(call: string, result: number): number {
  if (result < 0) throw new SystemError(call)
  return result
}
