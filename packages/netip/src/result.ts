/** What reading text or bytes gives: the value, or why there is none. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: ParseProblem }

/** Why a text is not the thing it was read as. `text` is the offending part, as it was given. */
export interface ParseProblem {
  readonly code: ParseProblemCode
  readonly text: string
}

export type ParseProblemCode =
  | 'not-an-address'
  | 'zone-not-allowed'
  | 'not-a-prefix'
  | 'prefix-length-out-of-range'
  | 'not-a-range'
  | 'mixed-families'
  | 'start-after-end'
  | 'not-a-mac'

export function parsed<T>(value: T): Parsed<T> {
  return { ok: true, value }
}

export function unparsed(code: ParseProblemCode, text: string): Parsed<never> {
  return { ok: false, error: { code, text } }
}

/** For literals in programs and tests, where bad text is our own mistake: throws a RangeError. */
export function literal<T>(result: Parsed<T>): T {
  if (result.ok) return result.value
  throw new RangeError(`${result.error.code}: ${JSON.stringify(result.error.text)}`)
}
