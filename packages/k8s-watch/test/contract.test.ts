import { afterAll, beforeAll, describe, it } from 'vitest'
import { createClient, NAMESPACES, type KubeClient } from '../src/index.ts'
import { httpTransport } from '../src/node/index.ts'
import { CONTRACT, startFakeApiServer, type FakeApiServer } from '../src/testing/index.ts'

describe('the contract of an API server, kept by the fake', () => {
  let server: FakeApiServer
  let client: KubeClient
  beforeAll(async () => {
    server = await startFakeApiServer()
    client = createClient(httpTransport({ server: server.url }))
  })
  afterAll(async () => {
    await client.transport.close()
    await server.stop()
  })

  it.each(CONTRACT.map((contract, i) => [contract.name, contract, i] as const))('%s', async (_, { check }, i) => {
    const namespace = `contract-${i}`
    await client.create(NAMESPACES, { metadata: { name: namespace } })
    await check({ client, namespace, forget: async () => server.core.store.compact() })
  })
})
