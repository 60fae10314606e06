import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Agent, request as send, type Dispatcher } from 'undici'
import { Faults, type ProxyFaultEffect } from './faults.ts'
import { goesWrong } from './misbehaviour.ts'
import { spoiled } from './spoiled-body.ts'

export interface FaultProxyInit {
  /** The API server behind it. */
  readonly upstream: string
  /** PEM of the authority of its certificate. */
  readonly ca?: string | Buffer
  /** Sent along with every request. */
  readonly authorization?: string
}

/** Stands before any API server, the real one too, and lets go wrong what a test asks for. Speaks plain HTTP/1.1. */
export interface FaultProxy {
  readonly url: string
  readonly faults: Faults<ProxyFaultEffect>
  /** Requests so far, with their parameters: `GET /api/v1/services?limit=100`. */
  readonly requests: readonly string[]
  /** Ends every watch in good order. */
  endWatches(): void
  /** Holds back every byte until it is told to go on: a process that is stopped, a path that swallows. */
  setSilent(isSilent: boolean): void
  stop(): Promise<void>
}

export async function startFaultProxy(init: FaultProxyInit): Promise<FaultProxy> {
  const connect = init.ca === undefined ? {} : { ca: init.ca }
  const dispatcher = new Agent({ allowH2: false, connect, bodyTimeout: 0, headersTimeout: 0 })
  const passage = new Passage(init, dispatcher)
  const server = createServer((request, response) => {
    // What was written before goes out first.
    passage.take(request, response).catch(() => response.write('', () => response.destroy()))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults: passage.faults,
    requests: passage.requests,
    endWatches: () => passage.endWatches(),
    setSilent: isSilent => passage.setSilent(isSilent),
    stop: async () => {
      passage.setSilent(false)
      server.closeAllConnections()
      await new Promise<void>(resolve => server.close(() => resolve()))
      await dispatcher.destroy()
    },
  }
}

class Passage {
  readonly faults: Faults<ProxyFaultEffect> = new Faults()
  readonly requests: string[] = []
  readonly #init: FaultProxyInit
  readonly #dispatcher: Dispatcher
  readonly #watches = new Set<ServerResponse>()
  #speech: { readonly resumed: Promise<void>; readonly resume: () => void } | undefined

  constructor(init: FaultProxyInit, dispatcher: Dispatcher) {
    this.#init = init
    this.#dispatcher = dispatcher
  }

  endWatches(): void {
    for (const response of this.#watches) response.end()
  }

  setSilent(isSilent: boolean): void {
    if (!isSilent) this.#speech?.resume()
    const { promise: resumed, resolve: resume } = Promise.withResolvers<void>()
    this.#speech = isSilent ? { resumed, resume } : undefined
  }

  async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.#init.upstream)
    const method = request.method ?? 'GET'
    const isWatch = url.searchParams.has('watch')
    if (this.requests.length < MAX_REMEMBERED) this.requests.push(`${method} ${url.pathname}${url.search}`)
    await this.#speech?.resumed
    const fault = this.faults.take(method, `${url.pathname}${url.search}`, isWatch)
    if (fault !== undefined && (await goesWrong(fault, response))) return
    if (fault?.type === 'ignore-parameters') for (const name of fault.names) url.searchParams.delete(name)
    const left = new AbortController()
    response.on('close', () => {
      left.abort()
      this.#watches.delete(response)
    })
    const { statusCode, headers, body } = await this.#forward(method, url, request, left.signal)
    if (fault?.type === 'lose-answer') {
      await body.dump()
      return void response.destroy()
    }
    if (isWatch) this.#watches.add(response)
    response.writeHead(statusCode, {
      'content-type': String(headers['content-type'] ?? 'application/json'),
      ...(headers['retry-after'] !== undefined && { 'retry-after': String(headers['retry-after']) }),
      ...(fault?.type === 'content-length' && { 'content-length': fault.bytes }),
    })
    response.flushHeaders()
    for await (const chunk of spoiled(body, fault)) {
      await this.#speech?.resumed
      if (response.writableEnded) return
      if (!response.write(chunk) && !response.destroyed) await once(response, 'drain', { signal: left.signal })
    }
    if (fault?.type !== 'content-length') return void response.end()
    response.write('', () => response.destroy()) // who counts on more waits in vain
  }

  async #forward(
    method: string,
    url: URL,
    request: IncomingMessage,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const { 'content-type': type, accept } = request.headers
    const { authorization = request.headers.authorization } = this.#init
    return send(url, {
      dispatcher: this.#dispatcher,
      method: method as Dispatcher.HttpMethod,
      headers: {
        ...(type !== undefined && { 'content-type': type }),
        ...(accept !== undefined && { accept }),
        ...(authorization !== undefined && { authorization }),
      },
      ...(method !== 'GET' && { body: request }),
      signal,
    })
  }
}

const MAX_REMEMBERED = 10_000
