import type { ElectionRules, Candidate, Links } from '@metallb-ts/l2-announcer'
import { SimHost, SimNode, SimSegment, type SimPort } from '@metallb-ts/l2-announcer/testing'
import { SimDatagrams } from '@metallb-ts/membership/testing'
import { address, formatAddress, type Address, type Mac } from '@metallb-ts/netip'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { LanCore } from '../lan-core.ts'
import type { LanAddress } from '../contest.ts'
import { createMembers } from '../members.ts'
import type { FromLan } from '../protocol.ts'

const OPEN = { seal: (plain: Uint8Array) => plain, open: (sealed: Uint8Array) => sealed }

export interface SimSpeakersInit {
  readonly seed: number
  readonly size: number
  readonly vips: readonly Address[]
  readonly loss?: number
  readonly election?: ElectionRules
  readonly guard?: boolean
}

/** The LAN threads of several speakers on one simulated segment, heartbeats and all, and a client on it. */
export class SimSpeakers {
  readonly clock: SimClock = new SimClock()
  readonly random: SimRandom
  readonly segment: SimSegment
  readonly network: SimDatagrams
  readonly client: SimHost
  readonly speakers: readonly SimSpeaker[]
  readonly init: SimSpeakersInit

  constructor(init: SimSpeakersInit) {
    this.init = init
    this.random = new SimRandom(init.seed)
    const { clock, random } = this
    this.segment = new SimSegment({ clock, random })
    this.network = new SimDatagrams({ clock, random }, { loss: init.loss ?? 0 })
    const own = [address('192.0.2.250'), address('2001:db8::fa')]
    this.client = new SimHost(clock, this.segment, { mac: 0x0200_0000_00aa as Mac, addresses: own })
    this.speakers = Array.from({ length: init.size }, (_, i) => new SimSpeaker(this, i))
  }

  /** Speakers on the client's side of every cut that answer for the address. */
  holders(vip: Address): readonly SimSpeaker[] {
    return this.speakers.filter(speaker => speaker.isReachable && speaker.holds(vip))
  }

  /** Lets time pass, and looks every quarter of a millisecond. */
  run(ms: number, look: (elapsedMs: number) => void): void {
    for (let elapsed = 0; elapsed < ms; elapsed += 0.25) {
      this.clock.advance(0.25)
      look(elapsed)
    }
  }

  /** Tells every speaker what may be owned by whom, each within `skewMs`. */
  configure(candidates: (vip: Address) => readonly Candidate[], skewMs = 0): void {
    const desired = this.init.vips.map(vip => ({
      address: vip,
      interfaces: 'all' as const,
      contest: { address: vip, candidates: candidates(vip) },
    }))
    for (const speaker of this.speakers) {
      speaker.desired = desired
      this.clock.setTimer(this.random.next() * skewMs, () => speaker.apply())
    }
  }

  everybody = (): readonly Candidate[] => this.speakers.map(({ node }) => ({ node }))
}

export class SimSpeaker {
  readonly node: string
  readonly own: Address
  readonly host: SimNode
  readonly port: SimPort
  desired: readonly LanAddress[] = []
  readonly posted: FromLan[] = []
  readonly #world: SimSpeakers
  #held: ReadonlySet<string> = new Set()
  #core: LanCore | undefined
  #hungAt = 0

  constructor(world: SimSpeakers, index: number) {
    this.#world = world
    this.node = `node-${index}`
    this.own = address(`192.0.2.${index + 1}`)
    this.host = new SimNode(world.clock)
    this.port = this.host.plug(world.segment, { name: 'eth0', mac: (0x0200_0000_0100 + index) as Mac })
  }

  get isRunning(): boolean {
    return this.#core !== undefined
  }

  get isReachable(): boolean {
    return this.isRunning && !this.port.isCut
  }

  holds(vip: Address): boolean {
    return this.#held.has(formatAddress(vip))
  }

  start(): void {
    const { clock, random, network, init } = this.#world
    let isEnded = false
    const core = new LanCore(
      {
        clock,
        random,
        links: this.#watched(() => isEnded),
        monitor: this.host,
        post: message => void this.posted.push(message),
        arpIgnore: () => 0,
        end: () => {
          isEnded = true
          if (this.#core === core) this.#core = undefined
          this.#held = new Set()
        },
      },
      { node: this.node, guard: init.guard === true, ...(init.election !== undefined && { election: init.election }) },
      (events, onLinks) =>
        createMembers(
          {
            clock,
            random,
            cipher: OPEN,
            events,
            onLinks,
            open: received => {
              const receive = (bytes: Uint8Array): void => (isEnded ? undefined : received(bytes))
              const attached = network.attach(this.own, receive)
              return { send: (bytes, to) => (isEnded ? undefined : attached.send(bytes, to)), close: () => {} }
            },
          },
          { node: this.node, ...(init.election !== undefined && { election: init.election }) },
          { profile: 'fast' },
        ),
    )
    this.#core = core
    core.start()
    const peers = this.#world.speakers.map(({ node, own }) => ({ node, address: own }))
    core.onMessage({ type: 'set-peers', peers })
    this.apply()
  }

  apply(): void {
    this.#core?.onMessage({ type: 'apply', desired: this.desired })
  }

  /** SIGTERM. */
  stop(): void {
    this.#core?.onMessage({ type: 'stop' })
  }

  cut(): void {
    this.port.cut()
    for (const other of this.#world.speakers) {
      this.#world.network.cut(this.own, other.own)
      this.#world.network.cut(other.own, this.own)
    }
  }

  restore(): void {
    this.port.restore()
    const { network, speakers } = this.#world
    network.heal()
    for (const speaker of speakers) if (speaker.port.isCut) speaker.cut()
  }

  /** Its thread stands still: nothing is sent, and nothing read. */
  hang(): void {
    this.cut()
    this.#hungAt = this.#world.clock.now()
  }

  goOn(): void {
    this.#core?.onLate(this.#world.clock.now() - this.#hungAt)
    this.restore()
  }

  /** As a cable pulled out: nothing passes, and the kernel says so. */
  unplug(): void {
    this.cut()
    this.host.set('eth0', { hasCarrier: false })
  }

  plugIn(): void {
    this.restore()
    this.host.set('eth0', { hasCarrier: true })
  }

  #watched(isEnded: () => boolean): Links {
    return {
      open: (link, onFrame) => {
        const opened = this.host.open(link, frame => (isEnded() ? undefined : onFrame(frame)))
        if (!opened.ok) return opened
        const port = opened.value
        const listenFor = (addresses: readonly Address[]): void => {
          if (!isEnded()) this.#held = new Set(addresses.map(formatAddress))
          port.listenFor(addresses)
        }
        const close = (): void => {
          this.#held = new Set()
          port.close()
        }
        const { mac, mtu } = port
        return {
          ok: true,
          value: {
            mac,
            mtu,
            send: f => port.send(f),
            join: g => port.join(g),
            leave: g => port.leave(g),
            listenFor,
            close,
          },
        }
      },
    }
  }
}
