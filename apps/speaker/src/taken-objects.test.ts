import { crds } from '@metallb-ts/api'
import { EventBus } from '@metallb-ts/event-bus'
import { createClient } from '@metallb-ts/k8s-watch'
import { httpTransport } from '@metallb-ts/k8s-watch/node'
import { startFakeApiServer, type FakeApiServer } from '@metallb-ts/k8s-watch/testing'
import { SILENT_LOGGER } from '@metallb-ts/runtime'
import { REAL_CLOCK } from '@metallb-ts/runtime/node'
import { SimRandom } from '@metallb-ts/runtime/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { SpeakerEvents } from './events.ts'
import { createTakenWriter, type TakenWriter } from './taken-objects.ts'

const NAMESPACE = 'metallb-system'
let server: FakeApiServer
let transport: ReturnType<typeof httpTransport>
let events: EventBus<SpeakerEvents>
let writer: TakenWriter

beforeEach(async () => {
  server = await startFakeApiServer()
  const create = (collection: string, object: object): void =>
    void server.core.create(server.core.target(collection)!, object as never)
  for (const definition of crds()) create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition)
  create('/api/v1/namespaces', { metadata: { name: NAMESPACE } })
  transport = httpTransport({ server: server.url })
  events = new EventBus<SpeakerEvents>({ now: () => 0, onHandlerError: error => expect.fail(String(error)) })
  const parts = { client: createClient(transport), clock: REAL_CLOCK, random: new SimRandom(1), logger: SILENT_LOGGER }
  writer = createTakenWriter({ ...parts, events }, { node: 'n1', namespace: NAMESPACE })
  writer.start()
})

afterEach(async () => {
  await writer.stop()
  await transport.close()
  await server.stop()
})

const objects = (): readonly { metadata: Record<string, unknown> }[] =>
  server.core.store.list('servicel2statuses.metallb.io') as never

describe('addresses that strangers have', () => {
  it.each(['192.0.2.10', '2001:db8::', 'fd00::1'])('are told while they are taken: %s', async address => {
    events.publish('l2:taken', { address, interface: 'eth0', mac: '02:00:00:00:00:bb' })
    await vi.waitFor(() => expect(objects()).toHaveLength(1))
    expect(objects()[0]!.metadata).toMatchObject({
      labels: { 'metallb-ts.io/taken-on': 'n1' },
      annotations: {
        'metallb-ts.io/address': address,
        'metallb-ts.io/mac': '02:00:00:00:00:bb',
        'metallb-ts.io/interface': 'eth0',
      },
    })
    events.publish('l2:gained', { address, interface: 'eth0' })
    await vi.waitFor(() => expect(objects()).toEqual([]))
  })
})
