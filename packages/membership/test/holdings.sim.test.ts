import { address } from '@metallb-ts/netip'
import { randomInteger } from '@metallb-ts/runtime'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { describe, expect, it } from 'vitest'
import { createMembership, type Holding, type Membership } from '../src/index.ts'
import { SimDatagrams } from '../src/testing/index.ts'

const OPEN = { seal: (plain: Uint8Array) => plain, open: (sealed: Uint8Array) => sealed }
const PEERS = [1, 2, 3].map(i => ({ node: `n${i}`, address: address(`192.0.2.${i}`) }))

class World {
  readonly clock = new SimClock()
  readonly random: SimRandom
  readonly network: SimDatagrams
  readonly members: Membership[]
  readonly sent: Uint8Array[] = []
  news = 0

  constructor(seed: number, loss: number) {
    this.random = new SimRandom(seed)
    this.network = new SimDatagrams(
      { clock: this.clock, random: this.random },
      { loss, duplication: 0.1, latencyMs: 20 },
    )
    this.members = PEERS.map((_, i) => this.member(i))
    for (const member of this.members) member.setPeers(PEERS)
  }

  member(i: number): Membership {
    const { clock, random } = this
    const events = { publish: (name: string) => void (name === 'member:holds' && this.news++) }
    const attached = this.network.attach(PEERS[i]!.address, bytes => this.members[i]!.received(bytes))
    const datagrams: typeof attached = {
      send: (bytes, to) => {
        this.sent.push(bytes.slice())
        attached.send(bytes, to)
      },
    }
    return createMembership({ clock, random, cipher: OPEN, datagrams, events }, { node: PEERS[i]!.node })
  }
}

describe('holdings', () => {
  it('[row 37] whatever is lost, doubled and overtaken: everybody knows what everybody holds', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const world = new World(seed, seed % 3 === 0 ? 0.08 : 0.02)
      const { clock, random, members } = world
      const truth = PEERS.map(() => new Map<string, Holding>())
      clock.advance(1_000)
      for (let step = 0; step < 60; step++) {
        const who = randomInteger(random, 3)
        const changes = new Map<string, Holding | 'released'>()
        for (let i = randomInteger(random, 200); i >= 0; i--) {
          const to = (['held', 'yielding', 'released'] as const)[randomInteger(random, 3)]!
          changes.set(`2001:db8::${randomInteger(random, 300).toString(16)}`, to)
        }
        for (const [name, to] of changes) {
          if (to === 'released') truth[who]!.delete(name)
          else truth[who]!.set(name, to)
        }
        members[who]!.hold(changes)
        clock.advance(random.next() * 30)
      }
      clock.advance(3_000)
      for (const member of members) {
        for (const [i, { node }] of PEERS.entries()) {
          if (member !== members[i]) expect(member.holdings(node), `seed ${seed}`).toEqual(truth[i])
        }
      }
    }
  })

  it('one that starts anew holds nothing, and what it said before is not believed again', () => {
    const world = new World(7, 0)
    const { clock, members, sent } = world
    clock.advance(500)
    members[0]!.hold(new Map([['192.0.2.10', 'held']]))
    clock.advance(100)
    expect(members[1]!.holdings('n1')).toEqual(new Map([['192.0.2.10', 'held']]))
    const before = sent.slice()
    members[0] = world.member(0)
    members[0].setPeers(PEERS)
    clock.advance(500)
    expect(members[1]!.holdings('n1')).toEqual(new Map())
    for (const bytes of before) members[1]!.received(bytes)
    clock.advance(500)
    expect(members[1]!.holdings('n1')).toEqual(new Map())
  })

  it('a whole of four thousand addresses arrives', () => {
    const world = new World(9, 0)
    const { clock, members } = world
    members[0]!.hold(new Map(Array.from({ length: 4_096 }, (_, i) => [`2001:db8::${i.toString(16)}`, 'held' as const])))
    clock.advance(1_000)
    expect(members[2]!.holdings('n1')?.size).toBe(4_096)
  })
})
