import { createAnnouncer } from '@metallb-ts/l2-announcer'
import { createWaker, packetLinks, PollLoop } from '@metallb-ts/linux-net/node'
import { address } from '@metallb-ts/netip'
import { realRandom } from '@metallb-ts/runtime/node'

const [link = 'eth0', ...addresses] = process.argv.slice(2) // node ten-lines.ts eth0 192.0.2.10 2001:db8::10
const loop = new PollLoop(createWaker(), () => {})
const links = packetLinks(loop)
const events = { publish: (...event: readonly unknown[]): void => console.log(...event) }
const announcer = createAnnouncer({ clock: loop.clock, random: realRandom(), links, monitor: links, events })
announcer.start()
announcer.apply(addresses.map(text => ({ address: address(text), interfaces: [link] })))
loop.run()
