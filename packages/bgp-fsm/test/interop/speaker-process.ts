// One speaker on real TCP, driven by JSON lines on stdin, for tests that run it inside a network namespace.
import { createInterface } from 'node:readline'
import { EventBus } from '@metallb-ts/event-bus'
import { address, formatAddress, parseAddress, prefix } from '@metallb-ts/netip'
import { REAL_CLOCK, realRandom } from '@metallb-ts/runtime/node'
import {
  createSpeaker,
  explainClose,
  type BgpEvents,
  type PeerInit,
  type SourcedRoute,
  type Speaker,
} from '@metallb-ts/bgp-fsm'
import { tcpTransport } from '@metallb-ts/bgp-fsm/node'

const out = (line: object): void => void process.stdout.write(`${JSON.stringify(line, plain)}\n`)
const events = new EventBus<BgpEvents>({
  now: () => REAL_CLOCK.now(),
  onHandlerError: error => out({ name: 'handler-error', error: String(error) }),
})
events.subscribeAll(({ name, detail }) => out({ name, detail }))

let speaker: Speaker | undefined

createInterface({ input: process.stdin }).on('line', line => {
  void run(JSON.parse(line, revive) as Command).catch((error: unknown) => out({ name: 'failed', error: String(error) }))
})

type Command =
  | { do: 'create'; init: Parameters<typeof createSpeaker>[1]; countsReceived?: boolean }
  | { do: 'peer'; init: PeerInit }
  | { do: 'update'; init: PeerInit }
  | { do: 'routes'; source: string; routes: readonly SourcedRoute[] }
  | { do: 'many'; source: string; count: number; attributeSets: number }
  | { do: 'listen'; port: number }
  | { do: 'refresh'; peer: string; family: 'ipv4' | 'ipv6' }
  | { do: 'synced' }
  | { do: 'show' }
  | { do: 'stop'; options: Parameters<Speaker['stop']>[0] }

async function run(command: Command): Promise<void> {
  switch (command.do) {
    case 'create': {
      const onReceived = (peer: string, change: object): void => out({ name: 'received', detail: { peer, ...change } })
      speaker = createSpeaker(
        {
          clock: REAL_CLOCK,
          random: realRandom(),
          transport: tcpTransport(),
          events,
          ...(command.countsReceived === true && { onReceived }),
        },
        command.init,
      )
      break
    }
    case 'peer':
      speaker!.addPeer(command.init)
      break
    case 'update':
      out({ name: 'changed', change: speaker!.updatePeer(command.init.name, command.init) })
      break
    case 'routes':
      speaker!.setRoutes(command.source, command.routes)
      break
    case 'many':
      speaker!.setRoutes(command.source, many(command.count, command.attributeSets))
      break
    case 'listen':
      await speaker!.listen(command.port)
      out({ name: 'listening' })
      break
    case 'refresh':
      speaker!.peers.get(command.peer)!.requestRefresh(command.family)
      break
    case 'synced':
      speaker!.markSynced()
      break
    case 'show':
      out({ name: 'shown', peers: Array.from(speaker!.peers.values(), shown) })
      break
    case 'stop':
      await speaker!.stop(command.options)
      out({ name: 'stopped' })
      process.stdin.destroy()
  }
}

function many(count: number, attributeSets: number): SourcedRoute[] {
  const sets = Array.from({ length: attributeSets }, (_, i) => ({ communities: [64_500 * 65_536 + i] }))
  return Array.from({ length: count }, (_, i) => ({
    prefix: { address: { family: 'ipv4' as const, value: BigInt(0x64000000 + i) }, length: 32 },
    attributes: sets[i % attributeSets]!,
  }))
}

function shown({
  init,
  state,
  counters,
  prefixes,
  lastError,
  negotiated,
}: Speaker['peers'] extends ReadonlyMap<string, infer P> ? P : never): object {
  return { name: init.name, state, counters, prefixes, negotiated, lastError: lastError && explainClose(lastError) }
}

/** Addresses and prefixes travel as `{ "ip": "..." }` and `{ "cidr": "..." }`. */
function revive(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if ('ip' in value) return address(value.ip as string)
  if ('cidr' in value) return prefix(value.cidr as string)
  if ('big' in value) return BigInt(value.big as string)
  return value
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}`
  if (
    typeof value !== 'object' ||
    value === null ||
    !('family' in value) ||
    typeof (value as { value?: unknown }).value !== 'bigint'
  )
    return value
  const text = formatAddress(value as ReturnType<typeof address>)
  return parseAddress(text).ok ? text : value
}
