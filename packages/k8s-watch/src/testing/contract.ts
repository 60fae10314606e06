import assert from 'node:assert/strict'
import { delay } from '@metallb-ts/runtime'
import { REAL_CLOCK } from '@metallb-ts/runtime/node'
import { waitUntilServed } from '../discovery.ts'
import { failureOf, isCode, type KubeFailureCode } from '../failure.ts'
import type { KubeClient } from '../client.ts'
import { collectionPath, CONFIG_MAPS, SERVICES, type KubeObject, type Resource } from '../resource.ts'

/** A server that is asked to prove that it behaves as an API server does. */
export interface ContractSubject {
  readonly client: KubeClient
  /** A namespace of this case alone. */
  readonly namespace: string
  /** Makes the server forget its history. */
  readonly forget: () => Promise<void>
}

export interface ContractCase {
  readonly name: string
  /** Rejects with what was not as it should be. */
  readonly check: (subject: ContractSubject) => Promise<void>
}

/** Where the fake differs from the real one: the case, and why it is left so. Everything else holds for both. */
export const DIFFERENCES: ReadonlyMap<string, string> = new Map([
  [
    'who updates a field owns it: to apply another value meets a conflict',
    'the fake knows owners only of what is applied',
  ],
])

/** What clients may rely on, of a real kube-apiserver and of the fake alike. */
export const CONTRACT: readonly ContractCase[] = [
  {
    name: 'a create gives a uid, a version, a time and a namespace',
    check: async ({ client, namespace }) => {
      const { metadata } = await make(client, namespace, 'a')
      assert.match(metadata.uid!, /^[0-9a-f-]{36}$/)
      assert.match(metadata.resourceVersion!, /^[1-9][0-9]*$/)
      assert.match(metadata.creationTimestamp!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
      assert.equal(metadata.namespace, namespace)
    },
  },
  {
    name: 'a name of the server’s choosing begins as was asked',
    check: async ({ client, namespace }) => {
      const metadata = { generateName: 'some-', namespace }
      const { metadata: made } = await client.create<KubeObject>(CONFIG_MAPS, { metadata })
      assert.match(made.name, /^some-[a-z0-9]{5}$/)
    },
  },
  {
    name: 'a second create of the same name is refused',
    check: async ({ client, namespace }) => {
      await make(client, namespace, 'a')
      await refused('already-exists', make(client, namespace, 'a'))
    },
  },
  {
    name: 'what is not there is not found, whatever is done with it',
    check: async ({ client, namespace }) => {
      const key = `${namespace}/none`
      await refused('not-found', client.get(CONFIG_MAPS, key))
      await refused('not-found', client.patch(CONFIG_MAPS, key, { data: {} }, { type: 'merge' }))
      const object = { metadata: { name: 'none', namespace, uid: '00000000-0000-0000-0000-000000000000' } }
      assert.ok(await isRefused(['not-found', 'conflict'], client.replace(CONFIG_MAPS, object)))
      await client.remove(CONFIG_MAPS, key)
    },
  },
  {
    name: 'a replace with an old version is a conflict, and changes nothing',
    check: async ({ client, namespace }) => {
      const old = await make(client, namespace, 'a', { n: '1' })
      await client.replace(CONFIG_MAPS, { ...old, data: { n: '2' } } as KubeObject)
      await refused('conflict', client.replace(CONFIG_MAPS, { ...old, data: { n: '3' } } as KubeObject))
      assert.deepEqual((await read(client, namespace, 'a')).data, { n: '2' })
    },
  },
  {
    name: 'a replace that changes nothing keeps the version',
    check: async ({ client, namespace }) => {
      const object = await make(client, namespace, 'a', { n: '1' })
      const again = await client.replace<KubeObject>(CONFIG_MAPS, object)
      assert.equal(again.metadata.resourceVersion, object.metadata.resourceVersion)
    },
  },
  {
    name: 'a merge patch sets, leaves and removes; with a version it is conditional',
    check: async ({ client, namespace }) => {
      const { metadata } = await make(client, namespace, 'a', { keep: '1', drop: '2' })
      const patch = { metadata: { resourceVersion: metadata.resourceVersion }, data: { drop: null, add: '3' } }
      await client.patch(CONFIG_MAPS, `${namespace}/a`, patch, { type: 'merge' })
      assert.deepEqual((await read(client, namespace, 'a')).data, { keep: '1', add: '3' })
      await refused('conflict', client.patch(CONFIG_MAPS, `${namespace}/a`, patch, { type: 'merge' }))
    },
  },
  {
    name: 'a JSON patch whose test fails changes nothing',
    check: async ({ client, namespace }) => {
      await make(client, namespace, 'a', { n: '1' })
      const patch = (expected: string): object[] => [
        { op: 'test', path: '/data/n', value: expected },
        { op: 'replace', path: '/data/n', value: '2' },
      ]
      await refused('invalid', client.patch(CONFIG_MAPS, `${namespace}/a`, patch('9'), { type: 'json' }))
      await client.patch(CONFIG_MAPS, `${namespace}/a`, patch('1'), { type: 'json' })
      assert.deepEqual((await read(client, namespace, 'a')).data, { n: '2' })
    },
  },
  {
    name: 'what is applied and then left out is removed; what others apply stays theirs',
    check: async ({ client, namespace }) => {
      const apply = (fieldManager: string, data: object, force = false): Promise<KubeObject> =>
        client.patch(
          CONFIG_MAPS,
          `${namespace}/a`,
          { metadata: { name: 'a', namespace }, data },
          { type: 'apply', fieldManager, force },
        )
      await apply('one', { x: '1', y: '1' })
      await apply('two', { z: '2' })
      await refused('conflict', apply('two', { z: '2', x: '2' }))
      await apply('one', { x: '1' })
      assert.deepEqual((await read(client, namespace, 'a')).data, { x: '1', z: '2' })
      await apply('two', { z: '2', x: '2' }, true)
      assert.deepEqual((await read(client, namespace, 'a')).data, { x: '2', z: '2' })
      await refused('conflict', apply('one', { x: '1' }))
    },
  },
  {
    name: 'applying twice changes nothing, not even the version',
    check: async ({ client, namespace }) => {
      const apply = (): Promise<KubeObject> =>
        client.patch(CONFIG_MAPS, `${namespace}/a`, { metadata: { name: 'a', namespace }, data: { x: '1' } }, APPLY)
      const first = await apply()
      assert.equal((await apply()).metadata.resourceVersion, first.metadata.resourceVersion)
    },
  },
  {
    name: 'a deletion with a precondition spares another object of the name',
    check: async ({ client, namespace }) => {
      const { metadata } = await make(client, namespace, 'a')
      const another = '00000000-0000-0000-0000-000000000000'
      await refused('conflict', client.remove(CONFIG_MAPS, `${namespace}/a`, { uid: another }))
      await client.remove(CONFIG_MAPS, `${namespace}/a`, { uid: metadata.uid! })
      await refused('not-found', client.get(CONFIG_MAPS, `${namespace}/a`))
    },
  },
  {
    name: 'what has a finalizer stays, and says that it goes, until the finalizer is gone',
    check: async ({ client, namespace }) => {
      const metadata = { name: 'a', namespace, labels: { mine: 'a' }, finalizers: ['example.com/first'] }
      const { metadata: made } = await client.create<KubeObject>(CONFIG_MAPS, { metadata })
      const query = { resourceVersion: made.resourceVersion!, labelSelector: 'mine' }
      const watch = await Watch.open(client, CONFIG_MAPS, namespace, query)
      await client.remove(CONFIG_MAPS, `${namespace}/a`)
      assert.equal(await watch.next(), 'MODIFIED a')
      const { metadata: going } = await read(client, namespace, 'a')
      assert.match(going.deletionTimestamp!, /^\d{4}-\d\d-\d\dT/)
      await client.patch(CONFIG_MAPS, `${namespace}/a`, { metadata: { finalizers: null } }, { type: 'merge' })
      assert.equal(await watch.next(), 'DELETED a')
      await refused('not-found', client.get(CONFIG_MAPS, `${namespace}/a`))
      await watch.close()
    },
  },
  {
    name: 'a version that is not there yet is 504, with its cause',
    check: async ({ client, namespace }) => {
      const { revision } = await page(client, CONFIG_MAPS, namespace, {})
      const path = collectionPath(CONFIG_MAPS, namespace)
      const query = { resourceVersion: String(Number(revision) + 1_000_000), resourceVersionMatch: 'NotOlderThan' }
      const response = await client.transport.request({ method: 'GET', path, query })
      assert.equal((await failureOf(response)).code, 'too-large-resource-version')
    },
  },
  {
    name: 'a definition brings its kind; its objects are pruned, defaulted and checked, and their status is apart',
    check: async ({ client, namespace }) => {
      const things = await define(client, namespace)
      const make = (name: string, spec: object): Promise<Thing> =>
        client.create(things, { metadata: { name, namespace }, spec, status: { ready: true } } as never)
      const thing = await make('a', { size: 2, unknown: 1 })
      assert.deepEqual([thing.spec, thing.status], [{ size: 2, colour: 'red' }, undefined])
      await refused('invalid', make('b', { size: 'large' }))
      await refused('invalid', make('c', {}))
      await client.replace(things, { ...thing, status: { ready: true }, spec: { size: 9 } } as KubeObject, 'status')
      const after = await client.get<Thing>(things, `${namespace}/a`)
      assert.deepEqual([after.spec.size, after.status], [2, { ready: true }])
      assert.equal(after.metadata.generation, 1)
      await client.replace(things, { ...after, spec: { size: 3 } } as KubeObject)
      assert.equal((await client.get(things, `${namespace}/a`)).metadata.generation, 2)
    },
  },
  {
    name: 'who updates a field owns it: to apply another value meets a conflict',
    check: async ({ client, namespace }) => {
      const made = await make(client, namespace, 'a', { x: '1' })
      await client.replace(CONFIG_MAPS, { ...made, data: { x: '2' } } as KubeObject)
      const apply = (x: string, force: boolean): Promise<ConfigMap> =>
        client.patch(
          CONFIG_MAPS,
          `${namespace}/a`,
          { metadata: { name: 'a', namespace }, data: { x } },
          { ...APPLY, force },
        )
      await refused('conflict', apply('3', false))
      await apply('2', false)
      await apply('3', true)
      assert.deepEqual((await read(client, namespace, 'a')).data, { x: '3' })
    },
  },
  {
    name: 'the status of a Service has its own path, and keeps the rest',
    check: async ({ client, namespace }) => {
      const spec = { type: 'LoadBalancer', ports: [{ port: 80 }] }
      const made = await client.create<Service>(SERVICES, { metadata: { name: 'web', namespace }, spec } as never)
      assert.equal(made.spec.ports[0]!.protocol, 'TCP')
      assert.equal(typeof made.spec.clusterIP, 'string')
      const status = { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } }
      await client.patch(
        SERVICES,
        `${namespace}/web`,
        { status, spec: { externalTrafficPolicy: 'Local' } },
        { type: 'merge', subresource: 'status' },
      )
      const now = await client.get<Service>(SERVICES, `${namespace}/web`)
      assert.deepEqual(now.status, { loadBalancer: { ingress: [{ ip: '192.0.2.1', ipMode: 'VIP' }] } })
      assert.equal(now.spec.externalTrafficPolicy, 'Cluster')
      await client.replace(SERVICES, { ...now, status: {} } as KubeObject)
      assert.deepEqual((await client.get<Service>(SERVICES, `${namespace}/web`)).status, now.status)
    },
  },
  {
    name: 'a list in pages is one consistent set, in order',
    check: async ({ client, namespace }) => {
      for (const name of ['c', 'a', 'e', 'b', 'd']) await make(client, namespace, name)
      const first = await page(client, CONFIG_MAPS, namespace, { limit: '2', labelSelector: 'mine' })
      assert.deepEqual(first.names, ['a', 'b'])
      await make(client, namespace, 'aa')
      const second = await page(client, CONFIG_MAPS, namespace, {
        limit: '9',
        labelSelector: 'mine',
        continue: first.next!,
      })
      assert.deepEqual([second.names, second.next], [['c', 'd', 'e'], undefined])
      assert.equal(second.revision, first.revision)
    },
  },
  {
    name: 'selectors of labels and fields',
    check: async ({ client, namespace }) => {
      for (const name of ['a', 'b']) await make(client, namespace, name)
      const names = async (query: Record<string, string>): Promise<readonly string[]> =>
        (await page(client, CONFIG_MAPS, namespace, query)).names
      assert.deepEqual(await names({ labelSelector: 'mine=a' }), ['a'])
      assert.deepEqual(await names({ labelSelector: 'mine!=a,mine' }), ['b'])
      assert.deepEqual(await names({ labelSelector: 'mine in (b,c)' }), ['b'])
      assert.deepEqual(await names({ labelSelector: 'mine notin (b,c),mine' }), ['a'])
      assert.deepEqual(await names({ labelSelector: '!none,mine' }), ['a', 'b'])
      assert.deepEqual(await names({ fieldSelector: 'metadata.name=b' }), ['b'])
    },
  },
  {
    name: 'a watch from a version tells what happened since, in order, and goes on',
    check: async ({ client, namespace }) => {
      const { revision } = await page(client, CONFIG_MAPS, namespace, {})
      await make(client, namespace, 'a', { n: '1' })
      await client.patch(CONFIG_MAPS, `${namespace}/a`, { data: { n: '2' } }, { type: 'merge' })
      const watch = await Watch.open(client, CONFIG_MAPS, namespace, {
        resourceVersion: revision,
        labelSelector: 'mine',
      })
      assert.equal(await watch.next(), 'ADDED a')
      assert.equal(await watch.next(), 'MODIFIED a')
      await client.remove(CONFIG_MAPS, `${namespace}/a`)
      assert.equal(await watch.next(), 'DELETED a')
      await watch.close()
    },
  },
  {
    name: 'a watch shows by a selector what comes to match, and takes back what no longer does',
    check: async ({ client, namespace }) => {
      const { revision } = await page(client, CONFIG_MAPS, namespace, {})
      const watch = await Watch.open(client, CONFIG_MAPS, namespace, {
        resourceVersion: revision,
        labelSelector: 'mine=a',
      })
      await make(client, namespace, 'b')
      await make(client, namespace, 'a')
      assert.equal(await watch.next(), 'ADDED a')
      await client.patch(CONFIG_MAPS, `${namespace}/a`, { metadata: { labels: { mine: 'x' } } }, { type: 'merge' })
      assert.equal(await watch.next(), 'DELETED a')
      await client.patch(CONFIG_MAPS, `${namespace}/b`, { metadata: { labels: { mine: 'a' } } }, { type: 'merge' })
      assert.equal(await watch.next(), 'ADDED b')
      await watch.close()
    },
  },
  {
    name: 'a watch from no version begins with what is there',
    check: async ({ client, namespace }) => {
      await make(client, namespace, 'a')
      const watch = await Watch.open(client, CONFIG_MAPS, namespace, { labelSelector: 'mine' })
      assert.equal(await watch.next(), 'ADDED a')
      await watch.close()
    },
  },
  {
    name: 'a streamed list ends with a bookmark that says so',
    check: async ({ client, namespace }) => {
      await make(client, namespace, 'a')
      await make(client, namespace, 'b')
      const query = { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan', allowWatchBookmarks: 'true' }
      const watch = await Watch.open(client, CONFIG_MAPS, namespace, { ...query, labelSelector: 'mine' })
      assert.deepEqual([await watch.next(), await watch.next()].sort(), ['ADDED a', 'ADDED b'])
      assert.equal(await watch.next(), 'BOOKMARK end of initial events')
      await watch.close()
    },
  },
  {
    name: 'a watch from a version that is forgotten is told 410',
    check: async ({ client, namespace, forget }) => {
      const { revision } = await page(client, CONFIG_MAPS, namespace, {})
      await make(client, namespace, 'a')
      await forget()
      const watch = await Watch.open(client, CONFIG_MAPS, namespace, { resourceVersion: revision })
      assert.equal(await watch.next(), 'ERROR 410')
      await watch.close()
    },
  },
  {
    name: 'a page whose token is of no use is refused with 410 or 400',
    check: async ({ client, namespace }) => {
      const path = collectionPath(CONFIG_MAPS, namespace)
      const query = { limit: '1', continue: 'bm9uc2Vuc2U' }
      const { status } = await client.transport.request({ method: 'GET', path, query })
      assert.ok([400, 410].includes(status), String(status))
    },
  },
  {
    name: 'a body that is no JSON, and one without a name, are refused and harm nothing',
    check: async ({ client, namespace }) => {
      const path = collectionPath(CONFIG_MAPS, namespace)
      const headers = { 'content-type': 'application/json' }
      const broken = await client.transport.request({ method: 'POST', path, headers, body: '{"metadata":' })
      assert.equal(broken.status, 400)
      await broken.text()
      await refused('invalid', client.create(CONFIG_MAPS, { metadata: { namespace } }))
    },
  },
  {
    name: 'what is not served is 404',
    check: async ({ client }) => {
      for (const path of ['/apis/none.example/v1', '/apis/none.example/v1/things', '/api/v1/nothings']) {
        const response = await client.transport.request({ method: 'GET', path })
        assert.equal(response.status, 404)
        await response.text()
      }
    },
  },
  {
    name: 'discovery names what is served',
    check: async ({ client }) => {
      for (const [path, name] of [
        ['/api/v1', 'services'],
        ['/apis/discovery.k8s.io/v1', 'endpointslices'],
        ['/apis/coordination.k8s.io/v1', 'leases'],
      ] as const) {
        const response = await client.transport.request({ method: 'GET', path })
        const { resources } = JSON.parse(await response.text()) as { resources: { name: string }[] }
        assert.ok(
          resources.some(resource => resource.name === name),
          `${path} has no ${name}`,
        )
      }
    },
  },
]

interface Thing extends KubeObject {
  readonly spec: { readonly size: number; readonly colour: string }
  readonly status?: object
}

/** A kind of this namespace's own. */
async function define(client: KubeClient, namespace: string): Promise<Resource> {
  const group = `${namespace}.example.com`
  const schema = {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        required: ['size'],
        properties: { size: { type: 'integer' }, colour: { type: 'string', default: 'red' } },
      },
      status: { type: 'object', properties: { ready: { type: 'boolean' } } },
    },
  }
  const versions = [
    { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema }, subresources: { status: {} } },
  ]
  const names = { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' }
  const spec = { group, scope: 'Namespaced', names, versions }
  await client.create(DEFINITIONS, { metadata: { name: `things.${group}` }, spec } as never)
  const things = { group, version: 'v1', plural: 'things', kind: 'Thing', namespaced: true }
  await waitUntilServed({ transport: client.transport, clock: REAL_CLOCK }, [things], { everyMs: 100 })
  // Served is not yet accepted: for a moment its objects are 404 still.
  for (let tries = 0; tries < 100; tries++) {
    if (
      await client.list(things, { namespace }).then(
        () => true,
        () => false,
      )
    )
      break
    await delay(REAL_CLOCK, 100)
  }
  return things
}

