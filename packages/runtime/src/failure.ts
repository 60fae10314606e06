/** What an operation that may fail gives back. */
export type Result<Value, Problem> =
  { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly error: Problem }

export function ok<Value>(value: Value): { readonly ok: true; readonly value: Value } {
  return { ok: true, value }
}

export function failed<Problem>(error: Problem): { readonly ok: false; readonly error: Problem } {
  return { ok: false, error }
}

/** Who has to act for a failure to go away. */
export type Blame = 'user' | 'scarcity' | 'peer' | 'wire' | 'network' | 'api-server' | 'us'

/** The one class thrown across package boundaries: the payload is the API, the message is for people. */
export class Failure<Problem extends { readonly code: string }> extends Error {
  override readonly name = 'Failure'
  readonly problem: Problem

  constructor(problem: Problem, message: string = problem.code, options?: ErrorOptions) {
    super(message, options)
    this.problem = problem
  }
}

/** "Cannot happen" happened: ends the process, with its trace of events. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
  readonly facts: Readonly<Record<string, unknown>>

  constructor(message: string, facts: Readonly<Record<string, unknown>> = {}) {
    super(message)
    this.facts = facts
  }
}

export function invariant(holds: boolean, message: string, facts?: Readonly<Record<string, unknown>>): asserts holds {
  if (!holds) throw new InvariantError(message, facts)
}

/** The `default` of a switch that lists every case: a new case stops compiling there. */
export function unreachable(value: never): never {
  throw new InvariantError('a case that the types rule out', { value })
}
