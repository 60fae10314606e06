import { EventBus } from '@metallb-ts/event-bus'
import { address, formatAddress, type Address, type Mac } from '@metallb-ts/netip'
import type { Random } from '@metallb-ts/runtime'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { createAnnouncer, electOwner, type Announcer, type L2Events } from '../src/index.ts'
import { SimHost, SimNode, SimSegment, type SimPort } from '../src/testing/index.ts'

/** Several announcers on one segment that elect owners from what each knows of the others, a while after it is so. */
export class SimCluster {
  readonly clock: SimClock = new SimClock()
  readonly random: Random
  readonly client: SimHost
  readonly members: SimMember[]
  readonly vips: readonly Address[]

  constructor(seed: number, size: number, vips: readonly Address[]) {
    this.random = new SimRandom(seed)
    this.vips = vips
    const segment = new SimSegment({ clock: this.clock, random: this.random }, { isSnooping: true })
    const own = [address('192.0.2.250'), address('2001:db8::fa')]
    this.client = new SimHost(this.clock, segment, { mac: 0x0200_0000_00aa as Mac, addresses: own })
    this.members = Array.from({ length: size }, (_, i) => new SimMember(this, segment, i))
    const peers = new Map(this.members.map(({ mac, name }) => [mac, name]))
    if (seed % 2 === 0) for (const { announcer } of this.members) announcer.setPeers(peers)
    this.noticeSoon()
  }

  /** Every node learns of what is true now between 150 and 200 ms from now, each at its own time. */
  noticeSoon(): void {
    for (const member of this.members) this.clock.setTimer(150 + 50 * this.random.next(), () => member.notice())
  }

  /** Long enough for everybody to have noticed, and for who holds an address to have outlasted who held it. */
  settle(): void {
    this.clock.advance(1_300)
  }

  /** Nodes of the client's side that answer for the address. */
  holders(vip: Address): SimMember[] {
    return this.members.filter(member => member.isReachable && member.holds(vip))
  }
}

export class SimMember {
  readonly name: string
  readonly node: SimNode
  readonly port: SimPort
  readonly announcer: Announcer
  readonly mac: Mac
  isRunning = true
  readonly #cluster: SimCluster
  #heard = 1

  constructor(cluster: SimCluster, segment: SimSegment, index: number) {
    this.#cluster = cluster
    this.name = `node-${index}`
    this.mac = (0x0200_0000_0100 + index) as Mac
    this.node = new SimNode(cluster.clock)
    this.port = this.node.plug(segment, { name: 'eth0', mac: this.mac })
    const { clock, random } = cluster
    const events = new EventBus<L2Events>({ now: () => clock.now(), onHandlerError: rethrow })
    this.announcer = createAnnouncer({ clock, random, links: this.node, monitor: this.node, events })
    this.announcer.start()
  }

  /** On the client's side of every cut. */
  get isReachable(): boolean {
    return this.isRunning && !this.port.isCut
  }

  holds(vip: Address): boolean {
    return (this.announcer.placements().get(formatAddress(vip)) ?? []).length > 0
  }

  cut(): void {
    this.port.cut()
    this.#cluster.noticeSoon()
  }

  restore(): void {
    this.port.restore()
    this.#cluster.noticeSoon()
  }

  kill(): void {
    this.isRunning = false
    this.announcer.stop()
    this.#cluster.noticeSoon()
  }

  restart(): void {
    this.isRunning = true
    this.#heard = 1
    this.announcer.apply([])
    this.announcer.start()
    this.#cluster.noticeSoon()
  }

  /** Applies what this node's view gives it. Alone among several it keeps what it has, and takes no more. */
  notice(): void {
    if (!this.isRunning) return
    const { members, vips } = this.#cluster
    const heard = members.filter(other => other === this || (other.isReachable && this.isReachable))
    if (heard.length > this.#heard) this.announcer.networkHealed()
    this.#heard = heard.length
    const isIsolated = heard.length === 1 && members.length > 2
    const candidates = heard.map(({ name }) => ({ node: name }))
    const owned = vips.filter(vip => (isIsolated ? this.holds(vip) : electOwner(candidates, vip).owner === this.name))
    this.announcer.apply(owned.map(address => ({ address, interfaces: 'all' })))
  }
}

function rethrow(error: unknown): never {
  throw error
}
