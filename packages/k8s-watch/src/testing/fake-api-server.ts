import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  ApiCore,
  failure,
  matchesFields,
  matchesLabels,
  type Answer,
  type HistoryEntry,
  type StoredObject,
  type Target,
} from './api-core.ts'
import { discovery } from './discovery.ts'
import { Faults } from './faults.ts'
import { collectionOf } from './kinds.ts'

export interface FakeApiServerInit {
  /** @default 127.0.0.1 */
  readonly host?: string
  /** 0 picks a free one. @default 0 */
  readonly port?: number
  /** Between bookmarks of a watch that asked for them, in milliseconds. @default 1000 */
  readonly bookmarkMs?: number
}

/** An API server in this process: lists, watches and writes as the real one's clients see them. */
export interface FakeApiServer {
  readonly url: string
  /** The text of a kubeconfig that leads here. */
  readonly kubeconfig: string
  /** Objects and rules without HTTP, for a test to look at. */
  readonly core: ApiCore
  readonly faults: Faults
  /** Requests so far, watches included: `GET /api/v1/services`. */
  readonly requests: readonly string[]
  /** Ends every watch, as a server that restarts. */
  cutWatches(): void
  stop(): Promise<void>
}

export async function startFakeApiServer(init: FakeApiServerInit = {}): Promise<FakeApiServer> {
  const { host = '127.0.0.1', port = 0 } = init
  const core = new ApiCore()
  const face = new HttpFace(core, init.bookmarkMs ?? DEFAULT_BOOKMARK_MS)
  const server = createServer((request, response) => void face.handle(request, response))
  server.requestTimeout = 0
  await listen(server, port, host)
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`
  return {
    url,
    kubeconfig: kubeconfigFor(url),
    core,
    faults: face.faults,
    requests: face.requests,
    cutWatches: () => face.cutWatches(),
    stop: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const DEFAULT_BOOKMARK_MS = 1_000
const MAX_BODY = 3 * 1024 * 1024
const MAX_REMEMBERED = 100_000

class HttpFace {
  readonly faults = new Faults()
  readonly requests: string[] = []
  readonly #core: ApiCore
  readonly #bookmarkMs: number
  readonly #watches = new Set<ServerResponse>()

  constructor(core: ApiCore, bookmarkMs: number) {
    this.#core = core
    this.#bookmarkMs = bookmarkMs
  }

  cutWatches(): void {
    for (const response of this.#watches) response.destroy()
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://api')
    const method = request.method ?? 'GET'
    if (this.requests.length < MAX_REMEMBERED) this.requests.push(`${method} ${url.pathname}`)
    const isWatch = ['1', 'true'].includes(url.searchParams.get('watch') ?? '')
    const fault = this.faults.take(method, url.pathname, isWatch)
    if (fault?.type === 'silence') return
    if (fault?.type === 'reset') return void request.socket.destroy()
    if (fault?.type === 'delay') await new Promise(resolve => setTimeout(resolve, fault.ms))
    if (fault?.type === 'status') {
      const { code, reason = '', retryAfterSeconds } = fault
      if (retryAfterSeconds !== undefined) response.setHeader('retry-after', String(retryAfterSeconds))
      return send(response, failure(code, reason, 'as the test asked'))
    }
    try {
      const target = this.#core.target(url.pathname)
      if (target === undefined) return send(response, this.#page(url.pathname))
      if (isWatch && target.name === undefined) return this.#watch(target, url.searchParams, response)
      const answer = await this.#answer(method, target, url.searchParams, request)
      if (fault?.type === 'lose-answer') return void request.socket.destroy()
      send(response, answer)
    } catch (error) {
      send(response, failure(400, 'BadRequest', String(error)))
    }
  }

  #page(path: string): Answer {
    if (['/healthz', '/readyz', '/livez'].includes(path)) return { status: 200, body: 'ok' }
    const page = discovery(path, this.#core.kinds())
    return page === undefined
      ? failure(404, 'NotFound', 'the server could not find the requested resource')
      : { status: 200, body: page }
  }

  async #answer(method: string, target: Target, query: URLSearchParams, request: IncomingMessage): Promise<Answer> {
    switch (method) {
      case 'GET':
        return target.name === undefined ? this.#list(target, query) : this.#core.get(target)
      case 'POST':
        return this.#core.create(target, await readJson(request))
      case 'PUT':
        return this.#core.replace(target, await readJson(request))
      case 'PATCH':
        return this.#core.patch(target, request.headers['content-type'] ?? '', await readJson(request))
      case 'DELETE': {
        const options = await readJson<{ preconditions?: { uid?: string; resourceVersion?: string } } | undefined>(
          request,
        )
        return this.#core.delete(target, options?.preconditions)
      }
      default:
        return failure(405, 'MethodNotAllowed', method)
    }
  }

  #list(target: Target, query: URLSearchParams): Answer {
    const { kind, namespace } = target
    const limit = Number(query.get('limit') ?? 0)
    const from = query.get('continue')
    const all = this.#core.store
      .list(collectionOf(kind), namespace)
      .filter(object => selects(object, query))
      .map(object => this.#core.shown(kind, object))
    const [revision, start] =
      from === null || from === '' ? [this.#core.store.revision, 0] : from.split('.').map(Number)
    const items = limit > 0 ? all.slice(start, start! + limit) : all
    const next = start! + items.length < all.length ? `${revision}.${start! + items.length}` : undefined
    const metadata = { resourceVersion: String(revision), ...(next !== undefined && { continue: next }) }
    const apiVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`
    return { status: 200, body: { kind: `${kind.kind}List`, apiVersion, metadata, items } }
  }

  #watch(target: Target, query: URLSearchParams, response: ServerResponse): void {
    const { kind, namespace } = target
    const collection = collectionOf(kind)
    const asked = query.get('resourceVersion') ?? ''
    const isFresh = asked === '' || asked === '0'
    const past = isFresh ? [] : this.#core.store.since(Number(asked), collection)
    response.writeHead(200, { 'content-type': 'application/json', 'transfer-encoding': 'chunked' })
    response.flushHeaders()
    const write = (type: string, object: unknown): void => void response.write(`${JSON.stringify({ type, object })}\n`)
    if (past === undefined) {
      write('ERROR', failure(410, 'Expired', `too old resource version: ${asked}`).body)
      return void response.end()
    }
    const tell = (entry: HistoryEntry): void => this.#tell(entry, target, query, write)
    if (isFresh)
      for (const object of this.#core.store.list(collection, namespace))
        tell({ revision: 0, type: 'ADDED', collection, object })
    if (query.get('sendInitialEvents') === 'true') {
      const annotations = { 'k8s.io/initial-events-end': 'true' }
      const metadata = { resourceVersion: String(this.#core.store.revision), annotations }
      write('BOOKMARK', { kind: kind.kind, apiVersion: 'v1', metadata })
    }
    for (const entry of past) tell(entry)
    const unlisten = this.#core.store.listen(tell)
    const bookmark = (): void => {
      const metadata = { resourceVersion: String(this.#core.store.revision) }
      write('BOOKMARK', { kind: kind.kind, apiVersion: 'v1', metadata })
    }
    const bookmarks = query.get('allowWatchBookmarks') === 'true' ? setInterval(bookmark, this.#bookmarkMs) : undefined
    const seconds = Number(query.get('timeoutSeconds') ?? 1_800)
    const timeout = setTimeout(() => response.end(), seconds * 1_000)
    this.#watches.add(response)
    response.on('close', () => {
      unlisten()
      clearInterval(bookmarks)
      clearTimeout(timeout)
      this.#watches.delete(response)
    })
  }

  #tell(
    entry: HistoryEntry,
    { kind, namespace }: Target,
    query: URLSearchParams,
    write: (type: string, object: unknown) => void,
  ): void {
    if (entry.collection !== collectionOf(kind)) return
    if (namespace !== undefined && entry.object.metadata.namespace !== namespace) return
    const isSelected = selects(entry.object, query)
    // An object that stops matching is gone for this watcher; telling of one never seen does no harm.
    if (isSelected) write(entry.type, this.#core.shown(kind, entry.object))
    else if (entry.type === 'MODIFIED') write('DELETED', this.#core.shown(kind, entry.object))
  }
}

function selects(object: StoredObject, query: URLSearchParams): boolean {
  return matchesLabels(object, query.get('labelSelector')) && matchesFields(object, query.get('fieldSelector'))
}

function send(response: ServerResponse, { status, body }: Answer): void {
  const isText = typeof body === 'string'
  response
    .writeHead(status, { 'content-type': isText ? 'text/plain' : 'application/json' })
    .end(isText ? body : JSON.stringify(body))
}

async function readJson<T = StoredObject>(request: IncomingMessage): Promise<T> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8') as AsyncIterable<string>) {
    text += chunk
    if (text.length > MAX_BODY) throw new RangeError('the body is too large')
  }
  return (text === '' ? undefined : JSON.parse(text)) as T
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve())
  })
}

function kubeconfigFor(server: string): string {
  return `${JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'c',
  })}\n`
}
