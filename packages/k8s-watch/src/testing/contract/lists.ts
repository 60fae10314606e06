import assert from 'node:assert/strict'
import { failureOf } from '../../failure.ts'
import { collectionPath, CONFIG_MAPS } from '../../resource.ts'
import type { ContractCase } from './contract.ts'
import { make, page } from './tools.ts'

/** Sets are read, whole or in pages. */
export const LISTS: readonly ContractCase[] = [
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
    name: 'a page without selectors says how many are left',
    check: async ({ client, namespace }) => {
      for (const name of ['a', 'b', 'c']) await make(client, namespace, name)
      const { names } = await page(client, CONFIG_MAPS, namespace, {})
      const { remaining } = await page(client, CONFIG_MAPS, namespace, { limit: '1' })
      assert.equal(remaining, names.length - 1)
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
    name: 'a page whose token is of no use is refused with 410 or 400',
    check: async ({ client, namespace }) => {
      const path = collectionPath(CONFIG_MAPS, namespace)
      const query = { limit: '1', continue: 'bm9uc2Vuc2U' }
      const { status } = await client.transport.request({ method: 'GET', path, query })
      assert.ok([400, 410].includes(status), String(status))
    },
  },
]
