import { address, formatAddress } from '@metallb-ts/netip'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { INITIAL_TENURES, stepTenures, type Contest, type Holder, type TenureState, type TenureView } from './index.ts'

const OTHERS = ['b', 'c', 'd']
const KEYS = ['192.0.2.10', '192.0.2.11', '192.0.2.12', '2001:db8::10'].map(text => formatAddress(address(text)))
const SETTINGS = { node: 'a', spreading: { name: 'metallb' }, holdDownMs: 0 } as const

const node = fc.constantFrom(...OTHERS)
const key = fc.constantFrom(...KEYS)
const change = fc.oneof(
  fc.record({ type: fc.constant('comes' as const), node }),
  fc.record({ type: fc.constant('goes' as const), node: fc.constantFrom('a', ...OTHERS) }),
  fc.record({ type: fc.constant('lives' as const), node: fc.constantFrom('a', ...OTHERS) }),
  fc.record({
    type: fc.constant('holds' as const),
    node,
    key,
    holding: fc.constantFrom('held', 'yielding', undefined),
  }),
  fc.record({ type: fc.constant('hides' as const), node }),
  fc.record({ type: fc.constant('contests' as const), keys: fc.subarray(KEYS), preferred: node }),
  fc.record({ type: fc.constant('clears' as const), key }),
  fc.record({ type: fc.constant('link' as const), isHeard: fc.boolean() }),
  fc.record({ type: fc.constant('time' as const), ms: fc.constantFrom(1, 60, 200, 400, 5_000, 10_000) }),
)
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never

/** What is true around `a`, and which addresses a change of it touches. */
class Surroundings {
  now = 1_000
  epoch = 0
  touched = new Set<string>()
  contests: readonly Contest[] = []
  isHeard = true
  readonly alive = new Set(['a'])
  readonly coming = new Set<string>()
  readonly unknown = new Set<string>()
  readonly cleared = new Set<string>()
  readonly held = new Map<string, Map<string, Holder['holding']>>(OTHERS.map(each => [each, new Map()]))

  apply(change: Change): void {
    switch (change.type) {
      case 'comes':
        return void this.coming.add(change.node)
      case 'hides':
        this.unknown.add(change.node)
        return this.#touchAllOf(change.node)
      case 'time':
        return void (this.now += change.ms)
      case 'clears':
        this.cleared.add(change.key)
        return void this.touched.add(change.key)
      case 'holds': {
        const held = this.held.get(change.node)!
        if (change.holding === undefined) held.delete(change.key)
        else held.set(change.key, change.holding)
        this.unknown.delete(change.node)
        this.touched.add(change.key)
        return this.#touchAllOf(change.node)
      }
      default:
        return this.#changeAll(change)
    }
  }

  view(touched: ReadonlySet<string> | undefined): TenureView {
    const others = OTHERS.filter(each => this.alive.has(each) && !this.unknown.has(each))
    return {
      contests: this.contests,
      epoch: this.epoch,
      alive: new Set(this.alive),
      coming: new Set(this.coming),
      unknown: new Set([...this.unknown].filter(each => this.alive.has(each))),
      holders: of => others.flatMap(each => holder(each, this.held.get(each)!.get(of))),
      isUsable: () => true,
      isCleared: of => this.cleared.has(of),
      isHeard: () => this.isHeard,
      presentSince: new Map(),
      ...(touched !== undefined && { touched }),
    }
  }

  #changeAll(change: Change): void {
    this.epoch++
    if (change.type === 'link') this.isHeard = change.isHeard
    if (change.type === 'contests') {
      const candidates = ['a', ...OTHERS].map(each => ({ node: each, score: each === change.preferred ? 1 : 0 }))
      this.contests = change.keys.map(each => ({ key: each, address: address(each), candidates }))
    }
    if (change.type !== 'lives' && change.type !== 'goes') return
    this.#touchAllOf(change.node)
    this.coming.delete(change.node)
    if (change.type === 'lives') this.alive.add(change.node)
    else this.alive.delete(change.node)
  }

  #touchAllOf(one: string): void {
    for (const each of this.held.get(one)?.keys() ?? []) this.touched.add(each)
  }
}

function holder(one: string, holding: Holder['holding'] | undefined): readonly Holder[] {
  return holding === undefined ? [] : [{ node: one, holding }]
}

function essence({ tenures, waiting, owners, dueAt }: TenureState): unknown {
  return { tenures, waiting, owners, dueAt }
}

it('[row 37] who looks at what is touched alone decides as who looks at everything', () => {
  fc.assert(
    fc.property(fc.array(fc.array(change, { minLength: 1, maxLength: 3 }), { maxLength: 20 }), rounds => {
      const around = new Surroundings()
      around.apply({ type: 'contests', keys: KEYS, preferred: 'b' })
      let [some, all] = [INITIAL_TENURES, INITIAL_TENURES]
      for (const round of rounds) {
        for (const each of round) around.apply(each)
        const one = stepTenures(SETTINGS, some, around.view(around.touched), around.now)
        const other = stepTenures(SETTINGS, all, around.view(undefined), around.now)
        around.touched = new Set()
        expect(essence(one.state)).toEqual(essence(other.state))
        expect([one.owners, one.holdings, one.againAt]).toEqual([other.owners, other.holdings, other.againAt])
        ;[some, all] = [one.state, other.state]
      }
    }),
    { seed: 37, numRuns: 2_000 },
  )
})
