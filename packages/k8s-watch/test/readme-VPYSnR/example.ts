import { EventBus } from '@metallb-ts/event-bus'
import { createClient, createInformer, SERVICES, type KubeEvents } from '@metallb-ts/k8s-watch'
import { httpTransport } from '@metallb-ts/k8s-watch/node'
import { startFakeApiServer } from '@metallb-ts/k8s-watch/testing'
import { REAL_CLOCK as clock, realRandom } from '@metallb-ts/runtime/node'

const server = await startFakeApiServer() // in a cluster: const { transport } = await connect('', 'my-program')
const transport = httpTransport({ server: server.url })
const client = createClient(transport, { clock })
const events = new EventBus<KubeEvents>({ now: () => clock.now(), onHandlerError: console.error })
const services = createInformer({ transport, clock, random: realRandom(), events }, { resource: SERVICES })
events.subscribe('kube:changed', ({ detail: { change, key } }) => {
  console.log(change, key, 'tier:', services.get(key)?.metadata.labels?.['tier']) // the store agrees already
  if (change === 'deleted') void Promise.all([services.stop(), transport.close(), server.stop()])
})
services.start()
const { metadata } = await client.create(SERVICES, { metadata: { name: 'web', namespace: 'default' } })
await services.waitFor(metadata.resourceVersion!)
await client.patch(SERVICES, 'default/web', { metadata: { labels: { tier: 'gold' } } }, { type: 'merge' })
await client.remove(SERVICES, 'default/web')
