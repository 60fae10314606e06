import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Why something is not well; an empty list means well. */
export type Check = () => readonly string[]

export interface Page {
  readonly status?: number
  readonly contentType: string
  readonly body: string
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
}

export interface HealthServer {
  readonly port: number
  stop(): Promise<void>
}

/** Serves /healthz and /readyz: 200 `ok`, or 503 and a reason a line. */
export async function startHealthServer(init: HealthServerInit): Promise<HealthServer> {
  const server = createServer((request, response) => void answer(init, request, response))
  server.headersTimeout = REQUEST_TIMEOUT_MS
  server.requestTimeout = REQUEST_TIMEOUT_MS
  server.maxConnections = MAX_CONNECTIONS
  await listening(server, init)
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(init: HealthServerInit, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const {
    status = 200,
    contentType,
    body,
  } = await page(init, (request.url ?? '/').split('?')[0] ?? '/').catch((error: unknown): Page => ({
    status: 500,
    contentType: 'text/plain',
    body: `${String(error)}\n`,
  }))
  response.writeHead(status, { 'content-type': contentType }).end(request.method === 'HEAD' ? undefined : body)
}

async function page(init: HealthServerInit, path: string): Promise<Page> {
  if (path === '/healthz') return verdict(init.healthy())
  if (path === '/readyz') return verdict(init.ready())
  const more = init.pages !== undefined && Object.hasOwn(init.pages, path) ? init.pages[path] : undefined
  return more === undefined ? { status: 404, contentType: 'text/plain', body: 'not found\n' } : more()
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
