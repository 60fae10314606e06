import { EventBus } from '@metallb-ts/event-bus'
import { createAnnouncer, type L2Events } from '@metallb-ts/l2-announcer'
import { SimHost, SimNode, SimSegment } from '@metallb-ts/l2-announcer/testing'
import { address, formatMac, mac } from '@metallb-ts/netip'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'

// A simulated segment with a client and this host; on Linux the same two seams are packet sockets and netlink.
const clock = new SimClock()
const random = new SimRandom(1)
const segment = new SimSegment({ clock, random })
const client = new SimHost(clock, segment, { mac: mac('02:00:00:00:00:aa'), addresses: [address('192.0.2.1')] })
const host = new SimNode(clock)
host.plug(segment, { name: 'eth0', mac: mac('02:00:00:00:00:01') })

const events = new EventBus<L2Events>({ now: () => clock.now(), onHandlerError: console.error })
events.subscribe('l2:gained', ({ detail }) => console.log(`${detail.address} on ${detail.interface}`))

const announcer = createAnnouncer({ clock, random, links: host, monitor: host, events })
announcer.start()
announcer.apply([{ address: address('192.0.2.10'), interfaces: 'all' }]) // 192.0.2.10 on eth0

client.send(address('192.0.2.10')) // asks first
clock.advance(1)
console.log(formatMac(client.neighbor(address('192.0.2.10'))!.mac!)) // 02:00:00:00:00:01
