import { address } from '@metallb-ts/netip'
import { randomInteger } from '@metallb-ts/runtime'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { describe, expect, test } from 'vitest'
import { createBfd, type Arrival, type BfdPath, type BfdSession, type Datagram } from '../src/index.ts'
import { scriptedControl, ScriptedPeer } from '../src/testing/index.ts'
import { decodeControl, decodeEcho, encodeControl, encodeEcho, STATE_NAMES } from '../src/wire/index.ts'

const RUNS = Number(process.env['BFD_FUZZ_RUNS'] ?? 50_000)
const SEED = Number(process.env['BFD_FUZZ_SEED'] ?? 5_880)

const TIMEOUT_MS = 30_000 + RUNS / 5

const PEERS = [address('192.0.2.1'), address('198.51.100.1'), address('fe80::1')] as const
const LOCAL = address('192.0.2.10')
const PATHS: readonly BfdPath[] = [
  { kind: 'single-hop', remote: PEERS[0] },
  { kind: 'multihop', remote: PEERS[1], local: LOCAL },
  { kind: 'single-hop', remote: PEERS[2], interface: 'eth0' },
]

describe(`any octets, seed ${SEED}`, () => {
  test(
    `[F-RX-14] ${RUNS} payloads, random and almost right: read or refused, never thrown at`,
    { timeout: TIMEOUT_MS },
    () => {
      const random = new SimRandom(SEED)
      for (let run = 0; run < RUNS; run++) {
        const bytes = payload(random, [])
        const decoded = decodeControl(bytes)
        decodeEcho(bytes)
        if (!decoded.ok || decoded.value.authentication !== undefined) continue
        const canonical = bytes.slice(0, bytes[3]!)
        canonical[3] = 24
        if (!isSame(encodeControl(decoded.value), canonical.subarray(0, 24))) throw new Error(`run ${run}: ${bytes}`)
      }
    },
  )

  test(
    `[F-RX-14] [F-RX-11] ${RUNS} datagrams to three sessions: each is accepted or counted, and answered with little`,
    { timeout: TIMEOUT_MS },
    () => {
      const random = new SimRandom(SEED)
      const clock = new SimClock()
      const peer = new ScriptedPeer(PEERS[0])
      const bfd = createBfd({ clock, random, transport: peer.transport, events: { publish: () => {} } })
      const sessions = PATHS.map(path => {
        const opened = bfd.open(path, { echoMode: true, echoTarget: true })
        if (!opened.ok) throw new Error(opened.error.detail)
        return opened.value.session
      })
      peer.take()
      let sent = 0
      let heard = 0
      for (let run = 0; run < RUNS; run++) {
        const before = accounted(sessions, bfd.discarded)
        const datagram = arrival(random, sessions)
        peer.sendBytes(datagram.bytes, datagram as Datagram)
        const counted = accounted(sessions, bfd.discarded) - before
        const answers = peer.take().length
        if (answers > 1) throw new Error(`run ${run}: ${answers} answers`)
        if (counted > 1) throw new Error(`run ${run}: counted ${counted} times`)
        heard += counted
        if (random.next() < 0.05) clock.advance(random.next() * 2_000)
        sent += answers + peer.take().length
        if (clock.pending > PATHS.length * MOST_TIMERS) throw new Error(`run ${run}: ${clock.pending} timers`)
      }
      expect(heard).toBeGreaterThan(RUNS * 0.8) // the others came to a port that is not open
      expect(sent).toBeGreaterThan(0)
      expect(sessions.every(({ counters }) => counters.controlIn > 0 && counters.upEvents > 0)).toBe(true)
    },
  )
})

const MOST_TIMERS = 7

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i])
}

function accounted(sessions: readonly BfdSession[], discarded: Readonly<Record<string, number>>): number {
  const accepted = sessions.reduce((sum, { counters }) => sum + counters.controlIn + counters.echoIn, 0)
  return accepted + Object.values(discarded).reduce((sum, count) => sum + count, 0)
}

function arrival(random: SimRandom, sessions: readonly BfdSession[]): Arrival & { readonly port: Datagram['port'] } {
  const pick = <T>(choices: readonly T[]): T => choices[randomInteger(random, choices.length)]!
  return {
    bytes: payload(random, sessions),
    port: pick(['single-hop', 'single-hop', 'multihop', 'multihop', 'echo']),
    source: pick([...PEERS, ...PEERS, address('203.0.113.1')]),
    ttl: pick([255, 255, 255, 254, 253, undefined]),
    ...(random.next() < 0.8 && { destination: LOCAL }),
    ...(random.next() < 0.8 && { interface: pick(['eth0', 'eth1']) }),
  }
}

function payload(random: SimRandom, sessions: readonly BfdSession[]): Uint8Array {
  const kind = random.next()
  if (kind < 0.2) return Uint8Array.from({ length: randomInteger(random, 64) }, () => randomInteger(random, 256))
  const discriminators = [0, 1, ...sessions.map(({ discriminator }) => discriminator)]
  const yourDiscriminator = discriminators[randomInteger(random, discriminators.length)]!
  const right =
    kind < 0.3
      ? encodeEcho({ myDiscriminator: yourDiscriminator, sentAt: random.next() * 1e6 })
      : encodeControl(
          scriptedControl({
            state: STATE_NAMES[randomInteger(random, 4)]!,
            yourDiscriminator,
            isPoll: random.next() < 0.2,
            isFinal: random.next() < 0.2,
            isDemand: random.next() < 0.1,
            detectMultiplier: 1 + randomInteger(random, 255),
            requiredMinRxUs: random.next() < 0.1 ? 0 : randomInteger(random, 0xffff_ffff),
            desiredMinTxUs: randomInteger(random, 0xffff_ffff),
            requiredMinEchoRxUs: random.next() < 0.5 ? 0 : randomInteger(random, 0xffff_ffff),
          }),
        )
  if (kind < 0.6) return right
  const flipped = right.with(randomInteger(random, right.length), randomInteger(random, 256))
  if (kind < 0.8) return flipped
  if (kind < 0.9) return flipped.subarray(0, randomInteger(random, flipped.length + 1))
  return Uint8Array.from([
    ...flipped,
    ...Array.from({ length: randomInteger(random, 40) }, () => randomInteger(random, 256)),
  ])
}
