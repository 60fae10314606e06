import { EventBus } from '@metallb-ts/event-bus'
import { REAL_CLOCK, realRandom } from '@metallb-ts/runtime/node'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  createInformer,
  ENDPOINT_SLICES,
  OLDER_ENDPOINTS,
  type Informer,
  type KubeEvents,
  type SliceObject,
} from '../src/index.ts'
import { httpTransport } from '../src/node/index.ts'
import { ObjectStore, startFakeApiServer, type FakeApiServer } from '../src/testing/index.ts'
import { Asked, settled } from './scripted-server.ts'

const V1 = '/apis/discovery.k8s.io/v1'
const BETA = '/apis/discovery.k8s.io/v1beta1'
const CORE = '/api/v1'

const ENDPOINTS = {
  metadata: { name: 'web', namespace: 'default', uid: 'u-web', resourceVersion: '30' },
  subsets: [
    {
      addresses: [{ ip: '10.0.0.1', nodeName: 'n1' }, { ip: '2001:db8::1' }],
      notReadyAddresses: [{ ip: '10.0.0.3', nodeName: 'n2' }],
      ports: [{ port: 80 }],
    },
  ],
}
const BETA_SLICE = {
  metadata: { name: 'web-x', namespace: 'default', uid: 'u-x', resourceVersion: '3' },
  endpoints: [{ addresses: ['10.0.0.1'], topology: { 'kubernetes.io/hostname': 'n1' }, conditions: { ready: true } }],
}
const SLICE = {
  metadata: { name: 'web-y', namespace: 'default', uid: 'u-y', resourceVersion: '3' },
  endpoints: [{ addresses: ['10.0.0.1'], nodeName: 'n1', conditions: { ready: true } }],
}

/** A server that names in its discovery, and serves, what a test says. */
class OldServer {
  readonly clock: SimClock = new SimClock()
  readonly informer: Informer<SliceObject>
  readonly told: string[] = []
  /** Objects by the path of their group and version: what is not a key here is not served. */
  objects: Record<string, readonly unknown[]> = { [CORE]: [ENDPOINTS] }
  revision = 100
  /** The status of every answer about what is served. */
  discoveryStatus = 200
  readonly #asked: Asked[] = []
  #answered = 0

  constructor() {
    const events = new EventBus<KubeEvents>({ now: () => this.clock.now(), onHandlerError: console.error })
    events.subscribe('kube:changed', ({ detail: { change, key } }) => void this.told.push(`${change} ${key}`))
    events.subscribe('kube:watch-lost', ({ detail: { reason } }) => void this.told.push(`lost: ${reason}`))
    const transport = {
      close: () => Promise.resolve(),
      request: (request: ConstructorParameters<typeof Asked>[0]) =>
        new Promise<never>(
          (resolve, reject) =>
            void this.#asked.push(new Asked(request, this.clock.now(), resolve as () => void, reject)),
        ),
    }
    const seams = { transport, events, clock: this.clock, random: new SimRandom(1) }
    const init = { resource: ENDPOINT_SLICES, older: OLDER_ENDPOINTS, initial: 'pages' } as const
    this.informer = createInformer<SliceObject>(seams, init)
  }

  /** What was asked for so far, in short. */
  get requests(): readonly string[] {
    return this.#asked.map(({ isWatch, request }) => `${isWatch ? 'watch ' : ''}${request.path}`)
  }

  /** Answers until there is nothing left to answer. */
  async answer(): Promise<void> {
    for (let i = 0; i < 10; i++) {
      await settled()
      while (this.#answered < this.#asked.length) await this.#answerTo(this.#asked[this.#answered++]!)
    }
  }

  /** The server ends the watch, as after some minutes. */
  async endWatch(): Promise<void> {
    this.clock.advance(5_000)
    await this.#asked.at(-1)!.end()
    await this.answer()
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms)
    await this.answer()
  }

