// Our speaker as one sender of the comparison: announces N /32 of S attribute sets, and withdraws them when told to.
import { createInterface } from 'node:readline'
import { EventBus } from '@metallb-ts/event-bus'
import { address } from '@metallb-ts/netip'
import { REAL_CLOCK, realRandom } from '@metallb-ts/runtime/node'
import { createSpeaker, type BgpEvents } from '../src/index.ts'
import { tcpTransport } from '../src/node/index.ts'
import { ROUTER_ASN, SENDER_ASN } from './receivers.ts'
import { hostRoutes } from './routes.ts'

const [count = '100', sets = '16'] = process.argv.slice(2)
const events = new EventBus<BgpEvents>({ now: () => REAL_CLOCK.now(), onHandlerError: console.error })
const speaker = createSpeaker(
  { clock: REAL_CLOCK, random: realRandom(), transport: tcpTransport(), events },
  { asn: SENDER_ASN, routerId: address('192.0.2.10') },
)
speaker.setRoutes('bench', hostRoutes(Number(count), Number(sets)))
await speaker.listen()
const peer = speaker.addPeer({ name: 'router', remote: address('192.0.2.1'), peerAsn: ROUTER_ASN, passive: true })
createInterface({ input: process.stdin }).on('line', () => speaker.setRoutes('bench', []))
while (peer.prefixes.desired < Number(count)) await new Promise(resolve => setTimeout(resolve, 5))
console.log('ready')
