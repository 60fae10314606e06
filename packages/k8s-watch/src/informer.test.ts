import { EventBus } from '@metallb-ts/event-bus'
import { REAL_CLOCK, realRandom } from '@metallb-ts/runtime/node'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  createClient,
  createInformer,
  CONFIG_MAPS,
  type Informer,
  type KubeClient,
  type KubeEvents,
  type KubeObject,
} from './index.ts'
import { httpTransport } from './node/index.ts'
import { startFakeApiServer, type FakeApiServer } from './testing/index.ts'

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>
}

let server: FakeApiServer
let client: KubeClient
let informer: Informer<ConfigMap>
let told: string[]

beforeEach(async () => {
  server = await startFakeApiServer({ bookmarkMs: 20 })
  const transport = httpTransport({ server: server.url })
  client = createClient(transport)
  told = []
  const events = new EventBus<KubeEvents>({
    now: () => 0,
    onHandlerError: error => {
      throw error
    },
  })
  events.subscribe('kube:changed', ({ detail }) => void told.push(`${detail.change} ${detail.key}`))
  informer = createInformer<ConfigMap>(
    { transport, clock: REAL_CLOCK, random: realRandom(), events },
    { resource: CONFIG_MAPS, idleMs: 300, initial: 'pages' },
  )
})

afterEach(async () => {
  informer.stop()
  await client.transport.close()
  await server.stop()
})

const put = (name: string, value: string): Promise<ConfigMap> =>
  client.create<ConfigMap>(CONFIG_MAPS, { metadata: { name, namespace: 'default' }, data: { value } } as never)

const holds = (assertion: () => void): Promise<void> => vi.waitFor(assertion, { timeout: 10_000, interval: 5 })

const values = (): Record<string, string | undefined> =>
  Object.fromEntries(informer.list().map(({ metadata, data }) => [metadata.name, data?.['value']]))

async function synced(): Promise<void> {
  informer.start()
  await holds(() => expect(informer.isSynced).toBe(true))
}

describe('informer', () => {
  test('the set that is there, then every change', async () => {
    await put('a', '1')
    await synced()
    expect(values()).toEqual({ a: '1' })
    const b = await put('b', '2')
    await holds(() => expect(values()).toEqual({ a: '1', b: '2' }))
    await client.replace(CONFIG_MAPS, { ...b, data: { value: '3' } } as ConfigMap)
    await holds(() => expect(values()).toEqual({ a: '1', b: '3' }))
    await client.remove(CONFIG_MAPS, 'default/a')
    await holds(() => expect(values()).toEqual({ b: '3' }))
    expect(told).toEqual(['applied default/a', 'applied default/b', 'applied default/b', 'deleted default/a'])
  })

  test('[K-14] an empty list is a whole set', async () => {
    await synced()
    expect(informer.size).toBe(0)
  })

  test('[K-03] a list that fails is asked for again', async () => {
    await put('a', '1')
    server.faults.add({ method: 'GET', times: 2, effect: { type: 'status', code: 503 } })
    await synced()
    expect(values()).toEqual({ a: '1' })
  })

  test('[K-22] a watch that the server ends goes on from the last revision, without a list', async () => {
    await put('a', '1')
    await synced()
    const lists = (): number => server.requests.filter(request => request === 'GET /api/v1/configmaps').length
    await holds(() => expect(lists()).toBe(2))
    server.cutWatches()
    await put('b', '2')
    await holds(() => expect(values()).toEqual({ a: '1', b: '2' }))
    expect(informer.trouble).toBeUndefined()
  })

  test('[K-26] after 410 everything is listed, and what went meanwhile is told as deleted', async () => {
    await put('a', '1')
    await synced()
    server.faults.add({ watch: true, times: 1, effect: { type: 'status', code: 410, reason: 'Expired' } })
    server.cutWatches()
    await client.remove(CONFIG_MAPS, 'default/a')
    await put('c', '3')
    server.core.store.compact()
    await holds(() => expect(values()).toEqual({ c: '3' }))
    expect(told).toContain('deleted default/a')
  })

  test('[K-33] deleted and made again under one name is both told', async () => {
    await put('a', '1')
    await synced()
    server.faults.add({ watch: true, times: 2, effect: { type: 'status', code: 503 } })
    server.cutWatches()
    await client.remove(CONFIG_MAPS, 'default/a')
    await put('a', '2')
    server.core.store.compact()
    await holds(() => expect(values()).toEqual({ a: '2' }))
    expect(told).toEqual(['applied default/a', 'deleted default/a', 'applied default/a'])
  })

  test('[K-36] silence without an end is noticed, and a new watch begun', async () => {
    await synced()
    server.faults.add({ watch: true, times: 1, effect: { type: 'silence' } })
    server.cutWatches()
    await put('a', '1')
    await holds(() => expect(values()).toEqual({ a: '1' }))
  })

  test('[K-08] what is forbidden is said, and works once it is allowed', async () => {
    server.faults.add({ path: 'configmaps', times: 1, effect: { type: 'status', code: 403, reason: 'Forbidden' } })
    informer.start()
    await holds(() => expect(informer.trouble).toContain('forbidden'))
    await holds(() => expect(informer.isSynced).toBe(true))
  })

  test('[K-47] nothing is told after stop', async () => {
    await synced()
    informer.stop()
    await put('a', '1')
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(told).toEqual([])
  })
})

describe('writes', () => {
  test('[K-57] a write on an old version is a conflict', async () => {
    const a = await put('a', '1')
    await client.replace(CONFIG_MAPS, { ...a, data: { value: '2' } } as ConfigMap)
    await expect(client.replace(CONFIG_MAPS, { ...a, data: { value: '3' } } as ConfigMap)).rejects.toMatchObject({
      problem: { code: 'conflict', status: 409 },
    })
  })

  test('[K-60] to remove what is gone is done', async () => {
    await expect(client.remove(CONFIG_MAPS, 'default/none')).resolves.toBeUndefined()
  })

  test('[K-61] fields that nobody here knows survive a PUT', async () => {
    const a = await client.create<ConfigMap>(CONFIG_MAPS, {
      metadata: { name: 'a', namespace: 'default' },
      futureField: { x: 1 },
    } as never)
    await client.replace(CONFIG_MAPS, { ...a, data: { value: '2' } } as ConfigMap)
    expect(await client.get(CONFIG_MAPS, 'default/a')).toMatchObject({ futureField: { x: 1 }, data: { value: '2' } })
  })

  test('[K-62] a thousand writes keep to sixteen at once', async () => {
    let under = 0
    let most = 0
    const counting = createClient({
      ...client.transport,
      request: async request => {
        most = Math.max(most, ++under)
        try {
          return await client.transport.request(request)
        } finally {
          under--
        }
      },
    })
    await Promise.all(
      Array.from({ length: 1_000 }, (_, i) =>
        counting.create(CONFIG_MAPS, { metadata: { name: `n${i}`, namespace: 'default' } }),
      ),
    )
    expect(most).toBe(16)
    expect((await client.list(CONFIG_MAPS)).items).toHaveLength(1_000)
  })
})
