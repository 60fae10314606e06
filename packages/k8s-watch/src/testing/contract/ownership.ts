import assert from 'node:assert/strict'
import type { KubeClient, PatchOptions } from '../../client.ts'
import { asKubeFailure } from '../../failure.ts'
import { CONFIG_MAPS, SERVICES, type KubeObject, type Resource } from '../../resource.ts'
import type { ContractCase } from './contract.ts'
import { make, read, refused, type ConfigMap } from './tools.ts'

/** Fields have owners. */
export const OWNERSHIP: readonly ContractCase[] = [
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
    name: 'who updates owns what it set or changed, and what it took from others; who removes owns nothing by that',
    check: async ({ client, namespace }) => {
      await make(client, namespace, 'a', { x: '1', y: '1' })
      const patch = (fieldManager: string, data: object): Promise<KubeObject> =>
        client.patch(CONFIG_MAPS, `${namespace}/a`, { data }, { type: 'merge', fieldManager })
      const labels = { 'f:metadata': { 'f:labels': { '.': {}, 'f:mine': {} } } }
      const [creator] = await ownersOf(client, CONFIG_MAPS, `${namespace}/a`)
      assert.deepEqual(creator, {
        ...update('v1', creator!.manager),
        fieldsV1: { 'f:data': { '.': {}, 'f:x': {}, 'f:y': {} }, ...labels },
      })
      await patch('two', { x: '2', z: '3' })
      await patch('three', { y: null })
      assert.deepEqual(await ownersOf(client, CONFIG_MAPS, `${namespace}/a`), [
        { ...creator, fieldsV1: { 'f:data': {}, ...labels } },
        { ...update('v1', 'two'), fieldsV1: { 'f:data': { 'f:x': {}, 'f:z': {} } } },
      ])
    },
  },
  {
    name: 'what the server chose is nobody’s; a status is owned by its own path; lists are owned by their keys or whole',
    check: async ({ client, namespace }) => {
      const spec = {
        type: 'LoadBalancer',
        selector: { app: 'a' },
        ports: [{ port: 80 }, { port: 53, protocol: 'UDP' }],
      }
      const metadata = { name: 'web', namespace, finalizers: ['example.com/first'] }
      await client.create(SERVICES, { metadata, spec: { ...spec, ports: namedPorts(spec.ports) } } as never)
      const ingress = [{ ip: '192.0.2.1' }]
      const options = { type: 'merge', subresource: 'status', fieldManager: 'lb' } as const
      await client.patch(SERVICES, `${namespace}/web`, { status: { loadBalancer: { ingress } } }, options)
      const owners = await ownersOf(client, SERVICES, `${namespace}/web`)
      const [creator, lb] = [false, true].map(isLb => owners.find(({ manager }) => (manager === 'lb') === isLb))
      const port = { '.': {}, 'f:name': {}, 'f:port': {}, 'f:protocol': {}, 'f:targetPort': {} }
      assert.deepEqual(creator!.fieldsV1, {
        'f:metadata': { 'f:finalizers': { '.': {}, 'v:"example.com/first"': {} } },
        'f:spec': {
          'f:allocateLoadBalancerNodePorts': {},
          'f:externalTrafficPolicy': {},
          'f:internalTrafficPolicy': {},
          'f:ports': { '.': {}, 'k:{"port":53,"protocol":"UDP"}': port, 'k:{"port":80,"protocol":"TCP"}': port },
          'f:selector': {},
          'f:sessionAffinity': {},
          'f:type': {},
        },
      })
      const fieldsV1 = { 'f:status': { 'f:loadBalancer': { 'f:ingress': {} } } }
      assert.deepEqual(lb, { ...update('v1', 'lb'), subresource: 'status', fieldsV1 })
      const status = { loadBalancer: { ingress: [{ ip: '192.0.2.2' }] } }
      const applied = client.patch(
        SERVICES,
        `${namespace}/web`,
        { metadata: { name: 'web', namespace }, status },
        { ...APPLY, subresource: 'status' },
      )
      await saysOf(applied, 'conflict with "lb" with subresource "status" using v1: .status.loadBalancer.ingress')
      await client.patch(SERVICES, `${namespace}/web`, { metadata: { finalizers: null } }, { type: 'merge' })
    },
  },
  {
    name: 'an apply that meets the fields of others says which, and whose',
    check: async ({ client, namespace }) => {
      await make(client, namespace, 'a', { w: '1' })
      const patch = { data: { x: '2', z: '3' } }
      await client.patch(CONFIG_MAPS, `${namespace}/a`, patch, { type: 'merge', fieldManager: 'two' })
      const apply = (data: object, options: Partial<PatchOptions> = {}): Promise<KubeObject> =>
        client.patch(
          CONFIG_MAPS,
          `${namespace}/a`,
          { metadata: { name: 'a', namespace }, data },
          { ...APPLY, ...options },
        )
      await saysOf(apply({ x: '9' }), 'Apply failed with 1 conflict: conflict with "two" using v1: .data.x')
      const both = 'Apply failed with 2 conflicts: conflicts with "two" using v1:\n- .data.x\n- .data.z'
      await saysOf(apply({ x: '9', z: '9' }), both)
      await apply({ x: '2', own: '1' })
      const mine = { manager: 'one', operation: 'Apply', apiVersion: 'v1', fieldsType: 'FieldsV1' }
      const [applier, , two] = await ownersOf(client, CONFIG_MAPS, `${namespace}/a`)
      assert.deepEqual(applier, { ...mine, fieldsV1: { 'f:data': { 'f:own': {}, 'f:x': {} } } })
      assert.deepEqual(two, { ...update('v1', 'two'), fieldsV1: { 'f:data': { 'f:x': {}, 'f:z': {} } } })
      await saysOf(
        apply({ own: '2' }, { fieldManager: 'three' }),
        'Apply failed with 1 conflict: conflict with "one": .data.own',
      )
      await apply({ x: '9', own: '1' }, { force: true })
      const [, , left] = await ownersOf(client, CONFIG_MAPS, `${namespace}/a`)
      assert.deepEqual(left!.fieldsV1, { 'f:data': { 'f:z': {} } })
    },
  },
  {
    name: 'owners may be forgotten; whoever wrote before the first apply is one then',
    check: async ({ client, namespace }) => {
      await make(client, namespace, 'a', { x: '1' })
      const merge = (patch: object): Promise<ConfigMap> =>
        client.patch(CONFIG_MAPS, `${namespace}/a`, patch, { type: 'merge', fieldManager: 'two' })
      await merge({ metadata: { managedFields: [{}] } })
      await merge({ data: { y: '2' } })
      assert.deepEqual(await ownersOf(client, CONFIG_MAPS, `${namespace}/a`), [])
      const config = { metadata: { name: 'a', namespace }, data: { x: '3' } }
      await saysOf(
        client.patch(CONFIG_MAPS, `${namespace}/a`, config, APPLY),
        'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.x',
      )
      await client.patch(CONFIG_MAPS, `${namespace}/a`, config, { ...APPLY, force: true })
      const [, before] = await ownersOf(client, CONFIG_MAPS, `${namespace}/a`)
      assert.deepEqual(before, {
        ...update('v1', 'before-first-apply'),
        fieldsV1: { 'f:data': { '.': {}, 'f:y': {} }, 'f:metadata': { 'f:labels': { '.': {}, 'f:mine': {} } } },
      })
    },
  },
  {
    name: 'a write that changes nothing changes no owner, and no time',
    check: async ({ client, namespace }) => {
      await make(client, namespace, 'a', { x: '1' })
      const patch = { data: { x: '1' } }
      const before = await read(client, namespace, 'a')
      await client.patch(CONFIG_MAPS, `${namespace}/a`, patch, { type: 'merge', fieldManager: 'two' })
      assert.deepEqual(await read(client, namespace, 'a'), before)
    },
  },
  {
    name: 'of many updaters the oldest become one',
    check: async ({ client, namespace }) => {
      await make(client, namespace, 'a', { x: '0' })
      for (let i = 0; i < 12; i++) {
        const options = { type: 'merge', fieldManager: `m${i}` } as const
        await client.patch(CONFIG_MAPS, `${namespace}/a`, { data: { [`x${i}`]: '1' } }, options)
      }
      const owners = await ownersOf(client, CONFIG_MAPS, `${namespace}/a`)
      assert.equal(owners.length, 10)
      assert.ok(owners.some(({ manager }) => manager === 'ancient-changes'))
    },
  },
]

