import type { Members } from './members.ts'

/** One request to the API server. */
export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal?: AbortSignal
  /** What nobody reads of each line of the answer: the transport may leave it out. */
  readonly unread?: Members
  /** The answer is given up after this long without a byte. @default 30000 */
  readonly idleMs?: number
}

export interface KubeResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** The whole body; one of `text` and `lines` may be read, once. Rejects with a `Failure` when it is cut, or no text. */
  text(): Promise<string>
  /**
   * The body in lines, those that are there at a time. Rejects with a `Failure` when it ends within a line, or holds what
   * is no line of text; the lines before that have been told.
   */
  lines(): AsyncIterable<readonly string[]>
}

/** Rejects when no answer came: the network's fault. Any status is an answer. */
export interface KubeTransport {
  request(request: KubeRequest): Promise<KubeResponse>
  close(): Promise<void>
}
