import assert from 'node:assert/strict'
import { delay } from '@metallb-ts/runtime'
import { REAL_CLOCK } from '@metallb-ts/runtime/node'
import type { KubeClient } from '../../client.ts'
import { waitUntilServed } from '../../discovery.ts'
import { CUSTOM_RESOURCE_DEFINITIONS, type KubeObject, type Resource } from '../../resource.ts'
import type { ContractCase } from './contract.ts'
import { refused } from './tools.ts'

/** Kinds are brought by definitions. */
export const DEFINITIONS: readonly ContractCase[] = [
  {
    name: 'a definition brings its kind; its objects are pruned, defaulted and checked, and their status is apart',
    check: async ({ client, namespace }) => {
      const things = await define(client, namespace)
      const make = (name: string, spec: object): Promise<Thing> =>
        client.create(things, { metadata: { name, namespace }, spec, status: { ready: true } } as never)
      const thing = await make('a', { size: 2, unknown: 1 })
      assert.deepEqual([thing.spec, thing.status], [{ size: 2, colour: 'red' }, undefined])
      const { managedFields } = thing.metadata as { managedFields?: readonly { readonly fieldsV1: object }[] }
      const fields = { 'f:spec': { '.': {}, 'f:colour': {}, 'f:size': {} } }
      assert.deepEqual(
        managedFields?.map(({ fieldsV1 }) => fieldsV1),
        [fields],
      )
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
  await client.create(CUSTOM_RESOURCE_DEFINITIONS, { metadata: { name: `things.${group}` }, spec } as never)
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
