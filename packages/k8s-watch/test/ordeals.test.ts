import { afterAll, beforeAll, describe, it } from 'vitest'
import { createClient, type KubeClient } from '../src/index.ts'
import { httpTransport } from '../src/node/index.ts'
import { ORDEALS, OrdealScene, startFakeApiServer, type FakeApiServer } from '../src/testing/index.ts'

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

describe('a store before a server that misbehaves', () => {
  it.concurrent.each(ORDEALS.map((ordeal, i) => [ordeal.id, ordeal.name, ordeal, i] as const))(
    '[%s] survives %s',
    { timeout: 120_000 },
    async (_id, _name, { endure }, i) => {
      const scene = await OrdealScene.open({ upstream: server.url, client, namespace: `ordeal-${i}` })
      try {
        await endure(scene)
      } finally {
        await scene.close()
      }
    },
  )
})
