// Needs CAP_NET_RAW, and a peer: `node examples/on-linux.ts 192.0.2.1`.
import { createBfdSession, explainSight, lastSight, type BfdEvents } from '@metallb-ts/bfd'
import { udpTransport } from '@metallb-ts/bfd/node'
import { EventBus } from '@metallb-ts/event-bus'
import { createWaker, PollLoop, raiseThreadPriority } from '@metallb-ts/linux-net/node'
import { address } from '@metallb-ts/netip'
import { realRandom } from '@metallb-ts/runtime/node'

const loop = new PollLoop(createWaker(), () => {})
const { clock } = loop
const events = new EventBus<BfdEvents>({ now: () => clock.now(), onHandlerError: console.error })
const opened = createBfdSession(
  { clock, random: realRandom(), transport: udpTransport(loop), events },
  { kind: 'single-hop', remote: address(process.argv[2] ?? '192.0.2.1') },
  { receiveIntervalMs: 100, transmitIntervalMs: 100 },
)
if (!opened.ok) throw new Error(opened.error.detail)
const { session } = opened.value
events.subscribe('bfd:state-changed', () => console.log(session.state, explainSight(lastSight(session))))
raiseThreadPriority()
loop.run()
