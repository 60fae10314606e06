import {
  compareRanges,
  formatRange,
  rangesOverlap,
  type Address,
  type AddressRange,
  type Family,
} from '@metallb-ts/netip'
import { buggyCount, FreeSpace, type Taken } from './free-space.ts'
import { RangeSet, totalSize } from './range-set.ts'
import { SharedAddresses } from './sharing.ts'
import type { FamilyUsage, PoolUsage } from './usage.ts'

/** Ranges that addresses are given from, in order, each from its first address on: network addresses too. */
export interface Pool {
  readonly name: string
  /** Of either family and any size. The ranges of all pools together are disjoint. */
  readonly ranges: readonly AddressRange[]
  /** Addresses that are never given, inside the ranges or not: those of the nodes themselves, for one. */
  readonly excluded?: readonly AddressRange[]
  /** Leaves out IPv4 addresses ending in .0 and .255, which some old equipment refuses. @default false */
  readonly avoidBuggyIPs?: boolean
}

/** A pool, what is free in it, and what is shared in it. */
export class PoolSpace {
  readonly name: string
  readonly #families: Readonly<Record<Family, FamilySpace>>

  constructor(pool: Pool, taken: Taken) {
    this.name = pool.name
    this.#families = { ipv4: familySpace(pool, 'ipv4', taken), ipv6: familySpace(pool, 'ipv6', taken) }
  }

  free(family: Family): FreeSpace {
    return this.#families[family].free
  }

  shared(family: Family): SharedAddresses {
    return this.#families[family].shared
  }

  /** Addresses that can be given at all. */
  capacity(family: Family): bigint {
    return this.#families[family].capacity
  }

  contains(address: Address): boolean {
    return this.free(address.family).positionOf(address) !== undefined
  }

  usage(): PoolUsage {
    const of = (family: Family): FamilyUsage => ({
      capacity: this.capacity(family),
      assigned: BigInt(this.free(family).takenCount),
      quarantined: BigInt(this.free(family).withheldCount),
    })
    return { pool: this.name, ipv4: of('ipv4'), ipv6: of('ipv6') }
  }
}

/** Throws a RangeError where names repeat or ranges overlap: the caller checks what users write. */
export function assertDisjoint(pools: readonly Pool[]): void {
  const names = new Set<string>()
  for (const { name } of pools) {
    if (names.has(name)) throw new RangeError(`two pools are named ${name}`)
    names.add(name)
  }
  const ranges = pools.flatMap(pool => pool.ranges).sort(compareRanges)
  for (let i = 1; i < ranges.length; i++) {
    const [a, b] = [ranges[i - 1]!, ranges[i]!]
    if (rangesOverlap(a, b)) throw new RangeError(`ranges overlap: ${formatRange(a)} and ${formatRange(b)}`)
  }
}

interface FamilySpace {
  readonly free: FreeSpace
  readonly shared: SharedAddresses
  readonly capacity: bigint
}

function familySpace(
  { ranges, excluded = [], avoidBuggyIPs = false }: Pool,
  family: Family,
  taken: Taken,
): FamilySpace {
  const own = ranges.filter(range => range.first.family === family)
  const holes = new RangeSet(excluded, family)
  let capacity = totalSize(own)
  for (const range of own) {
    const cut = [...holes.within(range)]
    capacity -= totalSize(cut)
    if (avoidBuggyIPs) capacity -= buggyCount(range) - cut.reduce((sum, hole) => sum + buggyCount(hole), 0n)
  }
  return {
    free: new FreeSpace(own, { taken, excluded: holes, avoidBuggyIPs }),
    shared: new SharedAddresses(),
    capacity,
  }
}
