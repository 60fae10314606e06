import { SimClock } from '@metallb-ts/runtime/testing'
import { afterEach, describe, expect, it } from 'vitest'
import {
  createClient,
  createRecorder,
  EVENTS,
  isSameJson,
  SERVICES,
  writeStatus,
  type EventRecorder,
  type KubeClient,
  type KubeObject,
  type Resource,
} from '../src/index.ts'
import { httpTransport } from '../src/node/index.ts'
import { startFakeApiServer, type FakeApiServer } from '../src/testing/index.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function scene(): Promise<{ readonly server: FakeApiServer; readonly client: KubeClient }> {
  const server = await startFakeApiServer()
  const client = createClient(httpTransport({ server: server.url }))
  cleanups.push(
    () => server.stop(),
    () => client.transport.close(),
  )
  return { server, client }
}

/** Everything that was recorded is written. */
async function flushed(recorder: EventRecorder, clock: SimClock): Promise<void> {
  let isDone = false
  void recorder.flush(Infinity).then(() => (isDone = true))
  while (!isDone) {
    await new Promise(resolve => setImmediate(resolve))
    clock.advance(1)
  }
}

type WithStatus = KubeObject & { readonly status?: { readonly loadBalancer?: object } }
const SERVICE = { metadata: { name: 'web', namespace: 'default' }, spec: { ports: [{ port: 80 }] } }
const given = (ip: string): object => ({ loadBalancer: { ingress: [{ ip, ipMode: 'VIP' }] } })

describe('a status', () => {
  it('[K-59] that is so already is not written', async () => {
    const { client, server } = await scene()
    await client.create(SERVICES, SERVICE)
    const write = { resource: SERVICES, key: 'default/web', decide: () => given('192.0.2.1') }
    const first = await writeStatus<WithStatus, object>(client, write)
    expect(first).toMatchObject({ outcome: 'written', object: { status: given('192.0.2.1') } })
    const before = server.requests.length
    expect((await writeStatus<WithStatus, object>(client, write)).outcome).toBe('equal')
    const known = await client.get<WithStatus>(SERVICES, 'default/web')
    expect((await writeStatus<WithStatus, object>(client, { ...write, known })).outcome).toBe('equal')
    expect(server.requests.slice(before)).toEqual(Array(2).fill('GET /api/v1/namespaces/default/services/web'))
  })

  it('[K-57] after a conflict is decided again, from what is there now', async () => {
    const { client } = await scene()
    const stale = await client.create<WithStatus>(SERVICES, SERVICE)
    await client.patch(SERVICES, 'default/web', { metadata: { labels: { tier: 'gold' } } }, { type: 'merge' })
    const seen: unknown[] = []
    const decide = ({ metadata }: WithStatus): object => {
      seen.push(metadata.labels?.['tier'])
      return given(metadata.labels?.['tier'] === 'gold' ? '192.0.2.7' : '192.0.2.1')
    }
    const written = await writeStatus(client, { resource: SERVICES, key: 'default/web', known: stale, decide })
    expect(seen).toEqual([undefined, 'gold'])
    expect(written).toMatchObject({ object: { status: given('192.0.2.7'), metadata: { labels: { tier: 'gold' } } } })
  })

  it('[K-60] of an object that went away meanwhile is nobody’s failure', async () => {
    const { client } = await scene()
    const known = await client.create<WithStatus>(SERVICES, SERVICE)
    await client.remove(SERVICES, 'default/web')
    const write = { resource: SERVICES, key: 'default/web', decide: () => given('192.0.2.1') }
    expect((await writeStatus<WithStatus, object>(client, { ...write, known })).outcome).toBe('gone')
    expect((await writeStatus<WithStatus, object>(client, write)).outcome).toBe('gone')
  })

  it('[K-57] is given up when every try meets a conflict', async () => {
    const { client, server } = await scene()
    await client.create(SERVICES, SERVICE)
    const conflict = { type: 'status', code: 409, reason: 'Conflict' } as const
    server.faults.add({ method: 'PUT', times: 100, effect: conflict })
    const write = { resource: SERVICES, key: 'default/web', decide: () => given('192.0.2.1') }
    await expect(writeStatus<WithStatus, object>(client, write)).rejects.toMatchObject({
      problem: { code: 'conflict' },
    })
    expect(server.requests.filter(request => request.startsWith('PUT'))).toHaveLength(5)
  })

  it('is compared by what it says', () => {
    expect(isSameJson({ a: 1, b: [{ c: null }] }, { b: [{ c: null }], a: 1, d: undefined })).toBe(true)
    for (const [a, b] of [
      [{ a: 1 }, { a: 2 }],
      [[1], [1, 2]],
      [{}, []],
      [{ a: {} }, {}],
      [null, {}],
      [{ a: 0 }, { a: '0' }],
    ])
      expect([isSameJson(a, b), isSameJson(b, a)]).toEqual([false, false])
  })
})

describe.each([
  ['core', EVENTS],
  ['events.k8s.io', { ...EVENTS, group: 'events.k8s.io' }],
] as const)('Events in %s', (api, resource: Resource) => {
  interface Written extends KubeObject {
    readonly count?: number
    readonly series?: { readonly count: number }
    readonly message?: string
    readonly note?: string
    readonly reason: string
  }
  const subject = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'default', uid: 'u' } }

  async function recorded(say: (record: (message: string) => void, clock: SimClock) => void): Promise<{
    readonly said: readonly (readonly [text: string | undefined, count: number])[]
    readonly dropped: number
  }> {
    const { client } = await scene()
    const clock = new SimClock()
    const recorder = createRecorder({ client, clock }, { component: 'test', host: 'here', api })
    say(message => recorder.record(subject, { type: 'Warning', reason: 'Failed', message }), clock)
    await flushed(recorder, clock)
    const { items } = await client.list<Written>(resource)
    const said = items.map(
      ({ message, note, count, series }) => [message ?? note, series?.count ?? count ?? 1] as const,
    )
    return { said: said.sort(([, a], [, b]) => a - b), dropped: recorder.dropped }
  }

  it('[K-70] the same again is counted', async () => {
    const { said } = await recorded(record => {
      for (let i = 0; i < 30; i++) record('no address')
    })
    expect(said).toEqual([['no address', 30]])
  })

  it('[K-70] more than ten that differ in words only become one', async () => {
    const { said } = await recorded(record => {
      for (let i = 1; i <= 15; i++) record(`try ${i}`)
    })
    expect(
      said
        .slice(0, 10)
        .map(([text]) => text)
        .sort(),
    ).toEqual(Array.from({ length: 10 }, (_, i) => `try ${i + 1}`).sort())
    expect(said).toHaveLength(11)
    expect(said.at(-1)![0]).toMatch(/^\(combined from similar events\): try 1[15]$/)
    expect(said.at(-1)![1]).toBe(5)
  })
})

describe('Events', () => {
  it('[K-70] of one object are few: a burst, and then one in five minutes', async () => {
    const { client } = await scene()
    const clock = new SimClock()
    const recorder = createRecorder({ client, clock }, { component: 'test', host: 'here' })
    const subject = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'default', uid: 'u' } }
    const say = async (reason: string): Promise<void> => {
      recorder.record(subject, { type: 'Normal', reason, message: 'm' })
      await flushed(recorder, clock)
    }
    for (let i = 0; i < 30; i++) await say(`reason-${i}`)
    expect((await client.list(EVENTS)).items).toHaveLength(25)
    expect(recorder.dropped).toBe(5)
    clock.advance(300_000)
    await say('later')
    expect((await client.list(EVENTS)).items).toHaveLength(26)
  })
})
