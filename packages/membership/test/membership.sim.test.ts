import { address, type Address } from '@metallb-ts/netip'
import { randomInteger } from '@metallb-ts/runtime'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { describe, expect, test } from 'vitest'
import { createMembership, PROFILES, type Membership } from '../src/index.ts'
import { SimDatagrams } from '../src/testing/index.ts'

const OPEN = { seal: (plain: Uint8Array) => plain, open: (sealed: Uint8Array) => sealed }

interface Member {
  readonly node: string
  readonly address: Address
  membership: Membership
  readonly told: string[]
  isDeaf: boolean
  /** Its calendar is so far from the others'. */
  wallOffsetMs: number
}

class Cluster {
  readonly clock = new SimClock()
  readonly network: SimDatagrams
  readonly members: Member[]
  readonly #random: SimRandom

  constructor(seed: number, size: number, loss = 0) {
    this.#random = new SimRandom(seed)
    this.network = new SimDatagrams({ clock: this.clock, random: this.#random }, { loss, duplication: 0.05 })
    this.members = Array.from({ length: size }, (_, i) => this.#member(`n${i}`, address(`192.0.2.${i + 1}`)))
  }

  #member(node: string, own: Address): Member {
    const told: string[] = []
    const member: Member = {
      node,
      address: own,
      told,
      isDeaf: false,
      wallOffsetMs: 0,
      membership: undefined as unknown as Membership,
    }
    this.restart(member)
    return member
  }

  restart(member: Member): void {
    const { node, told } = member
    const datagrams = this.network.attach(member.address, bytes => member.membership.received(bytes))
    member.membership = createMembership(
      {
        clock: {
          now: () => this.clock.now(),
          setTimer: (ms, fire) => this.clock.setTimer(ms, fire),
          wallTime: () => this.clock.wallTime() + member.wallOffsetMs,
        },
        random: this.#random,
        cipher: OPEN,
        datagrams: { send: (bytes, to) => (member.isDeaf ? undefined : datagrams.send(bytes, to)) },
        events: { publish: (name, { node: about }) => void told.push(`${name} ${about} ${this.clock.now()}`) },
      },
      { node },
    )
  }

  start(): void {
    for (const { membership } of this.members) {
      this.clock.setTimer(randomInteger(this.#random, 1_000), () => membership.setPeers(this.members))
    }
  }

  cut(member: Member): void {
    for (const other of this.members) {
      this.network.cut(member.address, other.address)
      this.network.cut(other.address, member.address)
    }
  }

  views(): string[][] {
    return this.members.map(({ membership }) => [...membership.alive()])
  }
}

describe('membership', () => {
  test('everyone who starts is known to everyone, whatever the order', () => {
    for (let seed = 0; seed < 200; seed++) {
      const cluster = new Cluster(seed, 5)
      cluster.start()
      cluster.clock.advance(2_000)
      expect(cluster.views(), `seed ${seed}`).toEqual(Array(5).fill(['n0', 'n1', 'n2', 'n3', 'n4']))
    }
  })

  test('[row 37] a member whose link is cut is dead for all others within the limit and two beats', () => {
    const { deadMs, intervalMs } = PROFILES.fast
    for (let seed = 0; seed < 500; seed++) {
      const cluster = new Cluster(seed, 3 + (seed % 5))
      cluster.start()
      cluster.clock.advance(3_000)
      cluster.cut(cluster.members[0]!)
      const cutAt = cluster.clock.now()
      cluster.clock.advance(deadMs + 2 * intervalMs)
      for (const { told, node } of cluster.members.slice(1)) {
        const line = told.find(one => one.startsWith('member:left n0'))
        expect(line, `seed ${seed}, ${node}`).toBeDefined()
        expect(Number(line!.split(' ')[2]) - cutAt, `seed ${seed}`).toBeLessThanOrEqual(deadMs + intervalMs / 2)
      }
    }
  })

  test('loss of one in a hundred kills nobody in a minute', () => {
    for (let seed = 0; seed < 50; seed++) {
      const cluster = new Cluster(seed, 5, 0.01)
      cluster.start()
      cluster.clock.advance(60_000)
      expect(
        cluster.members.flatMap(({ told }) => told).filter(line => line.startsWith('member:left')),
        `seed ${seed}`,
      ).toEqual([])
    }
  })

  test('one link that is lost kills nobody: a third member still hears both', () => {
    const cluster = new Cluster(1, 3)
    cluster.start()
    cluster.clock.advance(2_000)
    const [a, b] = cluster.members as [Member, Member]
    cluster.network.cut(a.address, b.address)
    cluster.network.cut(b.address, a.address)
    cluster.clock.advance(10_000)
    expect(cluster.views()).toEqual(Array(3).fill(['n0', 'n1', 'n2']))
  })

  test('who hears nobody at all does not believe at once that all others died', () => {
    const cluster = new Cluster(2, 4)
    cluster.start()
    cluster.clock.advance(2_000)
    cluster.cut(cluster.members[0]!)
    cluster.clock.advance(1_000)
    expect(cluster.views()[0]).toEqual(['n0', 'n1', 'n2', 'n3'])
    expect(cluster.views()[1]).toEqual(['n1', 'n2', 'n3'])
  })

  test('a partition that heals leaves one view again', () => {
    for (let seed = 0; seed < 100; seed++) {
      const cluster = new Cluster(seed, 4)
      cluster.start()
      cluster.clock.advance(2_000)
      cluster.cut(cluster.members[seed % 4]!)
      cluster.clock.advance(5_000)
      cluster.network.heal()
      cluster.clock.advance(200)
      expect(cluster.views(), `seed ${seed}`).toEqual(Array(4).fill(['n0', 'n1', 'n2', 'n3']))
    }
  })

  test('who leaves is gone at once, and who comes back is known again', () => {
    const cluster = new Cluster(3, 3)
    cluster.start()
    cluster.clock.advance(2_000)
    cluster.members[0]!.membership.stop()
    cluster.clock.advance(5)
    expect(cluster.views().slice(1)).toEqual(Array(2).fill(['n1', 'n2']))
    cluster.restart(cluster.members[0]!)
    cluster.members[0]!.membership.setPeers(cluster.members)
    cluster.clock.advance(1_000)
    expect(cluster.views()).toEqual(Array(3).fill(['n0', 'n1', 'n2']))
  })

  test('who starts again after its calendar was set back is known again as soon as otherwise', () => {
    for (let seed = 0; seed < 100; seed++) {
      const cluster = new Cluster(seed, 3)
      cluster.start()
      cluster.clock.advance(2_000)
      const [back] = cluster.members as [Member]
      back.wallOffsetMs = -3_600_000
      for (let life = 0; life < 2; life++) {
        back.membership.stop()
        cluster.restart(back)
        back.membership.setPeers(cluster.members)
        cluster.clock.advance(1_000)
        expect(cluster.views(), `seed ${seed}`).toEqual(Array(3).fill(['n0', 'n1', 'n2']))
      }
    }
  })

  test('who starts takes part when all others have said that they hear it, and waits where one is silent', () => {
    const { deadMs, intervalMs } = PROFILES.fast
    for (let seed = 0; seed < 100; seed++) {
      const cluster = new Cluster(seed, 4)
      cluster.start()
      cluster.clock.advance(2_000)
      const [back, silent] = cluster.members as [Member, Member]
      expect(joinsAfter(cluster, back), `seed ${seed}`).toBeLessThanOrEqual(2 * intervalMs)
      silent.membership.stop()
      cluster.clock.advance(1_000)
      expect(joinsAfter(cluster, back), `seed ${seed}`).toBe(deadMs + intervalMs)
    }
  })

  test('who hears others that do not hear it does not take part before they do', () => {
    for (let seed = 0; seed < 100; seed++) {
      const cluster = new Cluster(seed, 3)
      cluster.start()
      cluster.clock.advance(2_000)
      const [mute] = cluster.members as [Member]
      cluster.cut(mute)
      cluster.clock.advance(1_000)
      cluster.network.heal()
      for (const other of cluster.members) cluster.network.cut(mute.address, other.address)
      mute.membership.reconnected()
      cluster.clock.advance(900)
      expect(mute.membership.alive(), `seed ${seed}`).toEqual(['n1', 'n2'])
      cluster.network.heal()
      cluster.clock.advance(200)
      expect(cluster.views(), `seed ${seed}`).toEqual(Array(3).fill(['n0', 'n1', 'n2']))
    }
  })

  test('who was cut off and is not any more is gone for the others until it knows them again', () => {
    for (let seed = 0; seed < 100; seed++) {
      const cluster = new Cluster(seed, 3)
      cluster.start()
      cluster.clock.advance(2_000)
      const [cut] = cluster.members as [Member]
      cluster.cut(cut)
      cluster.clock.advance(100) // nobody has noticed
      cluster.network.heal()
      cut.membership.reconnected()
      expect(cut.membership.alive(), `seed ${seed}`).toEqual(['n1', 'n2'])
      cluster.clock.advance(2)
      expect(cluster.views(), `seed ${seed}`).toEqual(Array(3).fill(['n1', 'n2']))
      cluster.clock.advance(250)
      expect(cluster.views(), `seed ${seed}`).toEqual(Array(3).fill(['n0', 'n1', 'n2']))
    }
  })

  test('a packet of an earlier start that is sent again changes nothing', () => {
    const cluster = new Cluster(4, 2)
    const recorded: Uint8Array[] = []
    const [a, b] = cluster.members as [Member, Member]
    cluster.network.attach(b.address, bytes => {
      recorded.push(bytes)
      b.membership.received(bytes)
    })
    cluster.start()
    cluster.clock.advance(2_000)
    cluster.restart(a)
    a.membership.setPeers(cluster.members)
    cluster.clock.advance(1_000)
    const old = [...recorded]
    a.membership.stop()
    cluster.clock.advance(1_000)
    const told = b.told.length
    for (const bytes of old) b.membership.received(bytes)
    cluster.clock.advance(1_000)
    expect(b.told.slice(told)).toEqual([])
    expect(b.membership.alive()).toEqual(['n1'])
  })
})

/** Restarts it, and counts until it takes part. */
function joinsAfter(cluster: Cluster, member: Member): number {
  member.membership.stop()
  cluster.clock.advance(1_000)
  member.told.length = 0
  cluster.restart(member)
  member.membership.setPeers(cluster.members)
  const from = cluster.clock.now()
  cluster.clock.advance(1_000)
  const line = member.told.find(one => one.startsWith(`member:joined ${member.node} `))
  return Number(line?.split(' ')[2]) - from
}
