import assert from 'node:assert/strict'
import { CONFIG_MAPS, SERVICES, type KubeObject } from '../../resource.ts'
import type { ContractCase } from './contract.ts'
import { isRefused, make, read, refused } from './tools.ts'
import { Watch } from './watch.ts'

/** Objects are made, replaced, patched and deleted. */
export const WRITES: readonly ContractCase[] = [
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
]

interface Service extends KubeObject {
  readonly spec: {
    readonly externalTrafficPolicy: string
    readonly clusterIP: string
    readonly ports: readonly { readonly protocol: string }[]
  }
  readonly status: unknown
}
