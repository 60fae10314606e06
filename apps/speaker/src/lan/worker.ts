import { readFileSync } from 'node:fs'
import { parentPort, receiveMessageOnPort, workerData, type MessagePort } from 'node:worker_threads'
import { udpTransport } from '@metallb-ts/bfd/node'
import { capLinks, packetLinks, PollLoop, raiseThreadPriority } from '@metallb-ts/linux-net/node'
import { realRandom } from '@metallb-ts/runtime/node'
import { createLanBfd } from './bfd.ts'
import { LanCore } from './lan-core.ts'
import { nativeMembers } from './native-members.ts'
import type { FromLan, LanWorkerData, ToLan } from './protocol.ts'

// The LAN's thread: it blocks in poll(2), and its event loop never turns. Messages come with a write to the eventfd.
run(parentPort!, workerData as LanWorkerData)

function run(port: MessagePort, { init, wakeFd }: LanWorkerData): void {
  const loop = new PollLoop(wakeFd, () => drain(port, core))
  const links = init.backend === 'cap' ? capLinks(loop) : packetLinks(loop)
  const core = new LanCore(
    {
      clock: loop.clock,
      random: realRandom(),
      links,
      monitor: links,
      post: message => port.postMessage(message),
      arpIgnore,
      end: () => loop.stop(),
    },
    init,
    init.membership && ((events, onLinks) => nativeMembers(loop, init, init.membership!, events, onLinks)),
    (events, onRefused) =>
      createLanBfd(
        { clock: loop.clock, random: realRandom(), transport: udpTransport(loop), events },
        { onRefused, forwards: () => sysctl('net/ipv4/ip_forward') === 1 },
      ),
  )
  loop.onLate = lateMs => core.onLate(lateMs)
  core.start()
  port.postMessage({
    type: 'log',
    severity: 'info',
    event: 'lan-thread',
    fields: { priority: raiseThreadPriority() },
  } satisfies FromLan)
  loop.run()
  links.close()
}

function drain(port: MessagePort, core: LanCore): void {
  for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
    core.onMessage((next as { message: ToLan }).message)
  }
}

function arpIgnore(name: string): number {
  return sysctl(`net/ipv4/conf/${name}/arp_ignore`)
}

/** 0 for what is not there, as an interface that went. */
function sysctl(path: string): number {
  try {
    return Number(readFileSync(`/proc/sys/${path}`, 'utf8'))
  } catch {
    return 0
  }
}
