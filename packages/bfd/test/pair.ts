import { address, type Address } from '@metallb-ts/netip'
import { randomInteger } from '@metallb-ts/runtime'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { createBfd, type BfdPath, type BfdProfile, type BfdSession, type SessionHandle } from '../src/index.ts'
import { driftingClock, SimNetwork, type SimHost, type SimNetworkSettings } from '../src/testing/index.ts'

/** One end of the path, and what it told about it. */
export interface End {
  readonly host: SimHost
  readonly handle: SessionHandle
  readonly session: BfdSession
  readonly told: string[]
  /** How fast its clock goes. */
  readonly rate: number
}

/** Two ends with clocks that drift apart, and settings drawn from a seed. */
export class SimPair {
  readonly seed: number
  readonly clock: SimClock = new SimClock()
  readonly random: SimRandom
  readonly network: SimNetwork
  readonly ends: readonly [End, End]
  /** The longest that a datagram is on its way. */
  readonly mostLatencyMs: number

  constructor(seed: number) {
    this.seed = seed
    this.random = new SimRandom(seed)
    const profiles = [this.#profile(false), this.#profile(this.random.next() < 0.2)] as const
    const latencyMs = this.#latency(profiles)
    this.mostLatencyMs = latencyMs[1]
    this.network = new SimNetwork(this, { latencyMs, duplication: this.random.next() * 0.1 })
    const [a, b] = ADDRESSES[seed % ADDRESSES.length]!.map(address) as [Address, Address]
    const hosts = [this.network.host([a]), this.network.host([b])] as const
    const kind = seed % 3 === 0 ? 'multihop' : 'single-hop'
    if (kind === 'multihop') this.network.separate(...hosts, 1)
    this.ends = [
      this.#end(hosts[0], { kind, remote: b, local: a }, profiles[0]),
      this.#end(hosts[1], { kind, remote: a, local: b }, profiles[1]),
    ]
  }

  get isUp(): boolean {
    return this.ends.every(({ session }) => session.state === 'up')
  }

  /** Lets time pass until it is so; false when `limitMs` was not enough. */
  until(isSo: () => boolean, limitMs: number): boolean {
    const end = this.clock.now() + limitMs
    while (!isSo() && this.clock.now() <= end) this.clock.next()
    return isSo()
  }

  /** Up, and nothing of the handshake is on its way any more. False when that did not come to be. */
  settles(): boolean {
    for (let tries = 0; tries < MOST_ROUNDS; tries++) {
      const told = this.#told()
      this.clock.advance(this.mostLatencyMs * 2 + ROUND_MS)
      if (this.isUp && this.#told() === told) return true
    }
    return false
  }

  set(settings: SimNetworkSettings): void {
    Object.assign(this.network.settings, settings)
  }

  /** From here on datagrams hardly overtake each other. */
  calm(): void {
    const [least] = this.network.settings.latencyMs
    this.set({ latencyMs: [least, least + CALM_SPREAD_MS] })
    this.clock.advance(this.mostLatencyMs)
  }

  #told(): number {
    return this.ends.reduce((sum, { told }) => sum + told.length, 0)
  }

  /** Down to a multiplier of 1, for which no packet may be late. */
  #profile(passiveMode: boolean): BfdProfile {
    return {
      receiveIntervalMs: 50 + randomInteger(this.random, 250),
      transmitIntervalMs: 50 + randomInteger(this.random, 250),
      detectMultiplier: 1 + randomInteger(this.random, 5),
      passiveMode,
    }
  }

  /** As much delay and disorder as leaves every packet time to be there before it is missed. */
  #latency(profiles: readonly [BfdProfile, BfdProfile]): readonly [number, number] {
    const spreads = profiles.map(({ transmitIntervalMs = 0, detectMultiplier = 1 }, i) => {
      const interval = Math.max(transmitIntervalMs, profiles[1 - i]!.receiveIntervalMs ?? 0)
      return interval * (detectMultiplier === 1 ? 0.08 : (detectMultiplier - 1) * 0.9)
    })
    const least = this.random.next() * 20
    return [least, least + this.random.next() * Math.min(...spreads)]
  }

  #end(host: SimHost, path: BfdPath, profile: BfdProfile): End {
    const rate = 1 + (this.random.next() - 0.5) * MOST_DRIFT * 2
    const told: string[] = []
    const bfd = createBfd({
      clock: driftingClock(this.clock, rate),
      random: this.random,
      transport: host.transport,
      events: { publish: (name, detail) => void told.push(`${name} ${JSON.stringify(detail)}`) },
    })
    const opened = bfd.open(path, profile)
    if (!opened.ok) throw new Error(opened.error.detail)
    return { host, handle: opened.value, session: opened.value.session, told, rate }
  }
}

const MOST_ROUNDS = 20
const ROUND_MS = 3_000
const CALM_SPREAD_MS = 3
const MOST_DRIFT = 0.005 // half a percent either way, far more than clocks of machines do
const ADDRESSES = [
  ['192.0.2.1', '192.0.2.2'],
  ['2001:db8::1', '2001:db8::2'],
] as const