  async #answerTo(asked: Asked): Promise<void> {
    const { path } = asked.request
    const [, root = '', plural] = /^(\/apis\/[^/]+\/[^/]+|\/api\/v1)(?:\/(.*))?$/.exec(path) ?? []
    const objects = this.objects[root]
    if (plural === undefined && this.discoveryStatus !== 200) return asked.status(this.discoveryStatus)
    if (objects === undefined) return asked.status(404, 'NotFound')
    const name = root === CORE ? 'endpoints' : 'endpointslices'
    if (plural === undefined) return asked.answer(200, { resources: [{ name: 'others' }, { name }] })
    if (plural !== name) return asked.status(404, 'NotFound')
    return asked.isWatch ? asked.events() : asked.list(objects as never, this.revision)
  }
}

describe('which resource tells of endpoints is what discovery says', () => {
  let server: OldServer
  beforeEach(() => {
    server = new OldServer()
  })
  afterEach(() => server.informer.stop())

  async function started(): Promise<readonly SliceObject[]> {
    server.informer.start()
    await server.answer()
    return server.informer.list()
  }

  it('EndpointSlice v1, wherever it is named: nothing else is asked about, and it is asked once', async () => {
    server.objects = { [V1]: [SLICE], [BETA]: [BETA_SLICE], [CORE]: [ENDPOINTS] }
    expect(await started()).toEqual([SLICE])
    for (let i = 0; i < 3; i++) await server.endWatch()
    const path = `${V1}/endpointslices`
    expect(server.requests).toEqual([V1, path, ...Array<string>(4).fill(`watch ${path}`)])
  })

  it('v1beta1, where v1 is not: the node is a label of topology', async () => {
    server.objects = { [BETA]: [BETA_SLICE], [CORE]: [ENDPOINTS] }
    expect(await started()).toMatchObject([
      { endpoints: [{ addresses: ['10.0.0.1'], nodeName: 'n1', conditions: { ready: true } }] },
    ])
    expect(server.requests).toEqual([V1, BETA, `${BETA}/endpointslices`, V1, BETA, `watch ${BETA}/endpointslices`])
  })

  it('Endpoints, where there are no slices: each becomes the slice of its Service', async () => {
    expect(await started()).toEqual([
      {
        metadata: { ...ENDPOINTS.metadata, labels: { 'kubernetes.io/service-name': 'web' } },
        endpoints: [
          { addresses: ['10.0.0.1'], nodeName: 'n1', conditions: { ready: true, serving: true } },
          { addresses: ['2001:db8::1'], conditions: { ready: true, serving: true } },
          { addresses: ['10.0.0.3'], nodeName: 'n2', conditions: { ready: false, serving: false } },
        ],
      },
    ])
  })

  it('the server is upgraded: slices take the place of Endpoints with the next watch, however old their versions', async () => {
    await started()
    server.objects = { [V1]: [SLICE], [CORE]: [ENDPOINTS] }
    server.revision = 5
    await server.endWatch()
    expect(server.informer.list()).toEqual([SLICE])
    expect(server.told).toEqual(['applied default/web', 'deleted default/web', 'applied default/web-y'])
    expect(server.informer.revision).toBe('5')
  })

  it('the version that is read is served no longer: begun anew, at once, in the other', async () => {
    server.objects = { [BETA]: [BETA_SLICE] }
    await started()
    server.objects = { [V1]: [SLICE] }
    await server.endWatch()
    expect(server.informer.list()).toEqual([SLICE])
    expect(server.told.filter(line => line.startsWith('lost'))).toEqual([])
  })

  it('the server is taken back to an older one: what was the newest is missing, and discovery is asked again', async () => {
    server.objects = { [V1]: [SLICE] }
    await started()
    server.objects = { [CORE]: [ENDPOINTS] }
    await server.endWatch()
    expect(server.informer.list()).toHaveLength(1)
    expect(server.informer.get('default/web')).toBeDefined()
    expect(server.told.filter(line => line.startsWith('lost'))).toEqual([])
  })

  it('nothing of it is served: waited for, and said', async () => {
    server.objects = {}
    await started()
    expect(server.informer.trouble).toMatch(
      /^not-found: none is served of endpointslices of discovery.k8s.io\/v1, endpointslices of .*v1beta1, endpoints of v1$/,
    )
    server.objects = { [V1]: [SLICE] }
    await server.pass(60_000)
    expect(server.informer.list()).toEqual([SLICE])
    await server.pass(2_000)
    expect(server.informer.trouble).toBeUndefined()
  })

  it('discovery fails: nothing is guessed, and it is asked again', async () => {
    server.discoveryStatus = 503
    await started()
    expect(server.informer.isSynced).toBe(false)
    expect(server.requests.every(path => path === V1)).toBe(true)
    server.discoveryStatus = 200
    await server.pass(60_000)
    expect(server.informer.size).toBe(1)
  })

  it('who may not read discovery finds by trying', async () => {
    server.discoveryStatus = 403
    await started()
    for (let i = 0; i < 10 && !server.informer.isSynced; i++) await server.pass(10_000)
    expect(server.informer.size).toBe(1)
    expect(server.requests).toContain(`${V1}/endpointslices`)
    expect(server.requests).toContain(`watch ${CORE}/endpoints`)
  })
})

