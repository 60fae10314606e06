import type { Address } from '@metallb-ts/netip'
import { Holders } from './holders.ts'
import { assertDisjoint, PoolSpace, type Pool } from './pool.ts'
import { Quarantine, type Quarantined } from './quarantine.ts'
import type { Claim, HolderKey } from './request.ts'

/** What one holder has, and where it comes from. */
export interface Held {
  readonly space: PoolSpace
  readonly addresses: readonly Address[]
  readonly claim: Claim
}

/**
 * Who holds what, kept in agreement by holder, by address and by free place of each pool. It writes down what was decided
 * and decides nothing.
 */
export class Ledger {
  readonly holders: Holders = new Holders()
  readonly quarantine: Quarantine = new Quarantine()
  #pools: ReadonlyMap<string, PoolSpace> = new Map()
  readonly #held = new Map<HolderKey, Held>()

  get pools(): ReadonlyMap<string, PoolSpace> {
    return this.#pools
  }

  /** Throws a RangeError where ranges overlap or names repeat. Returns the holders whose addresses no pool has. */
  setPools(pools: readonly Pool[]): readonly HolderKey[] {
    assertDisjoint(pools)
    const held = this.#releaseAll(this.#held.keys())
    this.#pools = new Map(pools.map(pool => [pool.name, new PoolSpace(pool, this.holders)]))
    for (const { address } of this.quarantine) this.#spaceOf(address)?.free(address.family).withhold(address)
    const lost: HolderKey[] = []
    for (const [holder, { addresses, claim }] of held) {
      const space = this.poolOf(addresses)
      if (space === undefined) lost.push(holder)
      else this.assign(holder, space, addresses, claim)
    }
    return lost
  }

  setQuarantine(entries: readonly Quarantined[]): void {
    const touched = [...this.quarantine, ...entries].map(({ address }) => address)
    const held = this.#releaseAll(new Set(touched.flatMap(address => this.holders.of(address))))
    this.quarantine.replace(entries)
    for (const address of touched) {
      const free = this.#spaceOf(address)?.free(address.family)
      if (this.quarantine.of(address) === undefined) free?.readmit(address)
      else free?.withhold(address)
    }
    for (const [holder, { space, addresses, claim }] of held) this.assign(holder, space, addresses, claim)
  }

  held(holder: HolderKey): Held | undefined {
    return this.#held.get(holder)
  }

  /** The pool whose ranges hold all of these addresses. */
  poolOf(addresses: readonly Address[]): PoolSpace | undefined {
    const [first, ...others] = addresses
    const space = first && this.#spaceOf(first)
    return space !== undefined && others.every(address => space.contains(address)) ? space : undefined
  }

  /** Instead of what the holder had before. */
  assign(holder: HolderKey, space: PoolSpace, addresses: readonly Address[], claim: Claim): void {
    this.release(holder)
    for (const address of addresses) {
      const free = space.free(address.family)
      if (this.holders.add(address, holder, claim)) free.took()
      if (claim.sharing === undefined || !free.isUsable(address)) continue
      space.shared(address.family).add(free.positionOf(address)!, claim.sharing, claim.ports)
    }
    this.#held.set(holder, { space, addresses, claim })
  }

  /** What the holder had. Safe to repeat. */
  release(holder: HolderKey): readonly Address[] {
    const held = this.#held.get(holder)
    if (held === undefined) return []
    this.#held.delete(holder)
    for (const address of held.addresses) this.#free(holder, held, address)
    return held.addresses
  }

  #releaseAll(holders: Iterable<HolderKey>): readonly (readonly [HolderKey, Held])[] {
    const held = Array.from(holders, holder => [holder, this.#held.get(holder)!] as const)
    for (const [holder] of held) this.release(holder)
    return held
  }

  #free(holder: HolderKey, { space, claim }: Held, address: Address): void {
    const isLast = this.holders.remove(address, holder)
    const free = space.free(address.family)
    const position = free.positionOf(address)
    if (claim.sharing !== undefined && position !== undefined) {
      space.shared(address.family).remove(position, claim.sharing, claim.ports, isLast)
    }
    if (isLast) free.give(address)
  }

  #spaceOf(address: Address): PoolSpace | undefined {
    for (const space of this.#pools.values()) if (space.contains(address)) return space
    return undefined
  }
}
