// A program of a library’s user, at the priority of a speaker’s LAN thread: answers for one address on every interface.
// `responder.ts <address> <answers a second>`; `cpu` on standard input is answered by the processor seconds it has used.
import { readSync, writeSync } from 'node:fs'
import { EventBus } from '@metallb-ts/event-bus'
import { createAnnouncer, type L2Events } from '@metallb-ts/l2-announcer'
import { createWaker, packetLinks, PollLoop, raiseThreadPriority } from '@metallb-ts/linux-net/node'
import { address } from '@metallb-ts/netip'
import { realRandom } from '@metallb-ts/runtime/node'

const [target = '', total] = process.argv.slice(2)
const loop = new PollLoop(createWaker(), () => {})
const links = packetLinks(loop)
const { clock } = loop
const events = new EventBus<L2Events>({
  now: () => clock.now(),
  onHandlerError: error => {
    throw error
  },
})
const announcer = createAnnouncer(
  { clock, random: realRandom(), links, monitor: links, events },
  { rateLimits: { total: Number(total) } },
)
announcer.apply([{ address: address(target), interfaces: 'all' }])
announcer.start()

const line = Buffer.alloc(64)
loop.add(0, () => {
  if (readSync(0, line) === 0) return loop.stop()
  const { user, system } = process.cpuUsage()
  writeSync(1, `${JSON.stringify({ cpuSeconds: (user + system) / 1e6 })}\n`)
})
writeSync(1, 'started\n')
raiseThreadPriority()
loop.run()
process.exit(0)
