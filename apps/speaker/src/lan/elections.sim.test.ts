import { electOwner, type ElectionRules } from '@metallb-ts/l2-announcer'
import type { Holding } from '@metallb-ts/membership'
import { address, formatAddress } from '@metallb-ts/netip'
import { randomInteger } from '@metallb-ts/runtime'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { describe, expect, it, vi } from 'vitest'
import { Keeper } from './keeper.ts'

/**
 * Elections, deaths, returns and partitions among keepers that hear of everything late and each at its own time. No frame
 * and no datagram, so that a run takes a millisecond: `RUNS=100000` for the proof, or shares of it from `SEED` on; a small
 * one every time.
 */
const RUNS = Number(process.env['RUNS'] ?? 200)
const FIRST = Number(process.env['SEED'] ?? 1)
vi.setConfig({ testTimeout: 60_000 + RUNS * 100 }) // a run takes some milliseconds, many on a busy machine
const VIPS = ['192.0.2.10', '192.0.2.11', '192.0.2.12', '2001:db8::10'].map(address)
const KEYS = VIPS.map(formatAddress)
const RULES: readonly ElectionRules[] = [
  { spreading: { name: 'metallb' }, holdDownMs: 0 },
  { spreading: { name: 'metallb' }, holdDownMs: 2_000 },
  { spreading: { name: 'bounded' }, holdDownMs: 0 },
  { spreading: { name: 'sticky' }, holdDownMs: 0 },
]

class World {
  readonly clock = new SimClock()
  readonly random: SimRandom
  readonly rules: ElectionRules
  readonly nodes: Node[]
  #cut = new Set<Node>()

  constructor(seed: number) {
    this.random = new SimRandom(seed)
    this.rules = RULES[seed % RULES.length]!
    this.nodes = Array.from({ length: 2 + (seed % 4) }, (_, i) => new Node(this, `node-${i}`))
    for (const node of this.nodes) this.soon(300, () => node.start())
    this.settle()
  }

  soon(withinMs: number, act: () => void): void {
    this.clock.setTimer(this.random.next() * withinMs, act)
  }

  hears(a: Node, b: Node): boolean {
    return this.#cut.has(a) === this.#cut.has(b)
  }

  /** The nodes of the set are a side of their own. */
  cut(side: readonly Node[]): void {
    this.#cut = new Set(side)
    this.noticed()
  }

  /** Everybody learns who is there: of a death after 150 to 250 ms, of a return within a millisecond. */
  noticed(): void {
    for (const a of this.nodes) {
      for (const b of this.nodes) {
        if (a === b || !a.isReady) continue
        const isThere = b.isReady && this.hears(a, b)
        if (isThere && !a.alive.has(b.name)) this.soon(1, () => a.sees(b))
        if (!isThere && a.alive.has(b.name)) this.clock.setTimer(150 + this.random.next() * 100, () => a.misses(b))
      }
    }
  }

  settle(): void {
    this.clock.advance(11_000)
  }

  /** By side of a partition: who answers for each address. */
  holders(key: string, side: readonly Node[]): readonly Node[] {
    return side.filter(node => node.isReady && node.held.has(key))
  }

