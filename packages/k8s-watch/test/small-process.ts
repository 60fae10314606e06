// Reads every ConfigMap's name from the server of its argument, and says how many there are.
import { EventBus } from '@metallb-ts/event-bus'
import { REAL_CLOCK, realRandom } from '@metallb-ts/runtime/node'
import { CONFIG_MAPS, createInformer, whenSynced, type KubeEvents } from '../src/index.ts'
import { httpTransport } from '../src/node/index.ts'

const transport = httpTransport({ server: process.argv[2]! })
const events = new EventBus<KubeEvents>({ now: () => REAL_CLOCK.now(), onHandlerError: console.error })
const seams = { transport, events, clock: REAL_CLOCK, random: realRandom() }
const informer = createInformer(seams, { resource: CONFIG_MAPS, project: ({ metadata }) => metadata.name })
whenSynced(events, [informer], () => {
  process.stdout.write(`${informer.size} names\n`)
  informer.stop()
  void transport.close()
})
informer.start()