const APPLY = { type: 'apply', fieldManager: 'one' } as const

/** An entry of `metadata.managedFields`, without its time. */
interface Owner {
  readonly manager: string
  readonly fieldsV1: object
}

function update(apiVersion: string, manager: string): Omit<Owner, 'fieldsV1'> {
  return { manager, operation: 'Update', apiVersion, fieldsType: 'FieldsV1' } as Omit<Owner, 'fieldsV1'>
}

/** The owners of an object's fields, by what they do: appliers before updaters, and else in their order. */
async function ownersOf(client: KubeClient, resource: Resource, key: string): Promise<readonly Owner[]> {
  const { metadata } = await client.get<KubeObject>(resource, key)
  const { managedFields = [] } = metadata as { managedFields?: readonly (Owner & { readonly time?: string })[] }
  return managedFields.map(({ time, ...owner }) => {
    if (time !== undefined) assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    return owner
  })
}

/** The call is refused as a conflict, with these words. */
async function saysOf(call: Promise<unknown>, words: string): Promise<void> {
  const error = await call.then(
    () => undefined,
    (error: unknown) => asKubeFailure(error),
  )
  assert.equal(error?.code, 'conflict')
  assert.ok(error.message.includes(words), error.message)
}

/** A Service with several ports has to name them. */
function namedPorts(ports: readonly { readonly port: number }[]): readonly object[] {
  return ports.map(port => ({ name: `p${port.port}`, ...port }))
}
