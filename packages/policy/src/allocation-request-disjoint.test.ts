import { range } from '@metallb-ts/netip'
import { expect, test } from 'vitest'
import { disjointPools } from './allocation-request-disjoint.ts'
import type { PoolConfig } from './pools.ts'

function pool(name: string, ...ranges: string[]): PoolConfig {
  return { name, labels: {}, ranges: ranges.map(range), excluded: [], autoAssign: true, avoidBuggyIPs: false }
}

test('[row 2] pools that do not overlap are all in force', () => {
  const pools = [pool('a', '10.0.0.0/24', '10.0.2.0/24'), pool('b', '10.0.1.0/24')]
  expect(disjointPools(pools, [])).toEqual({ pools, waiting: [] })
})

test('[row 2] of two that overlap the one that is in force stays, whatever their names', () => {
  const [a, b] = [pool('a', '10.0.1.0/24'), pool('b', '10.0.1.0/24')]
  expect(disjointPools([a, b], [pool('a', '10.0.0.0/24'), b])).toEqual({ pools: [b], waiting: ['a'] })
  expect(disjointPools([a, b], [])).toEqual({ pools: [a], waiting: ['b'] })
})
