import { readSync, writeSync } from 'node:fs'
import { EventBus } from '@metallb-ts/event-bus'
import { capLinks, createWaker, packetLinks, PollLoop } from '@metallb-ts/linux-net/node'
import { address, mac } from '@metallb-ts/netip'
import { realRandom } from '@metallb-ts/runtime/node'
import { createAnnouncer, type L2Events } from '../src/index.ts'

/** A host that announces what it is told on standard input and says what happens on standard output, a line of JSON each. */
interface Command {
  readonly apply?: readonly { readonly address: string; readonly interfaces?: readonly string[] }[]
  readonly peers?: Readonly<Record<string, string>>
  readonly report?: true
  readonly stop?: true
}

const say = (message: unknown): void => void writeSync(1, `${JSON.stringify(message)}\n`)
const loop = new PollLoop(createWaker(), () => {})
const links = process.argv[2] === 'cap' ? capLinks(loop) : packetLinks(loop)
const { clock } = loop
const events = new EventBus<L2Events>({
  now: () => clock.now(),
  onHandlerError: error => {
    throw error
  },
})
events.subscribeAll(({ name, detail }) => say({ event: name, ...detail }))
const announcer = createAnnouncer({ clock, random: realRandom(), links, monitor: links, events })

function obey(command: Command): void {
  if (command.apply !== undefined) {
    announcer.apply(
      command.apply.map(each => ({ address: address(each.address), interfaces: each.interfaces ?? 'all' })),
    )
  }
  if (command.peers !== undefined) {
    announcer.setPeers(new Map(Object.entries(command.peers).map(([hardware, node]) => [mac(hardware), node])))
  }
  if (command.report === true) {
    const { addresses, ignored } = announcer.counters()
    say({ report: { addresses: Object.fromEntries(addresses), ignored } })
  }
  if (command.stop === true) {
    announcer.stop()
    loop.stop()
  }
}

const buffer = Buffer.alloc(65_536)
let text = ''
loop.add(0, () => {
  const length = readSync(0, buffer)
  if (length === 0) return obey({ stop: true })
  text += buffer.toString('utf8', 0, length)
  const lines = text.split('\n')
  text = lines.pop() ?? ''
  for (const line of lines) obey(JSON.parse(line) as Command)
})

announcer.start()
say({ started: true })
loop.run()
links.close()
