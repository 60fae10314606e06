import { formatAddress, type Address } from '@metallb-ts/netip'
import { SimRandom } from '@metallb-ts/runtime/testing'
import { randomInteger } from '@metallb-ts/runtime'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { electOwners, holdDown, type ElectionRequest, type Spreading } from './elect-owners.ts'
import { electOwner, type Candidate, type Election } from './ownership.ts'

const nodes = (count: number): Candidate[] => Array.from({ length: count }, (_, i) => ({ node: `node-${i}` }))
const vips = (count: number, from = 0n): Address[] =>
  Array.from({ length: count }, (_, i) => ({ family: 'ipv4', value: 0xc612_0000n + from + BigInt(i) }))
const requests = (addresses: readonly Address[], candidates: readonly Candidate[]): ElectionRequest[] =>
  addresses.map(address => ({ address, candidates }))
const owners = (elections: ReadonlyMap<string, Election>): Map<string, string> =>
  new Map([...elections].map(([text, { owner }]) => [text, owner ?? '']))
const loads = (owned: ReadonlyMap<string, string>): number[] => {
  const held = new Map<string, number>()
  for (const owner of owned.values()) held.set(owner, (held.get(owner) ?? 0) + 1)
  return [...held.values()]
}
const moved = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): number =>
  [...a].filter(([text, owner]) => b.get(text) !== owner).length

describe('electOwners', () => {
  it('[row 30] by default each address is MetalLB’s election', () => {
    const all = electOwners(requests(vips(50), nodes(5)))
    for (const address of vips(50)) expect(all.get(formatAddress(address))).toEqual(electOwner(nodes(5), address))
  })

  it.each(['bounded', 'sticky'] as const)('%s: nobody owns more than its share and a quarter', name => {
    const owned = owners(electOwners(requests(vips(100), nodes(20)), { name }))
    expect(Math.max(...loads(owned))).toBeLessThanOrEqual(7)
    expect(owned.size).toBe(100)
  })

  it('bounded: a node passed over says that it is full', () => {
    const elections = electOwners(requests(vips(20), nodes(3)), { name: 'bounded', slack: 1 })
    const reasons = [...elections.values()].flatMap(({ verdicts }) =>
      verdicts.filter(({ verdict }) => verdict === 'ineligible'),
    )
    expect(reasons.length).toBeGreaterThan(0)
    for (const each of reasons) expect(each).toMatchObject({ reasons: ['at-capacity'] })
  })

  it('sticky: a node that comes, and one that goes and comes back, move nothing that has an owner', () => {
    const sticky: Spreading = { name: 'sticky' }
    const first = owners(electOwners(requests(vips(40), nodes(5)), sticky))
    const lost = owners(electOwners(requests(vips(40), nodes(4)), sticky, first))
    const orphans = [...first.values()].filter(owner => owner === 'node-4').length
    expect(moved(first, lost)).toBe(orphans)
    const back = owners(electOwners(requests(vips(40), nodes(5)), sticky, lost))
    expect(moved(lost, back)).toBeLessThanOrEqual(5)
  })

  it.each(['bounded', 'sticky'] as const)('[row 32] %s: what is preferred outranks balance', name => {
    const candidates = [{ node: 'edge', score: 10 }, ...nodes(4)]
    const owned = owners(electOwners(requests(vips(20), candidates), { name }, new Map([['198.18.0.1', 'node-1']])))
    expect(new Set(owned.values())).toEqual(new Set(['edge']))
  })

  const view = fc.record({
    seed: fc.integer(),
    vips: fc.integer({ min: 1, max: 25 }),
    nodes: fc.integer({ min: 1, max: 7 }),
    name: fc.constantFrom('metallb' as const, 'bounded' as const, 'sticky' as const),
  })

  it('[row 30] equal views in any order: exactly one owner an address, the same; none without owner that could have one', () => {
    fc.assert(
      fc.property(view, ({ seed, vips: count, nodes: size, name }) => {
        const random = new SimRandom(seed)
        const candidates = (): Candidate[] =>
          nodes(size).map(({ node }) => ({
            node,
            score: randomInteger(random, 2),
            refusals: random.next() < 0.3 ? ['not-a-member'] : [],
          }))
        const asked = vips(count).map(address => ({ address, candidates: candidates() }))
        const previous = new Map(
          asked.map(({ address }) => [formatAddress(address), `node-${randomInteger(random, size)}`]),
        )
        const here = electOwners(asked, { name }, previous)
        const there = electOwners(
          asked.toReversed().map(request => ({ ...request, candidates: request.candidates.toReversed() })),
          { name },
          previous,
        )
        expect(new Map([...there].sort())).toEqual(new Map([...here].sort()))
        for (const { address, candidates } of asked) {
          const { owner, verdicts } = here.get(formatAddress(address))!
          const mayOwn = candidates.filter(({ refusals }) => refusals?.length === 0).map(({ node }) => node)
          expect(owner === undefined).toBe(mayOwn.length === 0)
          if (owner !== undefined) expect(mayOwn).toContain(owner)
          expect(verdicts.map(({ node }) => node).sort()).toEqual(candidates.map(({ node }) => node).sort())
          expect(verdicts.filter(({ verdict }) => verdict === 'owner')).toHaveLength(owner === undefined ? 0 : 1)
        }
      }),
      { seed: 63, numRuns: 300 },
    )
  })
})

describe('holdDown', () => {
  const presentSince = new Map([['b', 1_000]])

  it('a node just back does not take an address from its owner, and says why', () => {
    const held = holdDown([{ node: 'a' }, { node: 'b' }], 'a', { presentSince, now: 30_999 })
    expect(held).toEqual([{ node: 'a' }, { node: 'b', refusals: ['held-down'] }])
  })

  it('after the time it may', () => {
    expect(holdDown([{ node: 'a' }, { node: 'b' }], 'a', { presentSince, now: 31_000 })).toEqual([
      { node: 'a' },
      { node: 'b' },
    ])
  })

  it('an orphan is anybody’s at once', () => {
    const candidates: Candidate[] = [{ node: 'a', refusals: ['not-a-member'] }, { node: 'b' }]
    expect(holdDown(candidates, 'a', { presentSince, now: 1_001 })).toEqual(candidates)
    expect(holdDown(candidates, undefined, { presentSince, now: 1_001 })).toEqual(candidates)
  })
})
