import { createInterface } from 'node:readline'
import { EventBus } from '@metallb-ts/event-bus'
import { address } from '@metallb-ts/netip'
import { SILENT_LOGGER } from '@metallb-ts/runtime'
import { REAL_CLOCK } from '@metallb-ts/runtime/node'
import { startLan, type LanEvents } from '../lan.ts'

/** A process with a LAN thread and nothing else, told what to do by lines on standard input. */
const say = (message: unknown): void => void process.stdout.write(`${JSON.stringify(message)}\n`)

const events = new EventBus<LanEvents>({
  now: () => REAL_CLOCK.now(),
  onHandlerError: error => {
    throw error
  },
})
events.subscribeAll(({ name, detail }) => say({ event: name, ...detail }))

const lan = await startLan(
  { clock: REAL_CLOCK, events, logger: SILENT_LOGGER, onFailure: error => say({ failure: error.message }) },
  { node: 'node-a', excludedInterfaces: ['^not'] },
)
say({ started: true })

const commands: Record<string, (...args: string[]) => unknown> = {
  apply: (...addresses) => lan.apply(addresses.map(text => ({ address: address(text), interfaces: 'all' }))),
  links: () => say({ links: lan.links() }),
  counters: () => say({ counters: lan.counters() }),
  stall: ms => {
    say({ stalled: true })
    for (const until = Date.now() + Number(ms); Date.now() < until;);
    say({ stalled: false })
  },
  stop: async () => {
    await lan.stop()
    say({ stopped: true })
    input.close()
  },
  exit: () => process.exit(7),
  throw: () => {
    throw new Error('a bug')
  },
}

const input = createInterface({ input: process.stdin })
input.on('line', line => {
  const [command, ...args] = line.split(' ')
  void commands[command!]!(...args)
})
