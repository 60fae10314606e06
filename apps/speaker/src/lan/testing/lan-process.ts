import { createInterface } from 'node:readline'
import { EventBus } from '@metallb-ts/event-bus'
import { address } from '@metallb-ts/netip'
import { SILENT_LOGGER } from '@metallb-ts/runtime'
import { REAL_CLOCK } from '@metallb-ts/runtime/node'
import type { LanEvents } from '../lan.ts'
import { startLan } from '../start-lan.ts'

/** A process with a LAN thread and nothing else, told what to do by lines on standard input. */
const say = (message: unknown): void => void process.stdout.write(`${JSON.stringify(message)}\n`)

const [node = 'node-a', own] = process.argv.slice(2)
const events = new EventBus<LanEvents>({
  now: () => REAL_CLOCK.now(),
  onHandlerError: error => {
    throw error
  },
})
events.subscribeAll(({ name, detail }) => say({ event: name, ...detail }))

const lan = await startLan(
  { events, logger: SILENT_LOGGER, onFailure: error => say({ failure: error.message }) },
  {
    node,
    excludedInterfaces: ['^not'],
    ...(own !== undefined && {
      membership: { bindAddress: address(own), bindPort: 7946, secret: 'a secret of the cluster', profile: 'fast' },
    }),
  },
)
say({ started: true })

const commands: Record<string, (...args: string[]) => unknown> = {
  apply: (...addresses) => lan.apply(addresses.map(text => ({ address: address(text), interfaces: 'all' }))),
  contest: (text, ...nodes) => {
    const contest = { address: address(text!), candidates: nodes.map(each => ({ node: each })) }
    lan.apply([{ address: contest.address, interfaces: 'all', contest }])
  },
  /** Addresses that are 10.88.1.0 and on; who may own them, and by what score. */
  contests: (count, ...scored) => {
    const candidates = scored.map(each => {
      const [name = '', score = '0'] = each.split('=')
      return { node: name, score: Number(score) }
    })
    const addresses = Array.from({ length: Number(count) }, (_, i) => address(`10.88.${1 + (i >> 8)}.${i & 255}`))
    lan.apply(addresses.map(each => ({ address: each, interfaces: 'all', contest: { address: each, candidates } })))
  },
  peers: (...peers) =>
    lan.setPeers(
      peers.map(each => {
        const [peer = '', at = ''] = each.split('=')
        return { node: peer, address: address(at) }
      }),
    ),
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
