import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import { failure, type Answer } from './answers.ts'
import type { ApiCore } from './api-core.ts'
import { discovery } from './discovery.ts'
import { Faults, type FakeFaultEffect } from './faults.ts'
import { Json, listPage, tooLarge } from './list-page.ts'
import { goesWrong } from './misbehaviour.ts'
import type { StoredObject } from './object-store.ts'
import { refusal, verbOf, type FakeUser } from './rbac.ts'
import type { Target } from './target.ts'
import { openWatch } from './watch-stream.ts'

export interface HttpFaceInit {
  readonly bookmarkMs: number
  readonly users: readonly FakeUser[]
  readonly streamsLists: boolean
}

/** What clients speak to: paths, parameters, bodies, and whatever a test wants to go wrong. */
export class HttpFace {
  readonly faults: Faults<FakeFaultEffect> = new Faults()
  readonly requests: string[] = []
  readonly #core: ApiCore
  readonly #init: HttpFaceInit
  readonly #watches = new Set<ServerResponse>()
  #isSilent = false

  constructor(core: ApiCore, init: HttpFaceInit) {
    this.#core = core
    this.#init = init
  }

  get watches(): number {
    return this.#watches.size
  }

  cutWatches(): void {
    for (const response of this.#watches) response.destroy()
  }

  /** Nothing is answered, and no watch hears anything, until it speaks again. */
  setSilent(isSilent: boolean): void {
    this.#isSilent = isSilent
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path, query] = placeOf(request.url ?? '/')
    const method = request.method ?? 'GET'
    if (this.requests.length < MAX_REMEMBERED) this.requests.push(`${method} ${path}`)
    if (this.#isSilent) return
    const isWatch = ['1', 'true'].includes(query.get('watch') ?? '')
    const fault = this.faults.take(method, path, isWatch)
    if (fault?.type === 'goaway') goAway(response)
    if (fault !== undefined && (await goesWrong(fault, response))) return
    try {
      const target = this.#core.target(path)
      if (target === undefined) return send(response, this.#page(path))
      const verb = verbOf(method, target, isWatch)
      const refused = refusal(this.#init.users, request.headers.authorization, verb, named(target, query))
      if (refused !== undefined) return send(response, refused)
      if (isWatch) return this.#watch(watchedBy(target, query), query, response, fault)
      if (request.headers['content-type']?.includes('protobuf') === true)
        return send(response, failure(415, 'UnsupportedMediaType', 'this server speaks JSON only'))
      const answer = await this.#answer(method, target, query, request, fault)
      if (fault?.type === 'lose-answer') return void response.destroy()
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

  async #answer(
    method: string,
    target: Target,
    query: URLSearchParams,
    request: IncomingMessage,
    fault: FakeFaultEffect | undefined,
  ): Promise<Answer> {
    switch (method) {
      case 'GET':
        return target.name === undefined
          ? listPage(this.#core, target, query, fault?.type === 'stale' ? fault.revisions : 0)
          : this.#core.get(target)
      case 'POST':
        return this.#core.create(target, await readJson(request), managerOf(query, request))
      case 'PUT':
        return this.#core.replace(target, await readJson(request), managerOf(query, request))
      case 'PATCH':
        return this.#patch(target, query, request)
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

  async #patch(target: Target, query: URLSearchParams, request: IncomingMessage): Promise<Answer> {
    const type = request.headers['content-type'] ?? ''
    const patch = await readJson(request)
    if (!type.startsWith('application/apply-patch'))
      return this.#core.patch(target, type, patch, managerOf(query, request))
    const options = { manager: query.get('fieldManager') ?? '', force: query.get('force') === 'true' }
    return this.#core.apply(target, patch, options)
  }

  #watch(target: Target, query: URLSearchParams, response: ServerResponse, fault: FakeFaultEffect | undefined): void {
    if (query.has('sendInitialEvents') && !this.#init.streamsLists) {
      const message =
        'sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled'
      return send(response, failure(422, 'Invalid', message))
    }
    const asked = Number(query.get('resourceVersion') ?? 0)
    if (asked > this.#core.store.revision) return send(response, tooLarge(asked))
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    let left = fault?.type === 'cut-line' ? fault.after : Infinity
    const out = new Coalesced(response)
    const close = openWatch({
      core: this.#core,
      target,
      query,
      bookmarkMs: this.#init.bookmarkMs,
      write: line => {
        if (this.#isSilent || response.destroyed) return
        if (left-- > 0) return out.write(line)
        out.write(line.slice(0, line.length >> 1))
        out.flush(() => response.destroy())
      },
      end: () => out.flush(() => response.end()),
    })
    this.#watches.add(response)
    response.on('close', () => {
      close()
      this.#watches.delete(response)
    })
  }
}

/** Lines of one moment go out together: each alone would be a frame of its own. */
class Coalesced {
  readonly #response: ServerResponse
  #held: string[] = []
  #length = 0

  constructor(response: ServerResponse) {
    this.#response = response
  }

  write(text: string): void {
    if (this.#held.length === 0) setImmediate(() => this.flush())
    this.#held.push(text)
    this.#length += text.length
    if (this.#length >= MOST_HELD) this.flush()
  }

  flush(then: () => void = () => {}): void {
    const text = this.#held.join('')
    this.#held = []
    this.#length = 0
    if (text !== '' && !this.#response.destroyed) this.#response.write(text, then)
    else then()
  }
}

const MOST_HELD = 256 * 1024
const MAX_BODY = 3 * 1024 * 1024
const MAX_REMEMBERED = 100_000

/** A list or a watch by `metadata.name` asks for the right to that name alone, as with the real server. */
function named(target: Target, query: URLSearchParams): Target {
  const [, name] = /(?:^|,)metadata\.name==?([^,]+)/.exec(query.get('fieldSelector') ?? '') ?? []
  return name === undefined || target.name !== undefined ? target : { ...target, name }
}

/** Who owns what an update sets: whom it names, or the program that sends it. */
function managerOf(query: URLSearchParams, { headers }: IncomingMessage): string | undefined {
  const [program = ''] = (headers['user-agent'] ?? '').split('/')
  return query.get('fieldManager') ?? (program === '' ? undefined : program)
}

/** A watch of one object is a watch of its kind, by its name. */
function watchedBy({ name, ...target }: Target, query: URLSearchParams): Target {
  if (name !== undefined) query.set('fieldSelector', `metadata.name=${name}`)
  return target
}

/** What is under way on the connection goes on. Over HTTP/1.1 there is no such thing. */
function goAway(response: ServerResponse): void {
  const { stream } = response as Partial<Pick<Http2ServerResponse, 'stream'>>
  stream?.session?.goaway()
}

function send(response: ServerResponse, { status, body, text }: Answer): void {
  const isText = typeof body === 'string'
  response
    .writeHead(status, { 'content-type': isText ? 'text/plain' : 'application/json' })
    .end(text?.() ?? (isText ? body : body instanceof Json ? body.text : JSON.stringify(body)))
}

async function readJson<T = StoredObject>(request: IncomingMessage): Promise<T> {
  const text = await bodyOf(request)
  return (text === '' ? undefined : JSON.parse(text)) as T
}

function bodyOf(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => {
      text += chunk
      if (text.length > MAX_BODY) reject(new RangeError('the body is too large'))
    })
    request.on('end', () => resolve(text))
    request.on('close', () => {
      if (!request.readableEnded) reject(new Error('the body was cut'))
    })
    request.on('error', reject)
  })
}

function placeOf(url: string): [path: string, query: URLSearchParams] {
  const mark = url.indexOf('?')
  return mark < 0 ? [url, new URLSearchParams()] : [url.slice(0, mark), new URLSearchParams(url.slice(mark + 1))]
}
