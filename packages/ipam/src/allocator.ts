import { equalAddresses, type Address, type Family } from '@metallb-ts/netip'
import { choose, chooseIn, lowestFor, type Choice } from './choice.ts'
import type { AllocationFailure, PoolVerdict } from './failure.ts'
import { Holders } from './holders.ts'
import { PoolSpace, type Pool } from './pool.ts'
import type { AllocationRequest, HolderKey, RefusedPool } from './request.ts'
import type { PoolUsage } from './usage.ts'

/** What a holder has. */
export interface Assignment {
  readonly pool: string
  /** One or two, of different families. */
  readonly addresses: readonly Address[]
}

export type Ensured =
  | {
      readonly ok: true
      readonly assignment: Assignment
      /** How it came: kept as it was, kept with one more family, or new. */
      readonly how: 'kept' | 'extended' | 'new'
      /** Every pool that was looked at, the chosen one included; empty when nothing was looked for. */
      readonly trail: readonly PoolVerdict[]
      /** Present when addresses held before no longer fit: what they were, and why. */
      readonly moved?: { readonly from: readonly Address[]; readonly because: MoveReason }
      /** Present under prefer-dual when the second family could not be had. */
      readonly incomplete?: AllocationFailure
    }
  | {
      readonly ok: false
      readonly error: AllocationFailure
      /** Addresses that were held before and are given up. */
      readonly moved?: { readonly from: readonly Address[]; readonly because: MoveReason }
    }

/** Why addresses that were held are not kept. */
export type MoveReason =
  | { readonly code: 'families-changed' }
  | { readonly code: 'other-pool-requested'; readonly pool: string }
  | { readonly code: 'other-addresses-requested' }
  | { readonly code: 'no-longer-allowed'; readonly failure: AllocationFailure }

/** Gives addresses to holders. Synchronous and deterministic: the same calls in the same order give the same answers. */
export class Allocator {
  #pools = new Map<string, PoolSpace>()
  readonly #holders = new Holders()
  readonly #assignments = new Map<HolderKey, Held>()

