import { asKubeFailure, DONE, type KubeFailure, type Outcome } from '@metallb-ts/k8s-watch'
import { failed, ok, type Result } from '@metallb-ts/runtime'

/** A call of the client as a value. */
export async function attempted<T>(call: Promise<T>): Promise<Result<T, KubeFailure>> {
  try {
    return ok(await call)
  } catch (error) {
    return failed(asKubeFailure(error))
  }
}

/** What a work queue is to do after a write that came to this. */
export function outcomeOf(problem: KubeFailure | undefined): Outcome {
  if (problem === undefined) return DONE
  if (problem.retryAfterMs !== undefined) return { kind: 'later', ms: problem.retryAfterMs }
  switch (problem.code) {
    case 'not-found': // it went meanwhile, and the watch will say so
      return DONE
    case 'forbidden':
      return { kind: 'later', ms: FORBIDDEN_RETRY_MS }
    case 'invalid':
      return { kind: 'failed', error: problem }
    default:
      return { kind: 'retry', error: problem }
  }
}

const FORBIDDEN_RETRY_MS = 30_000