const DEFINITIONS: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}

const APPLY = { type: 'apply', fieldManager: 'one' } as const

type ConfigMap = KubeObject & { readonly data?: Readonly<Record<string, string>> }

interface Service extends KubeObject {
  readonly spec: {
    readonly externalTrafficPolicy: string
    readonly clusterIP: string
    readonly ports: readonly { readonly protocol: string }[]
  }
  readonly status: unknown
}

function make(client: KubeClient, namespace: string, name: string, data: object = {}): Promise<ConfigMap> {
  return client.create(CONFIG_MAPS, { metadata: { name, namespace, labels: { mine: name } }, data } as never)
}

function read(client: KubeClient, namespace: string, name: string): Promise<ConfigMap> {
  return client.get(CONFIG_MAPS, `${namespace}/${name}`)
}

async function refused(code: KubeFailureCode, call: Promise<unknown>): Promise<void> {
  await isRefused([code], call)
}

async function isRefused(codes: readonly KubeFailureCode[], call: Promise<unknown>): Promise<true> {
  const error = await call.then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.ok(error !== undefined, `should have been refused as ${codes.join(' or ')}`)
  assert.ok(isCode(error, ...codes), `refused, but not as ${codes.join(' or ')}: ${String(error)}`)
  return true
}

async function page(
  client: KubeClient,
  resource: Resource,
  namespace: string,
  query: Readonly<Record<string, string>>,
): Promise<{ readonly names: readonly string[]; readonly next: string | undefined; readonly revision: string }> {
  const response = await client.transport.request({ method: 'GET', path: collectionPath(resource, namespace), query })
  assert.equal(response.status, 200)
  const { items, metadata } = JSON.parse(await response.text()) as {
    items: KubeObject[]
    metadata: { resourceVersion: string; continue?: string }
  }
  const next = metadata.continue === '' ? undefined : metadata.continue
  return { names: items.map(item => item.metadata.name), next, revision: metadata.resourceVersion }
}