  /**
   * Replaces all pools. Holders keep every address that still lies in a pool, under that pool's name; the others lose
   * theirs and are returned.
   */
  setPools(pools: readonly Pool[]): readonly HolderKey[] {
    this.#pools = new Map(pools.map(pool => [pool.name, new PoolSpace(pool)]))
    const lost: HolderKey[] = []
    for (const [holder, held] of [...this.#assignments]) {
      const space = this.#poolOf(held.addresses)
      if (space === undefined) {
        this.release(holder)
        lost.push(holder)
        continue
      }
      this.#assignments.set(holder, { ...held, pool: space.pool.name })
      for (const address of held.addresses) space.free(address.family).take(address)
    }
    return lost
  }

  get hasPools(): boolean {
    return this.#pools.size > 0
  }

  assignment(holder: HolderKey): Assignment | undefined {
    return this.#assignments.get(holder)
  }

  /**
   * Takes over addresses that a holder is known to have, as from a status found at start. Refused when they fit no pool
   * or another holder's terms.
   */
  adopt(
    holder: HolderKey,
    addresses: readonly Address[],
    request: Pick<AllocationRequest, 'ports' | 'sharing' | 'refused'>,
  ): AllocationFailure | undefined {
    const space = this.#poolOf(addresses)
    const failure = this.#assignable(holder, addresses, request, space)
    if (failure === undefined) this.#assign(holder, space!, addresses, request)
    return failure
  }

  /** Keeps what the holder has where it still fits the request, else gives what fits. */
  ensure(holder: HolderKey, request: AllocationRequest): Ensured {
    if (this.#pools.size === 0) return this.#give(holder, { code: 'no-pools' })
    const held = this.#assignments.get(holder)
    if (held === undefined) return this.#allocate(holder, request)
    const because = this.#moveReason(holder, held, request)
    if (because === undefined) return this.#keep(holder, held, request)
    const moved = { from: held.addresses, because }
    this.release(holder)
    return { ...this.#allocate(holder, request), moved }
  }

  /** Gives up everything the holder has; returns what that was. */
  release(holder: HolderKey): readonly Address[] {
    const held = this.#assignments.get(holder)
    if (held === undefined) return []
    this.#assignments.delete(holder)
    for (const address of held.addresses) {
      if (this.#holders.remove(address, holder)) this.#pools.get(held.pool)?.free(address.family).give(address)
    }
    return held.addresses
  }

  /** Per pool and family: how many can be given, and how many are. An address with several holders counts once. */
  usage(): readonly PoolUsage[] {
    const used = new Map<string, Record<Family, Set<bigint>>>()
    for (const { pool, addresses } of this.#assignments.values()) {
      const sets = used.get(pool) ?? { ipv4: new Set(), ipv6: new Set() }
      used.set(pool, sets)
      for (const { family, value } of addresses) sets[family].add(value)
    }
    return [...this.#pools.values()].map(space => {
      const sets = used.get(space.pool.name)
      const of = (family: Family): PoolUsage['ipv4'] => ({
        capacity: space.capacity(family),
        assigned: BigInt(sets?.[family].size ?? 0),
      })
      return { pool: space.pool.name, ipv4: of('ipv4'), ipv6: of('ipv6') }
    })
  }

  #keep(holder: HolderKey, held: Held, request: AllocationRequest): Ensured {
    const space = this.#pools.get(held.pool)!
    const wanted = request.families.find(family => !held.addresses.some(address => address.family === family))
    if (wanted === undefined || request.addresses !== undefined) {
      this.#assign(holder, space, held.addresses, request)
      return { ok: true, assignment: this.assignment(holder)!, how: 'kept', trail: [] }
    }
    const extra = lowestFor(space, this.#holders, holder, request, wanted)
    const addresses = extra === undefined ? held.addresses : [...held.addresses, extra]
    this.#assign(holder, space, addresses, request)
    const assignment = this.assignment(holder)!
    if (extra !== undefined) return { ok: true, assignment, how: 'extended', trail: [{ pool: held.pool }] }
    const ruledOut = space.free(wanted).isEmpty
      ? ({ code: 'no-such-family', family: wanted } as const)
      : ({ code: 'exhausted', family: wanted, capacity: space.capacity(wanted) } as const)
    const incomplete: AllocationFailure = {
      code: 'no-available-addresses',
      families: [wanted],
      considered: [{ pool: held.pool, ruledOut }],
      pool: held.pool,
    }
    return { ok: true, assignment, how: 'kept', trail: [], incomplete }
  }

  #moveReason(holder: HolderKey, held: Held, request: AllocationRequest): MoveReason | undefined {
    if (familiesChanged(held.addresses, request)) return { code: 'families-changed' }
    const failure = this.#assignable(holder, held.addresses, request, this.#pools.get(held.pool))
    if (failure !== undefined) return { code: 'no-longer-allowed', failure }
    if (request.pool !== undefined && request.pool !== held.pool)
      return { code: 'other-pool-requested', pool: request.pool }
    if (request.addresses !== undefined && !sameSet(request.addresses, held.addresses))
      return { code: 'other-addresses-requested' }
    return undefined
  }

  #allocate(holder: HolderKey, request: AllocationRequest): Ensured {
    if (request.addresses !== undefined) return this.#allocateAddresses(holder, request, request.addresses)
    const choice =
      request.pool === undefined
        ? this.#chooseFreely(holder, request)
        : this.#chooseByName(holder, request, request.pool)
    if (!choice.ok) return choice
    return this.#new(holder, choice.pool, choice.addresses, request, choice.trail)
  }

  #chooseFreely(holder: HolderKey, request: AllocationRequest): Choice {
    return choose(this.#pools, this.#holders, holder, request)
  }

  #chooseByName(holder: HolderKey, request: AllocationRequest, name: string): Choice {
    const space = this.#pools.get(name)
    if (space === undefined) return { ok: false, error: { code: 'unknown-pool', pool: name } }
    const refused = refusedByName(request.refused, name)
    if (refused !== undefined) return { ok: false, error: refused }
    return chooseIn(space, this.#holders, holder, request)
  }

  #allocateAddresses(holder: HolderKey, request: AllocationRequest, addresses: readonly Address[]): Ensured {
    if (addresses.length > 2) return this.#give(holder, { code: 'too-many-addresses', addresses })
    if (addresses.length === 2 && addresses[0]!.family === addresses[1]!.family)
      return this.#give(holder, { code: 'same-family', addresses })
    const families = new Set(request.families)
    if (addresses.length !== families.size || addresses.some(({ family }) => !families.has(family))) {
      return this.#give(holder, { code: 'family-mismatch', addresses, families: request.families })
    }
    const space = this.#poolOf(addresses)
    const failure = this.#assignable(holder, addresses, request, space)
    if (failure !== undefined) return this.#give(holder, failure)
    if (request.pool !== undefined && space!.pool.name !== request.pool) {
      return this.#give(holder, { code: 'addresses-not-in-requested-pool', addresses, pool: request.pool })
    }
    return this.#new(holder, space!, addresses, request, [{ pool: space!.pool.name }])
  }

