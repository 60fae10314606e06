import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient, NAMESPACES, type KubeClient } from '../src/index.ts'
import { httpTransport } from '../src/node/index.ts'
import { CONTRACT, DIFFERENCES, startFakeApiServer, type FakeApiServer } from '../src/testing/index.ts'

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

  it.each(CONTRACT.map((contract, i) => [contract.name, contract, i] as const))('%s', async (name, { check }, i) => {
    const namespace = `contract-${i}`
    await client.create(NAMESPACES, { metadata: { name: namespace } })
    const checked = check({ client, namespace, forget: async () => server.core.store.compact() })
    if (DIFFERENCES.has(name)) await expect(checked, 'no longer a difference').rejects.toThrow()
    else await checked
  })

  it('but for differences that are listed, each of a case there is', () => {
    const names = CONTRACT.map(({ name }) => name)
    for (const name of DIFFERENCES.keys()) expect(names).toContain(name)
  })
})