/** The events of a watch, in short. */
class Watch {
  readonly #lines: AsyncIterator<readonly string[]>
  #waiting: string[] = []
  readonly #abort: AbortController

  private constructor(lines: AsyncIterator<readonly string[]>, abort: AbortController) {
    this.#lines = lines
    this.#abort = abort
  }

  static async open(
    client: KubeClient,
    resource: Resource,
    namespace: string,
    query: Readonly<Record<string, string>>,
  ): Promise<Watch> {
    const abort = new AbortController()
    const path = collectionPath(resource, namespace)
    const request = { method: 'GET', path, query: { watch: '1', ...query }, signal: abort.signal } as const
    const response = await client.transport.request(request)
    assert.equal(response.status, 200)
    return new Watch(response.lines()[Symbol.asyncIterator](), abort)
  }

  async next(): Promise<string> {
    for (;;) {
      const { type, object } = JSON.parse(await this.#line()) as {
        type: string
        object: KubeObject & { code?: number }
      }
      if (type === 'ERROR') return `ERROR ${object.code}`
      if (type !== 'BOOKMARK') return `${type} ${object.metadata.name}`
      if (object.metadata.annotations?.['k8s.io/initial-events-end'] === 'true') return 'BOOKMARK end of initial events'
    }
  }

  async #line(): Promise<string> {
    while (this.#waiting.length === 0) {
      const { value, done } = await this.#lines.next()
      assert.ok(done !== true, 'the watch ended')
      this.#waiting.push(...value.filter(line => line !== ''))
    }
    return this.#waiting.shift()!
  }

  async close(): Promise<void> {
    this.#abort.abort()
    await this.#lines.next().catch(() => undefined)
  }
}
