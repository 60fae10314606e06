import assert from 'node:assert/strict'
import { CONFIG_MAPS } from '../../resource.ts'
import type { ContractCase } from './contract.ts'
import { make, page } from './tools.ts'
import { Watch } from './watch.ts'

/** Changes are told as they come. */
export const WATCHES: readonly ContractCase[] = [
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
]
