import { EventBus } from '@metallb-ts/event-bus'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import {
  createInformer,
  CONFIG_MAPS,
  type Informer,
  type InformerInit,
  type KubeEvents,
  type KubeObject,
  type KubeRequest,
  type KubeResponse,
  type KubeTransport,
} from '../src/index.ts'

export interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>
}

/** An object as a server would send it. */
export function configMap(
  name: string,
  resourceVersion: number | string,
  { uid = `uid-${name}`, value = '' }: { readonly uid?: string; readonly value?: string } = {},
): ConfigMap {
  return { metadata: { name, namespace: 'default', uid, resourceVersion: String(resourceVersion) }, data: { value } }
}

/** A request that waits for what the test answers. */
export class Asked {
  readonly request: KubeRequest
  readonly at: number
  readonly #resolve: (response: KubeResponse) => void
  readonly #reject: (error: Error) => void
  readonly #lines: (string | Error | null)[] = []
  #wake: () => void = () => {}

  constructor(
    request: KubeRequest,
    at: number,
    resolve: (response: KubeResponse) => void,
    reject: (error: Error) => void,
  ) {
    this.request = request
    this.at = at
    this.#resolve = resolve
    this.#reject = reject
    request.signal?.addEventListener('abort', () => {
      reject(new Error('aborted'))
      this.#push(new Error('aborted'))
    })
  }

  get isWatch(): boolean {
    return this.request.query?.['watch'] === '1'
  }

  get isStreamedList(): boolean {
    return this.request.query?.['sendInitialEvents'] === 'true'
  }

  answer(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    this.#resolve({ status, headers, text: () => Promise.resolve(text), lines: () => this.#read() })
    return settled()
  }

  list(
    items: readonly ConfigMap[],
    resourceVersion: number | string,
    more: { readonly continue?: string } = {},
  ): Promise<void> {
    return this.answer(200, { items, metadata: { resourceVersion: String(resourceVersion), ...more } })
  }

  status(code: number, reason = '', details: object = {}): Promise<void> {
    return this.answer(code, { kind: 'Status', code, reason, message: reason, details })
  }

  fail(message = 'connection refused'): Promise<void> {
    this.#reject(new Error(message))
    return settled()
  }

  /** Opens the stream, when it is not open, and sends events. */
  async events(...events: readonly (readonly [type: string, object: unknown])[]): Promise<void> {
    this.#resolve({ status: 200, headers: {}, text: () => Promise.resolve(''), lines: () => this.#read() })
    for (const [type, object] of events) this.#push(JSON.stringify({ type, object }))
    await settled()
  }

  bookmark(resourceVersion: number, isEndOfInitial = false): Promise<void> {
    const annotations = isEndOfInitial ? { 'k8s.io/initial-events-end': 'true' } : {}
    return this.events(['BOOKMARK', { metadata: { resourceVersion: String(resourceVersion), annotations } }])
  }

  async line(text: string): Promise<void> {
    await this.events()
    this.#push(text)
    await settled()
  }

  /** The server ends the stream; with an error the connection breaks. */
  end(error?: Error): Promise<void> {
    this.#push(error ?? null)
    return settled()
  }

  #push(item: string | Error | null): void {
    this.#lines.push(item)
    this.#wake()
  }

  async *#read(): AsyncGenerator<readonly string[]> {
    for (;;) {
      const next = this.#lines.shift()
      if (next === null) return
      if (next instanceof Error) throw next
      if (next !== undefined) yield [next]
      else await new Promise<void>(resolve => (this.#wake = resolve))
    }
  }
}

/** An informer in virtual time, whose server is the test. */
export class Scene {
  readonly clock: SimClock = new SimClock()
  readonly asked: Asked[] = []
  readonly told: string[] = []
  readonly states: string[] = []
  readonly informer: Informer<ConfigMap>
  readonly transport: KubeTransport

  constructor(init: Partial<InformerInit<ConfigMap, ConfigMap>> = {}, seed = 1) {
    this.transport = {
      close: () => Promise.resolve(),
      request: request =>
        new Promise((resolve, reject) => void this.asked.push(new Asked(request, this.clock.now(), resolve, reject))),
    }
    const events = new EventBus<KubeEvents>({
      now: () => this.clock.now(),
      onHandlerError: error => {
        throw error
      },
    })
    events.subscribe(
      'kube:changed',
      ({ detail }) => void this.told.push(`${detail.change} ${detail.key.replace('default/', '')}`),
    )
    events.subscribe('kube:synced', () => void this.states.push('synced'))
    events.subscribe('kube:object-unreadable', ({ detail }) => void this.states.push(`unreadable ${detail.key}`))
    events.subscribe('kube:watch-lost', () => void this.states.push('lost'))
    events.subscribe('kube:watch-resumed', () => void this.states.push('resumed'))
    const components = { transport: this.transport, clock: this.clock, random: new SimRandom(seed), events }
    this.informer = createInformer<ConfigMap>(components, { resource: CONFIG_MAPS, initial: 'pages', ...init })
  }

  /** The request made last. */
  get last(): Asked {
    return this.asked.at(-1)!
  }

  get names(): readonly string[] {
    return this.informer
      .list()
      .map(({ metadata }) => metadata.name)
      .sort()
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms)
    await settled()
  }

  /** Lets time pass until there is another request. */
  async nextRequest(limitMs = 120_000): Promise<Asked> {
    const before = this.asked.length
    const until = this.clock.now() + limitMs
    while (this.asked.length === before && this.clock.now() < until) await this.advance(50)
    if (this.asked.length === before) throw new Error(`no request within ${limitMs} ms`)
    return this.last
  }

  /** Started, listed, and watching. */
  async watching(items: readonly ConfigMap[] = [], resourceVersion = 10): Promise<Asked> {
    this.informer.start()
    await settled()
    await this.last.list(items, resourceVersion)
    await this.last.events()
    return this.last
  }
}

/** Everything that promises have to do is done. */
export function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
