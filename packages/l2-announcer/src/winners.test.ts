import { formatAddress, type Address } from '@metallb-ts/netip'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { electAll, type Contest, type Electorate } from './electorate.ts'
import type { Candidate } from './ownership.ts'
import { winnersAmong } from './winners.ts'

const NODES = ['a', 'b', 'c', 'd', 'e']
const RULES = { spreading: { name: 'metallb' }, holdDownMs: 0 } as const
const candidate: fc.Arbitrary<Candidate> = fc.record(
  {
    node: fc.constantFrom(...NODES),
    score: fc.nat({ max: 2 }),
    refusals: fc.constantFrom([], ['cordoned' as const]),
    interfaces: fc.constantFrom(['eth0'], ['eth1']),
  },
  { requiredKeys: ['node'] },
)
const address = fc.record<Address>({
  family: fc.constantFrom('ipv4', 'ipv6'),
  value: fc.nat({ max: 5 }).map(BigInt),
})

it('[row 30] the winners that are looked up are those of the elections, with whatever candidates', () => {
  const lists = fc.array(fc.uniqueArray(candidate, { selector: ({ node }) => node }), { minLength: 1, maxLength: 3 })
  fc.assert(
    fc.property(
      lists,
      fc.array(fc.tuple(address, fc.nat()), { maxLength: 8 }),
      fc.subarray(NODES),
      (all, given, alive) => {
        const contests = given.map(([each, list]): Contest => {
          return { key: formatAddress(each), address: each, candidates: all[list % all.length]! }
        })
        const unique = [...new Map(contests.map(each => [each.key, each])).values()]
        const electorate: Electorate = {
          contests: unique,
          alive: new Set(alive),
          isUsable: ({ interfaces }, { family }) => family === 'ipv4' || interfaces?.includes('eth1') !== true,
          presentSince: new Map(),
          owned: () => [],
          now: 0,
        }
        const winners = winnersAmong(RULES, electorate)
        const elections = electAll(RULES, electorate)
        for (const each of unique) {
          expect(winners.of(each)).toBe(elections.get(each.key)!.owner)
          expect(winners.verdicts(each)).toEqual(elections.get(each.key)!.verdicts)
        }
      },
    ),
    { seed: 30 },
  )
})
