import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EventBus } from '@metallb-ts/event-bus'
import { REAL_CLOCK, realRandom } from '@metallb-ts/runtime/node'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  CONFIG_MAPS,
  createClient,
  createInformer,
  ENDPOINT_SLICES,
  LEASES,
  SECRETS,
  type Informer,
  type KubeClient,
  type KubeEvents,
  type KubeObject,
} from '../src/index.ts'
import { httpTransport, type HttpTransportInit } from '../src/node/index.ts'
import { issueCertificate } from '../src/node/webhook/index.ts'
import { startFakeApiServer, type FakeApiServer, type FakeApiServerInit } from '../src/testing/index.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function started(init: FakeApiServerInit = {}): Promise<FakeApiServer> {
  const server = await startFakeApiServer(init)
  cleanups.push(() => server.stop())
  return server
}

function clientOf({ url: server }: FakeApiServer, init: Partial<HttpTransportInit> = {}): KubeClient {
  const client = createClient(httpTransport({ server, ...init }))
  cleanups.push(() => client.transport.close())
  return client
}

const object = (name: string): KubeObject => ({ metadata: { name, namespace: 'default' } })

describe('the fake API server', () => {
  it('lets users do what their rules allow, and says what they lack', async () => {
    const server = await started({
      users: [
        {
          token: 'reader',
          name: 'rita',
          rules: [
            { verbs: ['get', 'list'], apiGroups: [''], resources: ['configmaps'] },
            { verbs: ['create'], apiGroups: ['coordination.k8s.io'], resources: ['leases'], namespaces: ['default'] },
            { verbs: ['update'], apiGroups: [''], resources: ['configmaps'], resourceNames: ['mine'] },
          ],
        },
        { token: 'root', name: 'root', rules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }] },
      ],
    })
    const as = (token: string): KubeClient => clientOf(server, { authorization: () => `Bearer ${token}` })
    const [rita, root, nobody] = [as('reader'), as('root'), clientOf(server)]
    for (const name of ['mine', 'other']) await root.create(CONFIG_MAPS, object(name))
    expect((await rita.list(CONFIG_MAPS)).items).toHaveLength(2)
    await rita.replace(CONFIG_MAPS, await rita.get(CONFIG_MAPS, 'default/mine'))
    await rita.create(LEASES, object('a'))
    const problem = (code: string, message: RegExp): object => ({
      problem: { code, message: expect.stringMatching(message) as string },
    })
    await expect(rita.create(CONFIG_MAPS, object('a'))).rejects.toMatchObject(
      problem(
        'forbidden',
        /^configmaps is forbidden: User "rita" cannot create resource "configmaps" in API group "" in the namespace "default"$/,
      ),
    )
    await expect(rita.replace(CONFIG_MAPS, object('other'))).rejects.toMatchObject(
      problem('forbidden', /configmaps "other"/),
    )
    const elsewhere = { metadata: { name: 'a', namespace: 'elsewhere' } }
    await expect(rita.create(LEASES, elsewhere)).rejects.toMatchObject(
      problem('forbidden', /leases.coordination.k8s.io is forbidden.*in the namespace "elsewhere"/),
    )
    await expect(nobody.list(CONFIG_MAPS)).rejects.toMatchObject(problem('unauthorized', /Unauthorized/))
  })

  it('[K-08] a right to one name is enough to follow that one object', async () => {
    const rule = { verbs: ['get', 'list', 'watch'], apiGroups: [''], resources: ['secrets'], resourceNames: ['mine'] }
    const server = await started({ users: [{ token: 't', name: 'one', rules: [rule] }] })
    for (const name of ['mine', 'theirs'])
      server.core.store.create('secrets', `default/${name}`, { metadata: { name, namespace: 'default' } })
    const { transport } = clientOf(server, { authorization: () => 'Bearer t' })
    const events = new EventBus<KubeEvents>({ now: () => REAL_CLOCK.now(), onHandlerError: console.error })
    const seams = { transport, events, clock: REAL_CLOCK, random: realRandom() }
    const of = (name?: string): Informer<KubeObject> => {
      const informer = createInformer(seams, { resource: SECRETS, namespace: 'default', ...(name && { name }) })
      cleanups.push(() => informer.stop())
      informer.start()
      return informer
    }
    const [mine, theirs, all] = [of('mine'), of('theirs'), of()]
    await vi.waitFor(() => {
      expect(mine.size).toBe(1)
      expect(theirs.trouble).toMatch(/^forbidden/)
      expect(all.trouble).toMatch(/^forbidden/)
    }, 20_000)
  })

  it('[K-38] asks a client to take another connection, and ends what it began on the old one', async () => {
    const HOUR = 3_600_000
    const tls = await issueCertificate({ commonName: 'a', notBefore: Date.now() - HOUR, notAfter: Date.now() + HOUR })
    const server = await started({ tls })
    const client = clientOf(server, { insecure: true })
    const watch = await client.transport.request({ method: 'GET', path: '/api/v1/configmaps', query: { watch: '1' } })
    const lines = watch.lines()[Symbol.asyncIterator]()
    server.faults.add({ method: 'GET', watch: false, effect: { type: 'goaway' } })
    expect((await client.list(CONFIG_MAPS)).items).toHaveLength(0)
    await client.create(CONFIG_MAPS, object('a'))
    expect(JSON.parse((await lines.next()).value![0]!)).toMatchObject({ type: 'ADDED' })
    expect(server.connections).toBe(2)
  })

  it('asks admission before every write', async () => {
    const server = await started()
    const client = clientOf(server)
    const seen: string[] = []
    server.core.admission.push(({ operation, target, object, oldObject }) => {
      seen.push(`${operation} ${target.kind.plural} ${(object ?? oldObject)!.metadata.name}`)
      return operation === 'DELETE' ? 'admission webhook "stay" denied the request: it stays' : undefined
    })
    await client.create(CONFIG_MAPS, object('a'))
    await client.patch(CONFIG_MAPS, 'default/a', { data: { x: '1' } }, { type: 'merge' })
    await expect(client.remove(CONFIG_MAPS, 'default/a')).rejects.toMatchObject({
      problem: { code: 'forbidden', message: 'admission webhook "stay" denied the request: it stays' },
    })
    expect(seen).toEqual(['CREATE configmaps a', 'UPDATE configmaps a', 'DELETE configmaps a'])
  })

  it('keeps what was written in a folder, and its versions never go back', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'objects-'))
    cleanups.push(() => rmSync(folder, { recursive: true }))
    const first = await started({ folder })
    const client = clientOf(first)
    for (const name of ['a', 'b', 'c']) await client.create(CONFIG_MAPS, object(name))
    await client.remove(CONFIG_MAPS, 'default/b')
    await client.patch(CONFIG_MAPS, 'default/a', { data: { x: '1' } }, { type: 'merge' })
    await client.remove(CONFIG_MAPS, 'default/c')
    const before = await client.list<KubeObject>(CONFIG_MAPS)
    await first.stop()
    for (let restart = 0; restart < 2; restart++) {
      const again = await started({ folder })
      expect(await clientOf(again).list<KubeObject>(CONFIG_MAPS)).toEqual(before)
      await again.stop()
    }
  })

  it('speaks HTTPS and HTTP/2, over one connection', async () => {
    const HOUR = 3_600_000
    const times = { notBefore: Date.now() - HOUR, notAfter: Date.now() + HOUR }
    const ca = await issueCertificate({ commonName: 'ca', ...times })
    const server = await started({
      tls: await issueCertificate({ commonName: 'api', issuer: ca, names: ['127.0.0.1'], ...times }),
    })
    const client = clientOf(server, { tls: { ca: ca.cert } })
    await Promise.all(['a', 'b', 'c', 'd'].map(name => client.create(CONFIG_MAPS, object(name))))
    expect((await client.list(CONFIG_MAPS)).items).toHaveLength(4)
    expect(server.connections).toBe(1)
  })

  it.each([
    [21, 200],
    [20, 404],
    [9, 404],
  ])('of Kubernetes 1.%i answers EndpointSlices of v1 with %i', async (release, status) => {
    const { transport } = clientOf(await started({ release }))
    const response = await transport.request({ method: 'GET', path: '/apis/discovery.k8s.io/v1/endpointslices' })
    expect(response.status).toBe(status)
    if (release !== 20) return
    const beta = { ...ENDPOINT_SLICES, version: 'v1beta1' }
    expect((await createClient(transport).list(beta)).items).toEqual([])
  })

  it('shows a list as it was, when it is told to lag behind', async () => {
    const server = await started()
    const client = clientOf(server)
    for (const name of ['a', 'b']) await client.create(CONFIG_MAPS, object(name))
    server.faults.add({ path: '/configmaps', effect: { type: 'stale', revisions: 1 } })
    expect((await client.list(CONFIG_MAPS)).items).toHaveLength(1)
    expect((await client.list(CONFIG_MAPS)).items).toHaveLength(2)
  })

  it('cuts a watch in the middle of a line, and falls silent', async () => {
    const server = await started()
    const client = clientOf(server)
    await client.create(CONFIG_MAPS, object('a'))
    await client.create(CONFIG_MAPS, object('b'))
    server.faults.add({ watch: true, effect: { type: 'cut-line', after: 1 } })
    const path = '/api/v1/configmaps'
    const lines: string[] = []
    const watch = await client.transport.request({ method: 'GET', path, query: { watch: '1' } })
    await expect(
      (async () => {
        for await (const some of watch.lines()) lines.push(...some)
      })(),
    ).rejects.toThrow()
    expect(lines).toHaveLength(1)
    server.setSilent(true)
    await expect(client.transport.request({ method: 'GET', path, idleMs: 300 })).rejects.toThrow()
    server.setSilent(false)
    expect((await client.list(CONFIG_MAPS)).items).toHaveLength(2)
  })
})
