import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { SecureVersion } from 'node:tls'

// Not imported: that looks at every export, and one of them is a WebSocket with all of fetch behind it. And threads that
// take other things from this package need neither.
const http = () => process.getBuiltinModule('node:http')
const https = () => process.getBuiltinModule('node:https')

/** Why something is not well; an empty list means well. */
export type Check = () => readonly string[]

export interface Page {
  readonly status?: number
  readonly contentType: string
  readonly body: string
}

/** PEM, and what a handshake has to keep to. */
export interface ServedTls {
  readonly cert: string
  readonly key: string
  readonly minVersion?: SecureVersion
  readonly ciphers?: string
  readonly ecdhCurve?: string
}

export interface Asking {
  readonly path: string
  readonly authorization: string | undefined
}

export interface HealthServerInit {
  /** 0 picks a free one. */
  readonly port: number
  /** @default every address */
  readonly host?: string
  /** Answers /healthz. */
  readonly healthy: Check
  /** Answers /readyz. */
  readonly ready: Check
  /** More pages by path, such as /metrics. */
  readonly pages?: Readonly<Record<string, () => Page | Promise<Page>>>
  /** HTTPS with this; asked again every minute, so that certificates can be replaced. @default plain HTTP */
  readonly tls?: () => ServedTls
  /** Asked before any page of `pages`: 200 lets pass, any other status is the answer. @default everybody */
  readonly admit?: (asking: Asking) => Promise<number>
}

export interface HealthServer {
  readonly port: number
  stop(): Promise<void>
}

/** Serves /healthz and /readyz: 200 `ok`, or 503 and a reason a line. */
export async function startHealthServer(init: HealthServerInit): Promise<HealthServer> {
  const handle = (request: IncomingMessage, response: ServerResponse): void => void answer(init, request, response)
  const { server, stopRenewing } = init.tls === undefined ? plain(handle) : encrypted(init.tls, handle)
  server.headersTimeout = REQUEST_TIMEOUT_MS
  server.requestTimeout = REQUEST_TIMEOUT_MS
  server.maxConnections = MAX_CONNECTIONS
  await listening(server, init)
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise(resolve => {
        stopRenewing()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

type Handle = (request: IncomingMessage, response: ServerResponse) => void

interface Serving {
  readonly server: Server
  readonly stopRenewing: () => void
}

function plain(handle: Handle): Serving {
  return { server: http().createServer(handle), stopRenewing: () => {} }
}

/** A certificate that cannot be read any more leaves the one in use. */
function encrypted(tls: () => ServedTls, handle: Handle): Serving {
  let used = tls()
  const server = https().createServer(used, handle)
  const renewal = setInterval(() => {
    try {
      const now = tls()
      if (now.cert === used.cert && now.key === used.key) return
      server.setSecureContext(now)
      used = now
    } catch {
      // half of a pair may have been written: a minute later it is whole
    }
  }, RENEWAL_MS)
  renewal.unref()
  return { server, stopRenewing: () => clearInterval(renewal) }
}

async function answer(init: HealthServerInit, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const {
    status = 200,
    contentType,
    body,
  } = await page(init, request).catch((error: unknown): Page => ({
    status: 500,
    contentType: 'text/plain',
    body: `${String(error)}\n`,
  }))
  response.writeHead(status, { 'content-type': contentType }).end(request.method === 'HEAD' ? undefined : body)
}

async function page(init: HealthServerInit, request: IncomingMessage): Promise<Page> {
  const path = (request.url ?? '/').split('?')[0] ?? '/'
  if (path === '/healthz') return verdict(init.healthy())
  if (path === '/readyz') return verdict(init.ready())
  const more = init.pages !== undefined && Object.hasOwn(init.pages, path) ? init.pages[path] : undefined
  if (more === undefined) return { status: 404, contentType: 'text/plain', body: 'not found\n' }
  const status = (await init.admit?.({ path, authorization: request.headers.authorization })) ?? 200
  return status === 200 ? more() : { status, contentType: 'text/plain', body: `${http().STATUS_CODES[status]}\n` }
}

function verdict(reasons: readonly string[]): Page {
  const well = reasons.length === 0
  return { status: well ? 200 : 503, contentType: 'text/plain', body: well ? 'ok\n' : `${reasons.join('\n')}\n` }
}

function listening(server: Server, { port, host }: HealthServerInit): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, ...(host !== undefined && { host }) }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

const REQUEST_TIMEOUT_MS = 10_000
const MAX_CONNECTIONS = 256
const RENEWAL_MS = 60_000
