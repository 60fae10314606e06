import { EventBus } from '@metallb-ts/event-bus'
import { address, formatPrefix, type Address } from '@metallb-ts/netip'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { expect, test } from 'vitest'
import { createSpeaker, type BgpEvents, type ReceivedChange, type Route, type Speaker } from '../src/index.ts'
import { SimNetwork, type SimHost } from '../src/testing/index.ts'
import { route } from './scripted-scene.ts'

const SEEDS = Number(process.env['SEEDS'] ?? 10_000)
const FIRST = Number(process.env['SEED'] ?? 1)

/** Two speakers on a network that a seed makes bad; both dial and both listen. */
class Pair {
  readonly clock: SimClock = new SimClock()
  readonly random: SimRandom
  readonly network: SimNetwork
  readonly hosts: readonly SimHost[]
  readonly speakers: readonly Speaker[]
  /** What each has heard of the other on the session that stands. */
  readonly heard: readonly Set<string>[] = [new Set(), new Set()]
  readonly announced: (readonly Route[])[] = [[], []]

  constructor(seed: number) {
    this.random = new SimRandom(seed)
    const { clock, random } = this
    this.network = new SimNetwork({ clock, random, latencyMs: [1, 1 + 40 * random.next()], window: 2_000 })
    const ids = random.next() < 0.5 ? ['192.0.2.1', '192.0.2.2'] : ['192.0.2.2', '192.0.2.1']
    const addresses = ids.map(id => address(id))
    this.hosts = addresses.map(own => this.network.host(own))
    this.speakers = addresses.map((own, i) => this.#speaker(i, own, addresses[1 - i]!))
  }

  /** One thing happens. */
  strike(): void {
    const [a, b] = this.hosts as [SimHost, SimHost]
    const which = this.#below(2)
    const actions = [
      () => this.network.cut(a, b),
      () => this.network.heal(a, b),
      () => this.network.heal(a, b),
      () => this.network.reset(a, b),
      () => this.network.stall(this.hosts[which]!, true),
      () => this.network.stall(this.hosts[which]!, false),
      () => this.announce(which),
      () => this.announce(which),
      () => this.speakers[which]!.peers.get('other')!.reset(),
    ]
    actions[this.#below(actions.length)]!()
    this.clock.advance(this.random.next() < 0.3 ? this.random.next() * 100_000 : this.random.next() * 2_000)
  }

  announce(which: number): void {
    const count = this.#below(30)
    const med = this.#below(3)
    const routes = Array.from({ length: count }, (_, i) => route(`10.${which}.${i}.0/24`, { med }))
    this.announced[which] = routes
    this.speakers[which]!.setRoutes('test', routes)
  }

  calm(): void {
    const [a, b] = this.hosts as [SimHost, SimHost]
    this.network.heal(a, b)
    for (const host of this.hosts) this.network.stall(host, false)
    for (let s = 0; s < 700 && !this.isSettled(); s++) this.clock.advance(1_000)
    this.clock.advance(10_000)
  }

  isSettled(): boolean {
    return this.speakers.every((speaker, i) => {
      const peer = speaker.peers.get('other')!
      return peer.state === 'established' && peer.isFlushed && peer.prefixes.advertised === this.announced[i]!.length
    })
  }

  #speaker(which: number, own: Address, other: Address): Speaker {
    const { clock, random } = this
    const events = new EventBus<BgpEvents>({
      now: () => clock.now(),
      onHandlerError: error => {
        throw error
      },
    })
    const transport = this.hosts[which]!.transport
    const onReceived = (_: string, change: ReceivedChange): void => this.#hears(which, change)
    const speaker = createSpeaker(
      { clock, random, transport, events, onReceived },
      { asn: 64_512 + which, routerId: own },
    )
    void speaker.listen()
    speaker.addPeer({ name: 'other', remote: other, peerAsn: 64_513 - which, holdSeconds: 9, families: ['ipv4'] })
    return speaker
  }

  #hears(which: number, change: ReceivedChange): void {
    const heard = this.heard[which]!
    if (change.type === 'session-ended') heard.clear()
    if (change.type !== 'routes') return
    for (const prefix of change.withdrawn) heard.delete(formatPrefix(prefix))
    for (const prefix of change.announced) heard.add(formatPrefix(prefix))
  }

  #below(limit: number): number {
    return Math.floor(this.random.next() * limit)
  }
}

test(`[B-COL-04] [B-COL-05] [B-TRN-06] ${SEEDS} bad networks: in the end one session, and each knows what the other announces`, async () => {
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    const pair = new Pair(seed)
    await Promise.resolve() // both listen
    for (let strikes = 0; strikes < 12; strikes++) pair.strike()
    pair.calm()
    const states = pair.speakers.map(speaker => speaker.peers.get('other')!.state)
    expect(states, `seed ${seed}`).toEqual(['established', 'established'])
    expect(pair.network.open, `seed ${seed}: connections`).toBe(1)
    for (const [which, heard] of pair.heard.entries()) {
      const announced = pair.announced[1 - which]!.map(({ prefix }) => formatPrefix(prefix)).sort()
      expect([...heard].sort(), `seed ${seed}: what ${which} knows`).toEqual(announced)
    }
  }
})

test('[B-TRN-06] a peer behind a black hole is gone after the hold time, and back after the hole', async () => {
  const pair = new Pair(1)
  await Promise.resolve()
  pair.calm()
  const [a, b] = pair.hosts as [SimHost, SimHost]
  pair.network.cut(a, b)
  pair.clock.advance(9_500)
  pair.clock.advance(500)
  for (const speaker of pair.speakers) expect(speaker.peers.get('other')!.state).not.toBe('established')
  pair.calm()
  for (const speaker of pair.speakers) expect(speaker.peers.get('other')!.state).toBe('established')
})
