/** What the API server says to a request. */
export interface Answer {
  readonly status: number
  readonly body: unknown
  /** The body as JSON, where that was or will be needed by others, too. */
  readonly text?: () => string
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
