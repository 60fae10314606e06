import { readFileSync } from 'node:fs'
import { Agent, request as send, type Dispatcher } from 'undici'
import type { KubeRequest, KubeResponse, KubeTransport } from '../transport.ts'

export interface HttpTransportInit {
  /** `https://host:port`, a path allowed. */
  readonly server: string
  readonly ca?: string | Buffer
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  readonly insecure?: boolean
  /** A Unix socket to connect to in place of the server's address, which TLS still checks. */
  readonly socketPath?: string
  /** Asked before every request; a token that changes needs no new connection. */
  readonly authorization?: () => string | undefined | Promise<string | undefined>
  /** The server did not accept the authorization: forget it. */
  readonly onUnauthorized?: () => void
  readonly userAgent?: string
}

/** HTTP over one shared pool; HTTP/2 where the server offers it, so that all watches share one connection. */
export function httpTransport(init: HttpTransportInit): KubeTransport {
  const { server, ca, cert, key, insecure, socketPath, userAgent = 'metallb-ts' } = init
  const agent = new Agent({
    allowH2: true,
    connections: MAX_CONNECTIONS,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: {
      timeout: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      keepAliveInitialDelay: 15_000,
      ...(socketPath !== undefined && { socketPath }),
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(insecure === true && { rejectUnauthorized: false }),
    },
  })
  return {
    close: () => agent.destroy(),
    request: async (request: KubeRequest): Promise<KubeResponse> => {
      const authorization = await init.authorization?.()
      const idleMs = request.idleMs ?? DEFAULT_IDLE_MS
      const response = await send(`${server.replace(/\/$/, '')}${request.path}${queryText(request.query)}`, {
        dispatcher: agent,
        method: request.method,
        headersTimeout: idleMs,
        bodyTimeout: idleMs,
        headers: {
          accept: 'application/json',
          'user-agent': userAgent,
          ...(authorization !== undefined && { authorization }),
          ...request.headers,
        },
        ...(request.body !== undefined && { body: request.body }),
        ...(request.signal !== undefined && { signal: request.signal }),
      })
      if (response.statusCode === 401) init.onUnauthorized?.()
      return answer(response)
    },
  }
}

/** Reads a token from a file, again after a minute or when the server refused it. */
export function tokenFile(
  path: string,
  now: () => number = () => performance.now(),
): Pick<HttpTransportInit, 'authorization' | 'onUnauthorized'> {
  let token = ''
  let readAt = -Infinity
  return {
    authorization: () => {
      if (now() - readAt > TOKEN_MS) {
        token = readFileSync(path, 'utf8').trim()
        readAt = now()
      }
      return `Bearer ${token}`
    },
    onUnauthorized: () => {
      readAt = -Infinity
    },
  }
}

const MAX_CONNECTIONS = 32 // only HTTP/1.1 needs more than one: a watch holds its connection
const CONNECT_TIMEOUT_MS = 10_000
const DEFAULT_IDLE_MS = 30_000
const TOKEN_MS = 60_000

function answer(response: Dispatcher.ResponseData): KubeResponse {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return { status: response.statusCode, headers, text: () => response.body.text(), lines: () => linesOf(response.body) }
}

async function* linesOf(body: AsyncIterable<Buffer>): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder() // keeps half a character until its rest has come
  let held = ''
  for await (const chunk of body) {
    held += decoder.decode(chunk, { stream: true })
    if (held.length > MAX_LINE) throw new RangeError(`a line of more than ${MAX_LINE} characters`)
    let from = 0
    for (let end = held.indexOf('\n', from); end >= 0; end = held.indexOf('\n', from)) {
      yield held.slice(from, held[end - 1] === '\r' ? end - 1 : end)
      from = end + 1
    }
    held = held.slice(from)
  }
}

const MAX_LINE = 16 * 1024 * 1024

function queryText(query: KubeRequest['query']): string {
  const given = Object.entries(query ?? {}).filter((pair): pair is [string, string] => pair[1] !== undefined)
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`
}
