import { createBfd, explainSight, lastSight, type BfdEvents } from '@metallb-ts/bfd'
import { SimNetwork } from '@metallb-ts/bfd/testing'
import { EventBus } from '@metallb-ts/event-bus'
import { address } from '@metallb-ts/netip'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'

// Two hosts in virtual time; on Linux `udpTransport(loop)` of /node, the loop's clock and realRandom take these places.
const clock = new SimClock()
const random = new SimRandom(1)
const network = new SimNetwork({ clock, random })
const [here, there] = [network.host([address('192.0.2.1')]), network.host([address('192.0.2.2')])]

const events = new EventBus<BfdEvents>({ now: () => clock.now(), onHandlerError: console.error })
events.subscribe('bfd:up', ({ detail }) => console.log(`${detail.session} is up`))
events.subscribe('bfd:down', ({ detail }) => console.log(`${detail.session} is down: ${detail.cause}`))

const ours = createBfd({ clock, random, transport: here.transport, events })
const theirs = createBfd({ clock, random, transport: there.transport, events: { publish: () => {} } })
ours.open({ kind: 'single-hop', remote: address('192.0.2.2') }, { receiveIntervalMs: 100, transmitIntervalMs: 100 })
theirs.open({ kind: 'single-hop', remote: address('192.0.2.1') })
clock.advance(2_000)

network.cut(there, here) // one way is enough
clock.advance(1_000)

const watched = ours.sessions.get('192.0.2.2')
if (watched !== undefined) console.log(explainSight(lastSight(watched)))
