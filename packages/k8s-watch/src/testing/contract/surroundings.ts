import assert from 'node:assert/strict'
import { collectionPath, CONFIG_MAPS } from '../../resource.ts'
import type { ContractCase } from './contract.ts'
import { refused } from './tools.ts'

/** What is served, and what is no request. */
export const SURROUNDINGS: readonly ContractCase[] = [
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
