import type { KubeRequest, KubeResponse, KubeTransport } from '@metallb-ts/k8s-watch'
import type { Timer } from '@metallb-ts/runtime'
import type { SimProcess } from '../process.ts'
import type { SimAnswer, SimApi } from './sim-api.ts'
import { WatchBody } from './watch-body.ts'

/** What may go wrong with one request. */
export type ApiFault =
  | { readonly type: 'status'; readonly code: number; readonly reason?: string; readonly retryAfterSeconds?: number }
  /** Cut before the server has seen it. */
  | { readonly type: 'reset' }
  /** Done, and the answer is lost. */
  | { readonly type: 'lose-answer' }
  /** The process dies there. */
  | { readonly type: 'die'; readonly when: 'before' | 'after' }

export interface ApiLinkInit {
  readonly process: SimProcess
  readonly api: SimApi
  /** One way, milliseconds, drawn anew every time. */
  readonly latencyMs: readonly [number, number]
  /** What goes wrong with this request, if anything. */
  readonly fault?: (request: KubeRequest) => ApiFault | undefined
  /** Told of every request that leaves the process. */
  readonly onRequest?: (request: KubeRequest) => void
  /** Told of what the server has said, when the process has heard it. */
  readonly onHeard?: (request: KubeRequest, text: string) => void
}

/** One process's way to the API server. What is on the way takes time, and is lost with whoever waits for it. */
export class ApiLink implements KubeTransport {
  readonly #init: ApiLinkInit
  readonly #held: (() => void)[] = []
  #state: 'up' | 'refused' | 'silent' = 'up'
  readonly #exchanges = new Set<Exchange>()
  #inFlight = 0
  #mostInFlight = 0

  constructor(init: ApiLinkInit) {
    this.#init = init
    init.process.onDeath(() => {
      for (const exchange of this.#exchanges) exchange.end()
    })
  }

  /** Writes under way, at most, at one time. */
  get mostInFlight(): number {
    return this.#mostInFlight
  }

  /** `refused`: nobody listens there. `silent`: nothing comes through, either way, until it is up again. */
  set(state: 'up' | 'refused' | 'silent'): void {
    this.#state = state
    if (state === 'up') for (const pass of this.#held.splice(0)) pass()
  }

  request(request: KubeRequest): Promise<KubeResponse> {
    const { process, onRequest } = this.#init
    onRequest?.(request)
    return new Promise((resolve, reject) => {
      if (!process.isAlive) return
      const isWrite = request.method !== 'GET'
      if (isWrite) this.#mostInFlight = Math.max(this.#mostInFlight, ++this.#inFlight)
      const exchange = new Exchange(this.#init, request, resolve, reject, () => {
        this.#exchanges.delete(exchange)
        if (isWrite) this.#inFlight--
      })
      this.#exchanges.add(exchange)
      if (this.#state === 'refused') return exchange.later(() => exchange.fail('connection refused'))
      const fault = this.#init.fault?.(request)
      exchange.later(() => this.#pass(() => exchange.serve(fault, act => this.#pass(act))))
    })
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  #pass(act: () => void): void {
    if (this.#state === 'silent') this.#held.push(act)
    else act()
  }
}

/** One request and what becomes of it. */
class Exchange {
  readonly #init: ApiLinkInit
  readonly #request: KubeRequest
  readonly #resolve: (response: KubeResponse) => void
  readonly #reject: (error: Error) => void
  readonly #onOver: () => void
  readonly #body = new WatchBody()
  #idle: Timer | undefined
  #close: (() => void) | undefined
  #arrivesAt = 0
  #isOver = false

  constructor(
    init: ApiLinkInit,
    request: KubeRequest,
    resolve: (response: KubeResponse) => void,
    reject: (error: Error) => void,
    onOver: () => void,
  ) {
    this.#init = init
    this.#request = request
    this.#resolve = resolve
    this.#reject = reject
    this.#onOver = onOver
    request.signal?.addEventListener('abort', () => this.fail('aborted'))
    this.#heard()
  }

  /** After what was sent before it. */
  later(act: () => void): void {
    const { process, latencyMs } = this.#init
    const { clock } = process.world
    const [least, most] = latencyMs
    this.#arrivesAt = Math.max(this.#arrivesAt, clock.now() + least + (most - least) * process.random.next())
    clock.setTimer(this.#arrivesAt - clock.now(), act)
  }

  fail(message: string): void {
    if (this.#isOver) return
    this.end()
    this.#init.process.enter(() => {
      this.#reject(new Error(message))
      this.#body.push(new Error(message))
    })
  }

  serve(fault: ApiFault | undefined, pass: (act: () => void) => void): void {
    const { process, api } = this.#init
    if (this.#isOver && this.#request.method === 'GET') return
    if (fault?.type === 'die' && fault.when === 'before') return process.kill()
    if (fault?.type === 'reset') return this.later(() => this.fail('connection reset'))
    const isWatch = this.#request.query?.['watch'] === '1'
    if (fault?.type === 'status') return this.later(() => pass(() => this.#answer(refusal(fault))))
    if (isWatch && this.#watch(pass)) return
    const answer = api.answer(this.#request)
    if (fault?.type === 'die') return process.kill()
    if (fault?.type === 'lose-answer') return this.later(() => this.fail('connection reset'))
    this.later(() => pass(() => this.#answer(answer)))
  }

  #watch(pass: (act: () => void) => void): boolean {
    const { api } = this.#init
    if (api.target(this.#request.path) === undefined) return false
    const deliver = (act: () => void): void => this.later(() => pass(() => this.#isOver || act()))
    deliver(() => this.#open(200, {}, ''))
    this.#close = api.watch(this.#request, {
      line: text => deliver(() => this.#take(text)),
      end: why => deliver(() => (why === 'over' ? this.#finish() : this.fail('connection reset'))),
    })
    return true
  }

  #take(text: string): void {
    this.#heard()
    this.#init.process.enter(() => {
      this.#init.onHeard?.(this.#request, text)
      this.#body.push(text)
    })
  }

  #finish(): void {
    this.end()
    this.#init.process.enter(() => this.#body.push(null))
  }

  #answer({ status, text, headers = {} }: SimAnswer & { readonly headers?: Record<string, string> }): void {
    if (this.#isOver) return
    this.end()
    this.#open(status, headers, text)
  }

  #open(status: number, headers: Readonly<Record<string, string>>, text: string): void {
    const { process, onHeard } = this.#init
    process.enter(() => {
      if (text !== '' && status < 300) onHeard?.(this.#request, text)
      this.#resolve({ status, headers, text: () => Promise.resolve(text), lines: () => this.#body.lines() })
    })
  }

  /** Nothing for so long: given up, as the transport does. */
  #heard(): void {
    this.#idle?.cancel()
    this.#idle = this.#init.process.clock.setTimer(this.#request.idleMs ?? DEFAULT_IDLE_MS, () => this.fail('silence'))
  }

  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#idle?.cancel()
    this.#close?.()
    this.#onOver()
  }
}

const DEFAULT_IDLE_MS = 30_000

function refusal({ code, reason = '', retryAfterSeconds }: ApiFault & { readonly type: 'status' }): SimAnswer & {
  readonly headers: Record<string, string>
} {
  const text = JSON.stringify({ kind: 'Status', status: 'Failure', code, reason, message: 'as chance would have it' })
  return {
    status: code,
    text,
    headers: retryAfterSeconds === undefined ? {} : { 'retry-after': `${retryAfterSeconds}` },
  }
}
