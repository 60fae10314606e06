import { Failure } from '@metallb-ts/runtime'
import type { KubeResponse } from './transport.ts'

/** Why the API server did not do what was asked. */
export interface KubeFailure {
  readonly code: KubeFailureCode
  /** HTTP status; 0 when there was no answer. */
  readonly status: number
  readonly message: string
  /** What the server asked to wait, in milliseconds; 300 000 at most. */
  readonly retryAfterMs?: number
  /** What was wrong with the bytes, when they were what failed. */
  readonly flaw?: Flaw
}

/** What can be wrong with what came. Whatever it is: the set, or what changed since, is read again. */
export type Flaw =
  /** The connection, or the body, ended within a line or an object. */
  | 'cut'
  | 'not-json'
  | 'not-utf8'
  /** Longer than anything of Kubernetes. */
  | 'too-long'
  | 'unknown-event'
  | 'no-object'
  /** Without a name, or a version. */
  | 'no-metadata'

export type KubeFailureCode =
  | 'unauthorized'
  | 'forbidden'
  | 'not-found'
  | 'conflict'
  | 'already-exists'
  | 'gone'
  | 'invalid'
  | 'too-many-requests'
  | 'too-large-resource-version'
  | 'server-error'
  | 'unreachable'
  | 'bad-answer'
  /** Not sent: somebody else holds the lease. */
  | 'not-leading'

/** `Failure` with a KubeFailure: what a rejected call of the client carries. */
export function kubeFailure(problem: KubeFailure): Failure<KubeFailure> {
  return new Failure(problem, `${problem.code} (${problem.status}): ${problem.message}`)
}

/** The failure that an error carries; any other error is a network's. */
export function asKubeFailure(error: unknown): KubeFailure {
  if (error instanceof Failure) return (error as Failure<KubeFailure>).problem
  return { code: 'unreachable', status: 0, message: error instanceof Error ? error.message : String(error) }
}

export function isCode(error: unknown, ...codes: readonly KubeFailureCode[]): boolean {
  return codes.includes(asKubeFailure(error).code)
}

/** An answer that is not success, by its status and the Status object in its body. */
export async function failureOf(response: KubeResponse): Promise<KubeFailure> {
  const text = await response.text().catch(() => '')
  const seconds = Number(response.headers['retry-after'])
  const status = parseStatus(text)
  const header = Number.isFinite(seconds) && response.headers['retry-after'] !== undefined ? seconds * 1_000 : undefined
  return statusFailure(response.status, status ?? { message: text.slice(0, MAX_MESSAGE) }, header)
}

/** JSON of the server; anything else is a bad answer. */
export function parse<T>(text: string): T {
  try {
    return JSON.parse(text) as T
  } catch (error) {
    const message = `the answer is not JSON: ${String(error)}`
    throw kubeFailure({ code: 'bad-answer', status: 200, message, flaw: 'not-json' })
  }
}

export interface StatusObject {
  readonly message?: string
  readonly reason?: string
  readonly code?: number
  readonly details?: { readonly retryAfterSeconds?: number; readonly causes?: readonly { readonly reason?: string }[] }
}

export function statusFailure(
  code: number,
  { message = '', reason = '', details }: StatusObject,
  retryAfterMs?: number,
): KubeFailure {
  const asked = retryAfterMs ?? (details?.retryAfterSeconds ?? NaN) * 1_000
  const isTooLarge = details?.causes?.some(cause => cause.reason === 'ResourceVersionTooLarge') === true
  return {
    code: isTooLarge ? 'too-large-resource-version' : codeOf(code, reason),
    status: code,
    message: message === '' ? `HTTP ${code}` : message,
    ...(asked >= 0 && { retryAfterMs: Math.min(asked, MAX_RETRY_AFTER_MS) }),
  }
}

const MAX_MESSAGE = 512

/** No server is believed that asks for more. */
export const MAX_RETRY_AFTER_MS = 300_000

function codeOf(status: number, reason: string): KubeFailureCode {
  if (status === 409) return reason === 'AlreadyExists' ? 'already-exists' : 'conflict'
  return BY_STATUS[status] ?? (status >= 500 ? 'server-error' : 'bad-answer')
}

const BY_STATUS: Readonly<Record<number, KubeFailureCode>> = {
  400: 'invalid',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  410: 'gone',
  422: 'invalid',
  429: 'too-many-requests',
}

function parseStatus(text: string): StatusObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
