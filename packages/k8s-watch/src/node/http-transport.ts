import { readFileSync } from 'node:fs'
import type { LookupFunction } from 'node:net'
import { pipeline, Readable } from 'node:stream'
import { constants, createGunzip } from 'node:zlib'
import type { KubeRequest, KubeResponse, KubeTransport } from '../transport.ts'
import { Agents, type AgentsInit, type TlsMaterial } from './agents.ts'
import { exchange, type Exchanged } from './exchange.ts'
import { linesOf, wholeText } from './lines.ts'

export interface HttpTransportInit extends AgentsInit {
  /** `https://host:port`, a path allowed. */
  readonly server: string
  /** Certificates, or who to ask for them before every request: when they change, new requests go over a new connection. */
  readonly tls?: TlsMaterial | (() => TlsMaterial | Promise<TlsMaterial>)
  /** Accept any certificate. @default false */
  readonly insecure?: boolean
  /** A Unix socket to connect to in place of the server's address, which TLS still checks. */
  readonly socketPath?: string
  /** How names become addresses. @default the system's */
  readonly lookup?: LookupFunction
  /** The name that the server's certificate must bear. @default the server's host */
  readonly serverName?: string
  /** Of a proxy: `http://host:port` or `https://…` is asked to CONNECT, `socks5://…` and `socks5h://…` speak RFC 1928. */
  readonly proxy?: string
  /** Asked before every request; a token that changes needs no new connection. */
  readonly authorization?: () => string | undefined | Promise<string | undefined>
  /** The server did not accept the authorization: forget it. */
  readonly onUnauthorized?: () => void
  readonly userAgent?: string
}

/** HTTP over one shared pool; HTTP/2 where the server offers it, so that all watches share one connection. */
export function httpTransport(init: HttpTransportInit): KubeTransport {
  const { tls = {}, userAgent = 'metallb-ts' } = init
  const { origin, pathname } = new URL(init.server)
  const root = pathname.replace(/\/$/, '')
  const agents = new Agents(init)
  return {
    close: () => agents.destroy(),
    request: async (request: KubeRequest): Promise<KubeResponse> => {
      const agent = agents.for(typeof tls === 'function' ? await tls() : tls)
      const distrust = (error: unknown): never => {
        if (isSilence(error)) agents.distrust(agent)
        throw error
      }
      const idleMs = request.idleMs ?? DEFAULT_IDLE_MS
      const attempt = (authorization: string | undefined): Promise<Exchanged> =>
        exchange(agent, {
          origin,
          path: `${root}${request.path}${queryText(request.query)}`,
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
          signal: request.signal,
        }).catch(distrust)
      const authorization = await init.authorization?.()
      const response = await attempt(authorization)
      if (response.status !== 401 || init.onUnauthorized === undefined) return answer(request, response, distrust)
      init.onUnauthorized()
      const renewed = await init.authorization?.()
      if (renewed === authorization) return answer(request, response, distrust)
      response.dump()
      return answer(request, await attempt(renewed), distrust)
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
      if (now() - readAt > FILE_MS) {
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

/** Reads certificates from files, again after a minute: who replaces a file has replaced the certificate. */
export function tlsFiles(
  paths: Readonly<Partial<Record<keyof TlsMaterial, string>>>,
  now: () => number = () => performance.now(),
): () => TlsMaterial {
  let material: TlsMaterial = {}
  let readAt = -Infinity
  return () => {
    if (now() - readAt > FILE_MS) {
      material = Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, readFileSync(path)]))
      readAt = now()
    }
    return material
  }
}

const DEFAULT_IDLE_MS = 30_000
const FILE_MS = 60_000

function answer(
  { unread }: KubeRequest,
  { status, headers: given, body }: Exchanged,
  failed: (error: unknown) => never,
): KubeResponse {
  const headers: Record<string, string> = {}
  for (const name of Object.keys(given)) {
    const value = given[name]
    if (value !== undefined) headers[name] = typeof value === 'string' ? value : value.join(', ')
  }
  const bytes = headers['content-encoding'] === 'gzip' ? unzipped(body) : body
  return {
    status,
    headers,
    text: () => wholeText(bytes).catch(failed),
    lines: async function* () {
      try {
        yield* linesOf(bytes, unread)
      } catch (error) {
        failed(error)
      }
    },
  }
}

/** We ask for no compression; what stands between may compress all the same, event by event. */
function unzipped(body: AsyncIterable<Buffer>): Readable {
  const unzip = createGunzip({ flush: constants.Z_SYNC_FLUSH })
  return pipeline(Readable.from(body), unzip, () => {}) as unknown as Readable
}

/** Nothing came in time: the connection may be dead, and all that shares it. */
function isSilence(error: unknown): boolean {
  const { code } = (error instanceof Error && error.cause !== undefined ? error.cause : error) as {
    readonly code?: string
  }
  return code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT'
}

function queryText(query: KubeRequest['query']): string {
  let text = ''
  for (const [name, value] of Object.entries(query ?? {}))
    if (value !== undefined) text += `${text === '' ? '?' : '&'}${name}=${encodeURIComponent(value)}`
  return text
}
