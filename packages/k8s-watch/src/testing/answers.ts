/** What the API server says to a request. */
export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** A Status object. */
export function failure(code: number, reason: string, message: string, details?: object): Answer {
  return {
    status: code,
    body: {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      code,
      reason,
      message,
      ...(details !== undefined && { details }),
    },
  }
}