describe('endpoints of a fake server of an old release', () => {
  let server: FakeApiServer
  let informer: Informer<readonly string[]>
  const transports: ReturnType<typeof httpTransport>[] = []

  afterEach(async () => {
    informer.stop()
    for (const transport of transports.splice(0)) await transport.close()
    await server.stop()
  })

  function read(): void {
    const transport = httpTransport({ server: server.url })
    transports.push(transport)
    const events = new EventBus<KubeEvents>({ now: () => 0, onHandlerError: console.error })
    const seams = { transport, clock: REAL_CLOCK, random: realRandom(), events }
    informer = createInformer<SliceObject, readonly string[]>(seams, {
      resource: ENDPOINT_SLICES,
      older: OLDER_ENDPOINTS,
      project: ({ metadata, endpoints }) => [metadata.name, ...(endpoints ?? []).map(({ nodeName = '' }) => nodeName)],
    })
    informer.start()
  }

  function filled(): ObjectStore {
    const store = new ObjectStore()
    store.create('endpoints', 'default/web', structuredClone(ENDPOINTS) as never)
    store.create('endpointslices.discovery.k8s.io', 'default/web-y', structuredClone(SLICE) as never)
    return store
  }

  const shows = (...expected: readonly (readonly string[])[]): Promise<unknown> =>
    vi.waitFor(() => expect(informer.list()).toEqual(expected), 10_000)

  it.each([
    [16, 'Endpoints', ['web', 'n1', '', 'n2']],
    [17, 'EndpointSlice v1beta1', ['web-y', 'n1']],
    [21, 'EndpointSlice v1', ['web-y', 'n1']],
    [36, 'EndpointSlice v1', ['web-y', 'n1']],
  ] as const)('1.%i: %s', async (release, _kind, expected) => {
    server = await startFakeApiServer({ release, store: filled() })
    read()
    await shows(expected)
    const paths = server.requests.filter(request => /endpoint/.test(request))
    const path = release < 17 ? '/api/v1/endpoints' : `${release < 21 ? BETA : V1}/endpointslices`
    expect(paths.every(request => request === `GET ${path}`)).toBe(true)
  })

  it('1.16 becomes 1.18, and 1.22, on the same address: the store follows', async () => {
    const store = filled()
    server = await startFakeApiServer({ release: 16, store })
    const port = Number(new URL(server.url).port)
    read()
    await shows(['web', 'n1', '', 'n2'])
    for (const release of [18, 22]) {
      await server.stop()
      server = await startFakeApiServer({ release, store, port })
      await shows(['web-y', 'n1'])
      const path = `GET ${release === 18 ? BETA : V1}/endpointslices`
      await vi.waitFor(() => expect(server.requests).toContain(path), 10_000)
    }
  })
})
