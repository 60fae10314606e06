import { EventBus } from '@metallb-ts/event-bus'
import { address, formatPrefix, type Address } from '@metallb-ts/netip'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import {
  createSpeaker,
  type BgpEvents,
  type PeerInit,
  type ReceivedChange,
  type Route,
  type Speaker,
} from '../../src/index.ts'
import { SimNetwork, type SimHost } from '../../src/testing/index.ts'
import { route } from '../scripted-scene.ts'

export interface Side {
  readonly host: SimHost
  readonly own: Address
  readonly asn: number
  readonly peer: PeerInit
  speaker: Speaker
  /** What it has heard of the other, stale or not. */
  readonly heard: Set<string>
  announced: readonly Route[]
}

/** Two speakers on a network that a seed makes bad, with settings that it chooses; at least one of them dials. */
export class Pair {
  readonly clock: SimClock = new SimClock()
  readonly random: SimRandom
  readonly network: SimNetwork
  readonly sides: readonly [Side, Side]
  readonly #mostRoutes: number

  /** @param mostRoutes of a set that one of them announces, up to 16384 */
  constructor(seed: number, mostRoutes = 30) {
    this.#mostRoutes = mostRoutes
    this.random = new SimRandom(seed)
    const { clock, random } = this
    this.network = new SimNetwork({ clock, random, latencyMs: [1, 1 + 40 * random.next()], window: 2_000 })
    const addresses = this.#chance(0.5) ? ['192.0.2.1', '192.0.2.2'] : ['192.0.2.2', '192.0.2.1']
    const [a, b] = addresses.map(text => address(text)) as [Address, Address]
    const passive = this.#chance(0.25) ? this.below(2) : -1
    this.sides = [this.#side(0, a, b, passive === 0), this.#side(1, b, a, passive === 1)]
    for (const side of this.sides) this.#begin(side, false)
  }

  /** One thing happens, and time passes. */
  async strike(): Promise<void> {
    const [a, b] = [this.sides[0].host, this.sides[1].host]
    const side = this.sides[this.below(2)]!
    const actions = [
      () => this.network.cut(a, b),
      () => this.network.heal(a, b),
      () => this.network.heal(a, b),
      () => this.network.reset(a, b),
      () => this.network.stall(side.host, true),
      () => this.network.stall(side.host, false),
      () => this.#announce(side),
      () => this.#announce(side),
      () => side.speaker.peers.get('other')!.reset(),
      () => this.#restart(side),
      () => this.failPower(side),
    ]
    actions[this.below(actions.length)]!()
    await turn()
    this.clock.advance(this.#chance(0.3) ? this.random.next() * 100_000 : this.random.next() * 2_000)
  }

  /** The network is good from now on, and time passes until nothing moves any more. */
  calm(): void {
    const [a, b] = [this.sides[0].host, this.sides[1].host]
    this.network.heal(a, b)
    for (const { host } of this.sides) this.network.stall(host, false)
    for (let s = 0; s < MOST_SECONDS && !this.isSettled; s++) this.clock.advance(1_000)
    this.clock.advance(STALE_SECONDS * 1_000)
    // One whose other end is gone, and on which no OPEN came, is kept for minutes (RFC 4271 §8.2.2).
    if (this.network.open > 1) this.clock.advance(OPEN_HOLD_SECONDS * 1_000)
  }

  get isSettled(): boolean {
    return this.sides.every(({ speaker, announced }) => {
      const { state, isFlushed, prefixes } = speaker.peers.get('other')!
      return state === 'established' && isFlushed && prefixes.advertised === announced.length
    })
  }

  below(limit: number): number {
    return Math.floor(this.random.next() * limit)
  }

  #side(which: number, own: Address, remote: Address, passive: boolean): Side {
    const restart = { gracefulRestart: { seconds: STALE_SECONDS }, restartHelp: { staleSeconds: STALE_SECONDS } }
    const peer: PeerInit = {
      name: 'other',
      remote,
      peerAsn: 64_513 - which,
      holdSeconds: 9,
      families: ['ipv4', 'ipv6'],
      ownAddresses: { ipv6: address(`2001:db8::${which + 1}`) },
      passive,
      ...(this.#chance(0.5) && restart),
      ...(this.#chance(0.2) && { delayOpenSeconds: 1 + this.below(5) }),
      ...(this.#chance(0.2) && { extendedMessages: true, maxUpdateSize: 512 + this.below(8_000) }),
    }
    const host = this.network.host(own)
    const heard = new Set<string>()
    return { host, own, asn: 64_512 + which, peer, heard, announced: [], speaker: undefined as never }
  }

  #begin(side: Side, isRestarting: boolean): void {
    const { clock, random } = this
    const events = new EventBus<BgpEvents>({
      now: () => clock.now(),
      onHandlerError: error => {
        throw error
      },
    })
    const speaker: Speaker = createSpeaker(
      {
        clock,
        random,
        transport: side.host.transport,
        events,
        onReceived: (_, change) => side.speaker === speaker && hear(side.heard, change),
      },
      { asn: side.asn, routerId: side.own, isRestarting },
    )
    side.speaker = speaker
    void speaker.listen()
    speaker.addPeer(side.peer)
    speaker.setRoutes('test', side.announced)
  }

  /** The other side does not notice that it was gone. */
  failPower(side: Side): void {
    this.network.failPower(side.host)
    this.#restart(side)
  }

  /** Its process goes without a word, and another takes over. */
  #restart(side: Side): void {
    void side.speaker.stop({ graceful: true })
    side.heard.clear()
    this.#begin(side, true)
  }

  #announce(side: Side): void {
    const count = this.below(this.#mostRoutes)
    const med = this.below(3)
    const own = side.asn - 64_512
    side.announced = Array.from({ length: count }, (_, i) =>
      i % 3 === 0
        ? route(`2001:db8:${own + 1}:${i}::/64`, { med })
        : route(`10.${64 * own + (i >> 8)}.${i & 255}.0/24`, { med }),
    )
    side.speaker.setRoutes('test', side.announced)
  }

  #chance(of: number): boolean {
    return this.random.next() < of
  }
}

/** Lets promises that are due be kept. */
export async function turn(): Promise<void> {
  for (let i = 0; i < 8; i++) await Promise.resolve()
}

const STALE_SECONDS = 30
const OPEN_HOLD_SECONDS = 240
const MOST_SECONDS = 1_000

function hear(heard: Set<string>, change: ReceivedChange): void {
  switch (change.type) {
    case 'routes':
      for (const prefix of change.withdrawn) heard.delete(formatPrefix(prefix))
      for (const prefix of change.announced) heard.add(formatPrefix(prefix))
      return
    case 'swept':
      for (const prefix of change.prefixes) heard.delete(formatPrefix(prefix))
      return
    case 'session-ended':
      return heard.clear()
    case 'stale':
    case 'long-lived-stale':
    case 'end-of-rib':
  }
}