  #assignable(
    holder: HolderKey,
    addresses: readonly Address[],
    request: Pick<AllocationRequest, 'ports' | 'sharing' | 'refused'>,
    space: PoolSpace | undefined,
  ): AllocationFailure | undefined {
    if (space === undefined) return { code: 'address-not-in-pools', addresses }
    const excluded = addresses.find(address => !space.allows(address))
    if (excluded !== undefined) return { code: 'address-excluded', address: excluded, pool: space.pool.name }
    const refused = refusedByName(request.refused, space.pool.name)
    if (refused !== undefined) return refused
    for (const address of addresses) {
      const failure = this.#holders.refusal(address, holder, request)
      if (failure !== undefined) return failure
    }
    return undefined
  }

  #new(
    holder: HolderKey,
    space: PoolSpace,
    addresses: readonly Address[],
    request: AllocationRequest,
    trail: readonly PoolVerdict[],
  ): Ensured {
    this.#assign(holder, space, addresses, request)
    const assignment = this.assignment(holder)!
    return { ok: true, assignment, how: 'new', trail }
  }

  #give(holder: HolderKey, error: AllocationFailure): Ensured {
    this.release(holder)
    return { ok: false, error }
  }

  #assign(
    holder: HolderKey,
    space: PoolSpace,
    addresses: readonly Address[],
    { ports, sharing }: Pick<AllocationRequest, 'ports' | 'sharing'>,
  ): void {
    this.release(holder)
    const claim = { ports, ...(sharing !== undefined && { sharing }) }
    for (const address of addresses) {
      if (this.#holders.add(address, holder, claim)) space.free(address.family).take(address)
    }
    this.#assignments.set(holder, { pool: space.pool.name, addresses })
  }

  /** The one pool whose ranges hold all the addresses. */
  #poolOf(addresses: readonly Address[]): PoolSpace | undefined {
    if (addresses.length === 0) return undefined
    for (const space of this.#pools.values()) if (addresses.every(address => space.contains(address))) return space
    return undefined
  }
}

interface Held {
  readonly pool: string
  readonly addresses: readonly Address[]
}

function refusedByName(refused: readonly RefusedPool[], name: string): AllocationFailure | undefined {
  const found = refused.find(({ pool, evenByName }) => pool === name && evenByName)
  return found === undefined ? undefined : { code: 'pool-refused', pool: name, because: found.because }
}

/** One address of a family that a dual-stack request prefers is enough; any other difference is a change. */
function familiesChanged(held: readonly Address[], { families, familyPolicy }: AllocationRequest): boolean {
  if (held.some(({ family }) => !families.includes(family))) return true
  return held.length < families.length && familyPolicy !== 'prefer-dual'
}

function sameSet(a: readonly Address[], b: readonly Address[]): boolean {
  return a.length === b.length && a.every(one => b.some(other => equalAddresses(one, other)))
}
