import { compareRanges, rangesOverlap, type AddressRange } from '@metallb-ts/netip'
import type { PoolConfig } from './pools.ts'
import { RangeIndex } from './range-index.ts'

/**
 * The pools that can be in force together. Where two overlap, as when a pool was edited onto another that has kept its
 * last good version, the one that is in force as it stands stays, and the other waits.
 */
export function disjointPools(
  pools: readonly PoolConfig[],
  inForce: readonly PoolConfig[],
): { readonly pools: readonly PoolConfig[]; readonly waiting: readonly string[] } {
  if (areDisjoint(pools.flatMap(({ ranges }) => ranges))) return { pools, waiting: [] }
  const kept = new Set<PoolConfig>()
  const index = new RangeIndex()
  for (const pool of [...pools.filter(pool => isInForce(pool, inForce)), ...pools]) {
    if (kept.has(pool) || pool.ranges.some(range => index.meeting(range) !== undefined)) continue
    kept.add(pool)
    for (const range of pool.ranges) index.add(range)
  }
  const isKept = (pool: PoolConfig): boolean => kept.has(pool)
  return { pools: pools.filter(isKept), waiting: pools.filter(pool => !isKept(pool)).map(({ name }) => name) }
}

function areDisjoint(ranges: readonly AddressRange[]): boolean {
  const sorted = ranges.toSorted(compareRanges)
  return sorted.every((range, i) => i === 0 || !rangesOverlap(sorted[i - 1]!, range))
}

function isInForce(pool: PoolConfig, inForce: readonly PoolConfig[]): boolean {
  const current = inForce.find(({ name }) => name === pool.name)
  return (
    current !== undefined &&
    current.ranges.length === pool.ranges.length &&
    current.ranges.every((range, i) => compareRanges(range, pool.ranges[i]!) === 0)
  )
}