  sides(): readonly (readonly Node[])[] {
    const away = this.nodes.filter(node => this.#cut.has(node))
    return [away, this.nodes.filter(node => !this.#cut.has(node))].filter(side => side.some(node => node.isReady))
  }
}

class Node {
  readonly name: string
  readonly alive = new Set<string>()
  held: ReadonlySet<string> = new Set()
  isReady = false
  readonly own = new Map<string, Holding>()
  readonly #world: World
  readonly #heard = new Map<string, ReadonlyMap<string, Holding>>()
  #keeper: Keeper | undefined

  constructor(world: World, name: string) {
    this.#world = world
    this.name = name
  }

  get isRunning(): boolean {
    return this.#keeper !== undefined
  }

  start(): void {
    const { clock, nodes, rules } = this.#world
    const keeper = new Keeper(
      {
        clock,
        isUsable: () => true,
        apply: desired => void (this.held = new Set(desired.map(each => formatAddress(each.address)))),
        onOwners: () => {},
        members: {
          alive: () => [...this.alive].sort(),
          coming: () => nodes.filter(each => each.isRunning && !each.isReady && each !== this).map(({ name }) => name),
          holdings: node => this.#heard.get(node),
          hold: changes => this.#tell(changes),
        },
      },
      { node: this.name, ...rules },
    )
    this.#keeper = keeper
    const candidates = nodes.map(({ name }) => ({ node: name }))
    keeper.setDesired(VIPS.map(vip => ({ address: vip, interfaces: 'all', contest: { address: vip, candidates } })))
    clock.setTimer(250, () => this.#keeper === keeper && this.#ready())
  }

  stop(): void {
    this.#keeper?.stop()
    this.#keeper = undefined
    this.isReady = false
    this.held = new Set()
    this.own.clear()
    this.alive.clear()
    this.#heard.clear()
    this.#world.noticed()
  }

  sees(other: Node): void {
    if (!this.isReady || !other.isReady || !this.#world.hears(this, other) || this.alive.has(other.name)) return
    this.alive.add(other.name)
    this.#heard.set(other.name, new Map(other.own))
    this.#keeper!.onJoined(other.name)
  }

  misses(other: Node): void {
    const isThere = other.isReady && this.#world.hears(this, other)
    if (isThere || !this.alive.delete(other.name)) return
    this.#heard.delete(other.name)
    this.#keeper?.onLeft(other.name)
  }

  hears(from: Node, holdings: ReadonlyMap<string, Holding>): void {
    if (!this.alive.has(from.name)) return
    this.#heard.set(from.name, holdings)
    this.#keeper?.onHoldings(from.name)
  }

  /** Who listened knows the others and what they hold. */
  #ready(): void {
    this.isReady = true
    for (const other of this.#world.nodes) {
      if (other === this || !other.isReady || !this.#world.hears(this, other)) continue
      this.alive.add(other.name)
      this.#heard.set(other.name, new Map(other.own))
    }
    this.alive.add(this.name)
    this.#keeper!.onJoined(this.name)
    this.#world.noticed()
  }

  /** In order, as numbered messages are. */
  #tell(changes: ReadonlyMap<string, Holding | 'released'>): void {
    for (const [key, to] of changes) {
      if (to === 'released') this.own.delete(key)
      else this.own.set(key, to)
    }
    const { nodes, random, clock } = this.#world
    for (const other of nodes) {
      if (other !== this) clock.setTimer(random.next(), () => this.isReady && other.hears(this, new Map(this.own)))
    }
  }
}

function disturb(world: World): void {
  const node = world.nodes[randomInteger(world.random, world.nodes.length)]!
  const what = randomInteger(world.random, 3)
  if (what === 0) world.cut(world.nodes.filter(() => world.random.next() < 0.4))
  else if (!node.isRunning) node.start()
  else node.stop()
}

function check(world: World, seed: number): void {
  for (const side of world.sides()) {
    for (const [i, key] of KEYS.entries()) {
      const owners = world.holders(key, side).map(({ name }) => name)
      expect(owners, `seed ${seed}, ${key}`).toHaveLength(1)
      if (world.rules !== RULES[0]) continue
      const living = side.filter(({ isReady }) => isReady).map(({ name }) => ({ node: name }))
      expect(owners, `seed ${seed}, ${key}`).toEqual([electOwner(living, VIPS[i]!).owner])
    }
  }
}

describe('keepers', () => {
  it(`[row 30] deaths, returns and partitions in any order: one owner for each address on each side (${RUNS} runs)`, () => {
    for (let seed = FIRST; seed < FIRST + RUNS; seed++) {
      const world = new World(seed)
      check(world, seed)
      for (let step = 0; step < 4; step++) {
        disturb(world)
        if (world.random.next() < 0.5) world.clock.advance(world.random.next() * 400)
        else {
          world.settle()
          check(world, seed)
        }
      }
      world.settle()
      check(world, seed)
    }
  })

  it(`[row 30] a death moves what the dead held, and nothing else, unless balance is asked for (${RUNS} runs)`, () => {
    for (let seed = FIRST; seed < FIRST + RUNS; seed++) {
      const world = new World(seed)
      if (world.rules.spreading.name === 'bounded') continue
      const before = new Map(KEYS.map(key => [key, world.holders(key, world.nodes)[0]]))
      const victim = world.nodes[seed % world.nodes.length]!
      victim.stop()
      world.settle()
      for (const [key, owner] of before) {
        if (owner !== victim) expect(world.holders(key, world.nodes), `seed ${seed}, ${key}`).toEqual([owner])
        else
          expect(world.holders(key, world.nodes), `seed ${seed}, ${key}`).toHaveLength(world.nodes.length > 1 ? 1 : 0)
      }
    }
  })
})
