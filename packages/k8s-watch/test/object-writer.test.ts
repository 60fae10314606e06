import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CONFIG_MAPS, createClient, createOnce, writeObject, type KubeClient, type KubeObject } from '../src/index.ts'
import { httpTransport } from '../src/node/index.ts'
import { startFakeApiServer, type FakeApiServer } from '../src/testing/index.ts'
import { Asked, settled } from './scripted-server.ts'

describe('the client, told to wait', () => {
  const clock = new SimClock()
  let asked: Asked[]
  let client: KubeClient

  beforeEach(() => {
    asked = []
    const transport: KubeClient['transport'] = {
      close: () => Promise.resolve(),
      request: request =>
        new Promise((resolve, reject) => void asked.push(new Asked(request, clock.now(), resolve, reject))),
    }
    client = createClient(transport, { clock, writesInFlight: 4 })
  })

  const make = (i: number): Promise<unknown> =>
    client.create(CONFIG_MAPS, { metadata: { name: `n${i}`, namespace: 'default' } })
  const refuse = ({ answer }: { answer: Asked['answer'] }, seconds: number): Promise<void> =>
    answer(429, { reason: 'TooManyRequests' }, { 'retry-after': String(seconds) })

  it('[K-62] 429 with Retry-After: no write is sent earlier, of those that wait either, and each is done once', async () => {
    const began = clock.now()
    const writes = Promise.all([0, 1, 2, 3, 4, 5].map(make))
    await settled()
    expect(asked).toHaveLength(4)
    for (const write of asked.slice()) await refuse({ answer: write.answer.bind(write) }, 3)
    clock.advance(2_900)
    await settled()
    expect(asked).toHaveLength(4)
    for (let answered = 4; answered < 10; answered++) {
      clock.advance(answered === 4 ? 100 : 0)
      await settled()
      expect(asked[answered]!.at - began).toBe(3_000)
      await asked[answered]!.answer(201, { metadata: { name: 'made' } })
    }
    await writes
    expect(asked).toHaveLength(10)
  })

  it('[K-62] a server that never has time is not asked for ever', async () => {
    const write = make(0).catch((error: unknown) => error)
    for (let i = 0; i < 10; i++) {
      await settled()
      const last = asked.at(-1)!
      await refuse({ answer: last.answer.bind(last) }, 1)
      clock.advance(1_000)
    }
    expect(await write).toMatchObject({ problem: { code: 'too-many-requests', retryAfterMs: 1_000 } })
    expect(asked).toHaveLength(10)
  })

  it('a server that asks for a year is not believed', async () => {
    const patient = createClient(client.transport)
    const write = patient.remove(CONFIG_MAPS, 'default/a').catch((error: unknown) => error)
    await settled()
    const last = asked.at(-1)!
    await refuse({ answer: last.answer.bind(last) }, 31_536_000)
    expect(await write).toMatchObject({ problem: { retryAfterMs: 300_000 } })
  })
})

describe('writes that are answered, or not', () => {
  const clock = new SimClock()
  let server: FakeApiServer
  let client: KubeClient

  beforeEach(async () => {
    server = await startFakeApiServer()
    client = createClient(httpTransport({ server: server.url }))
  })

  afterEach(async () => {
    await client.transport.close()
    await server.stop()
  })

  const components = (): Parameters<typeof createOnce>[0] => ({ client, clock, random: new SimRandom(1) })
  const all = async (): Promise<readonly KubeObject[]> => (await client.list<KubeObject>(CONFIG_MAPS)).items

  /** Lets virtual time pass until it is done. */
  async function inTime<T>(work: Promise<T>): Promise<T> {
    let isDone = false
    void work.finally(() => (isDone = true)).catch(() => {})
    while (!isDone) {
      clock.advance(100)
      await new Promise(resolve => setTimeout(resolve, 2))
    }
    return work
  }

  it.each([{ name: 'once' }, { generateName: 'some-' }])(
    '[K-58] %o whose answers are lost is made once',
    async metadata => {
      server.faults.add({ method: 'POST', times: 2, effect: { type: 'lose-answer' } })
      const made = await inTime(
        createOnce(components(), CONFIG_MAPS, { metadata: { ...metadata, namespace: 'default' } }),
      )
      expect((await all()).map(({ metadata: { uid } }) => uid)).toEqual([made.metadata.uid])
      expect(made.metadata.name).toMatch(/^(once|some-[a-z0-9]{5})$/)
    },
  )

  it('[K-58] what somebody else made before is not taken for ours', async () => {
    await client.create(CONFIG_MAPS, { metadata: { name: 'theirs', namespace: 'default' } })
    await expect(
      createOnce(components(), CONFIG_MAPS, { metadata: { name: 'theirs', namespace: 'default' } }),
    ).rejects.toMatchObject({ problem: { code: 'already-exists' } })
  })

  it('[K-58] a create that never gets an answer is given up after three tries', async () => {
    server.faults.add({ method: 'POST', times: 9, effect: { type: 'reset' } })
    const object = { metadata: { name: 'a', namespace: 'default' } }
    await expect(inTime(createOnce(components(), CONFIG_MAPS, object))).rejects.toMatchObject({
      problem: { code: 'unreachable' },
    })
    expect(server.requests).toHaveLength(3)
  })

  it('[K-58] a replace whose answer is lost is found to be done', async () => {
    await client.create(CONFIG_MAPS, { metadata: { name: 'a', namespace: 'default' } })
    server.faults.add({ method: 'PUT', effect: { type: 'lose-answer' } })
    const write = {
      resource: CONFIG_MAPS,
      key: 'default/a',
      known: await client.get<KubeObject>(CONFIG_MAPS, 'default/a'),
      decide: (object: KubeObject) => ({ ...object, data: { n: '1' } }),
    }
    await expect(writeObject(client, write)).rejects.toMatchObject({ problem: { code: 'unreachable' } })
    // Once more from what a store still has: the conflict makes it look, and there is nothing left to do.
    expect(await writeObject(client, write)).toEqual({ outcome: 'equal' })
  })

  it('[K-12] a list whose pages expire is begun anew, and given up when that goes on', async () => {
    await Promise.all(
      Array.from({ length: 120 }, (_, i) =>
        client.create(CONFIG_MAPS, { metadata: { name: `n${i}`, namespace: 'default' } }),
      ),
    )
    server.faults.add({ method: 'GET', effect: { type: 'status', code: 410, reason: 'Expired' } })
    expect(await all()).toHaveLength(120)
    server.faults.add({ method: 'GET', times: 9, effect: { type: 'status', code: 410, reason: 'Expired' } })
    await expect(all()).rejects.toMatchObject({ problem: { code: 'gone' } })
  })
})
