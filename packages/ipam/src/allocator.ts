import { equalAddresses, type Address } from '@metallb-ts/netip'
import { choose, chooseIn, lackOf, lowestFor } from './choice.ts'
import type { AllocationFailure, MoveReason, PoolVerdict } from './failure.ts'
import { Ledger, type Held } from './ledger.ts'
import type { Pool, PoolSpace } from './pool.ts'
import type { Quarantined } from './quarantine.ts'
import type { AllocationRequest, Claim, HolderKey, RefusedPool, Terms } from './request.ts'
import type { PoolUsage } from './usage.ts'

/** What a holder has. */
export interface Assignment {
  /** Name of the pool whose ranges hold all of the addresses now. */
  readonly pool: string
  /** One or two, of different families. */
  readonly addresses: readonly Address[]
}

/** What `ensure` came to. */
export type Ensured = (
  | {
      readonly ok: true
      readonly assignment: Assignment
      /** Kept as it was, kept with one more family, or new. */
      readonly how: 'kept' | 'extended' | 'new'
      /** Every pool that was looked at, the chosen one included; empty when nothing was looked for. */
      readonly trail: readonly PoolVerdict[]
      /** Present when addresses held before no longer fit: what they were, and why. */
      readonly moved?: Move
      /** Present under prefer-dual when the second family could not be added. */
      readonly incomplete?: AllocationFailure
    }
  | {
      readonly ok: false
      readonly error: AllocationFailure
      /** Addresses that were held before and are given up. */
      readonly moved?: Move
    }
) & {
  /** Whether others may now have what they were refused before: an address, a port of one, other terms of sharing. */
  readonly frees: boolean
}

/** What was given up, and why. */
export interface Move {
  /** One or two addresses that the holder has no longer. */
  readonly from: readonly Address[]
  readonly because: MoveReason
}

/**
 * Gives addresses to holders. Synchronous and deterministic: the same calls in the same order give the same answers. The
 * cost of a call does not depend on the size of the pools.
 */
export class Allocator {
  readonly #ledger = new Ledger()

  /**
   * Replaces all pools. Holders keep addresses that still lie in one pool together, under that pool's name; the others
   * lose theirs and are returned. Throws a RangeError where ranges overlap or names repeat; then nothing has changed.
   */
  setPools(pools: readonly Pool[]): readonly HolderKey[] {
    return this.#ledger.setPools(pools)
  }

  /**
   * Replaces the quarantine: addresses that are given to nobody until they are left out of it again. Returns the holders
   * that have to move, in order of name; each does at its next `ensure`. Of two entries for one address the later counts.
   * Costs as much as there are entries, before and now. Throws nothing.
   */
  setQuarantine(entries: readonly Quarantined[]): readonly HolderKey[] {
    this.#ledger.setQuarantine(entries)
    const moving = entries.filter(({ moves }) => moves === true)
    return [...new Set(moving.flatMap(({ address }) => this.holdersOf(address)))].sort()
  }

  /** What the holder has; undefined when that is nothing. */
  assignment(holder: HolderKey): Assignment | undefined {
    const held = this.#ledger.held(holder)
    return held && { pool: held.space.name, addresses: held.addresses }
  }

  /** On which terms the holder has what it has. */
  claim(holder: HolderKey): Claim | undefined {
    return this.#ledger.held(holder)?.claim
  }

  /** Everyone who holds an address, in order of name. */
  holdersOf(address: Address): readonly HolderKey[] {
    return this.#ledger.holders.of(address)
  }

  /** The pool whose ranges hold all of these addresses; undefined for none, and where no one pool does. */
  poolOf(addresses: readonly Address[]): string | undefined {
    return this.#ledger.poolOf(addresses)?.name
  }

  /** How full each pool is, in the order of `setPools`. */
  usage(): readonly PoolUsage[] {
    return Array.from(this.#ledger.pools.values(), space => space.usage())
  }

  /**
   * Takes over addresses that a holder is known to have, as from a status found at start; do it for every holder before
   * the first `ensure`. Undefined when that was done; a failure, and nothing changed, when they fit no pool or another
   * holder's terms. Quarantine takes away nothing here. Throws nothing.
   */
  adopt(holder: HolderKey, addresses: readonly Address[], terms: Terms): AllocationFailure | undefined {
    const space = this.#ledger.poolOf(addresses)
    const failure = this.#refusal(holder, addresses, terms, space)
    if (failure === undefined) this.#ledger.assign(holder, space!, addresses, claimOf(terms))
    return failure
  }

  /**
   * Keeps what the holder has where it still fits the request, else gives what fits. A holder whose addresses do not fit and
   * for whom there are no others holds nothing afterwards. Every refusal is in the answer; throws nothing.
   */
  ensure(holder: HolderKey, request: AllocationRequest): Ensured {
    const held = this.#ledger.held(holder)
    if (held === undefined) return { ...this.#allocate(holder, request), frees: false }
    const because = this.#reasonToMove(holder, held, request)
    if (because === undefined) return { ...this.#keep(holder, held, request), frees: !sameClaim(held.claim, request) }
    this.#ledger.release(holder)
    return { ...this.#allocate(holder, request), moved: { from: held.addresses, because }, frees: true }
  }

  /** Gives up everything the holder has; returns what that was, none when it was nothing. Safe to repeat. */
  release(holder: HolderKey): readonly Address[] {
    return this.#ledger.release(holder)
  }

  #keep(holder: HolderKey, { space, addresses: before, claim }: Held, request: AllocationRequest): Found {
    const wanted = request.families.find(family => !before.some(address => address.family === family))
    const extra = wanted && request.addresses === undefined ? lowestFor(space, request, wanted) : undefined
    const addresses = extra === undefined ? before : [...before, extra]
    if (extra !== undefined || !sameClaim(claim, request)) {
      this.#ledger.assign(holder, space, addresses, claimOf(request))
    }
    const pool = space.name
    const assignment = { pool, addresses }
    if (extra !== undefined) return { ok: true, assignment, how: 'extended', trail: [{ pool }] }
    if (wanted === undefined || request.addresses !== undefined) return { ok: true, assignment, how: 'kept', trail: [] }
    const considered = [{ pool, ruledOut: lackOf(space, wanted) }]
    const incomplete = { code: 'no-available-addresses', families: [wanted], considered, pool } as const
    return { ok: true, assignment, how: 'kept', trail: considered, incomplete }
  }

  #reasonToMove(holder: HolderKey, { addresses, space }: Held, request: AllocationRequest): MoveReason | undefined {
    if (familiesChanged(addresses, request)) return { code: 'families-changed', addresses, families: request.families }
    const failure =
      this.#refusal(holder, addresses, request, space) ?? this.#quarantined(addresses, space, ({ moves }) => moves)
    if (failure !== undefined) return { code: 'no-longer-allowed', failure }
    if (request.pool !== undefined && request.pool !== space.name) {
      return { code: 'other-pool-requested', pool: request.pool }
    }
    if (request.addresses !== undefined && !sameSet(request.addresses, addresses)) {
      return { code: 'other-addresses-requested', addresses: request.addresses }
    }
    return undefined
  }

  #allocate(holder: HolderKey, request: AllocationRequest): Found {
    if (request.keepOnly === true) return { ok: false, error: { code: 'nothing-held' } }
    if (request.addresses !== undefined) return this.#allocateAddresses(holder, request, request.addresses)
    const { pools } = this.#ledger
    if (pools.size === 0) return { ok: false, error: { code: 'no-pools' } }
    const choice = request.pool === undefined ? choose(pools, request) : this.#chooseByName(request, request.pool)
    return choice.ok ? this.#assigned(holder, choice.space, choice.addresses, request, choice.trail) : choice
  }

  #chooseByName(request: AllocationRequest, name: string): ReturnType<typeof chooseIn> {
    const space = this.#ledger.pools.get(name)
    if (space === undefined) return { ok: false, error: { code: 'unknown-pool', pool: name } }
    const refused = refusedByName(request.refused, name)
    return refused === undefined ? chooseIn(space, request) : { ok: false, error: refused }
  }

  #allocateAddresses(holder: HolderKey, request: AllocationRequest, addresses: readonly Address[]): Found {
    const space = this.#ledger.poolOf(addresses)
    const failure = misfit(addresses, request) ?? this.#refusalOfNew(holder, addresses, request, space)
    if (failure !== undefined) return { ok: false, error: failure }
    if (request.pool !== undefined && space!.name !== request.pool) {
      return { ok: false, error: { code: 'addresses-not-in-requested-pool', addresses, pool: request.pool } }
    }
    return this.#assigned(holder, space!, addresses, request, [{ pool: space!.name }])
  }

  #refusalOfNew(
    holder: HolderKey,
    addresses: readonly Address[],
    terms: Terms,
    space: PoolSpace | undefined,
  ): AllocationFailure | undefined {
    const excluded = space && addresses.find(address => space.free(address.family).isExcluded(address))
    if (excluded !== undefined) return { code: 'address-excluded', address: excluded, pool: space!.name }
    return this.#quarantined(addresses, space, () => true) ?? this.#refusal(holder, addresses, terms, space)
  }

  /** An address that was excluded after it was given stays with its holder; one that became buggy does not. */
  #refusal(
    holder: HolderKey,
    addresses: readonly Address[],
    terms: Terms,
    space: PoolSpace | undefined,
  ): AllocationFailure | undefined {
    if (space === undefined) return { code: 'address-not-in-pools', addresses }
    const buggy = addresses.find(address => space.free(address.family).isAvoided(address))
    if (buggy !== undefined) return { code: 'address-avoided', address: buggy, pool: space.name }
    const refused = refusedByName(terms.refused, space.name)
    if (refused !== undefined) return refused
    for (const address of addresses) {
      const failure = this.#ledger.holders.refusal(address, holder, terms)
      if (failure !== undefined) return failure
    }
    return undefined
  }

  /** @param counts which entries matter: all to who asks for an address, those that move to who holds it */
  #quarantined(
    addresses: readonly Address[],
    space: PoolSpace | undefined,
    counts: (entry: Quarantined) => boolean | undefined,
  ): AllocationFailure | undefined {
    for (const address of space === undefined ? [] : addresses) {
      const entry = this.#ledger.quarantine.of(address)
      if (entry === undefined || counts(entry) !== true) continue
      return { code: 'address-quarantined', address, pool: space!.name, reason: entry.reason }
    }
    return undefined
  }

  #assigned(
    holder: HolderKey,
    space: PoolSpace,
    addresses: readonly Address[],
    terms: Terms,
    trail: readonly PoolVerdict[],
  ): Found {
    this.#ledger.assign(holder, space, addresses, claimOf(terms))
    return { ok: true, assignment: { pool: space.name, addresses }, how: 'new', trail }
  }
}

type Found = DistributiveOmit<Ensured, 'frees'>
type DistributiveOmit<T, Key extends PropertyKey> = T extends unknown ? Omit<T, Key> : never

function refusedByName(refused: readonly RefusedPool[], name: string): AllocationFailure | undefined {
  const found = refused.find(({ pool, evenByName }) => pool === name && evenByName)
  return found && { code: 'pool-refused', pool: name, because: found.because }
}

/** Addresses asked for must be one of each family wanted. */
function misfit(addresses: readonly Address[], { families }: AllocationRequest): AllocationFailure | undefined {
  if (addresses.length > 2) return { code: 'too-many-addresses', addresses }
  if (addresses.length === 2 && addresses[0]!.family === addresses[1]!.family) return { code: 'same-family', addresses }
  const fits = addresses.length === families.length && addresses.every(({ family }) => families.includes(family))
  return fits ? undefined : { code: 'family-mismatch', addresses, families }
}

/** One address of a family is enough for a request that prefers two; any other difference is a change. */
function familiesChanged(held: readonly Address[], { families, familyPolicy }: AllocationRequest): boolean {
  if (held.some(({ family }) => !families.includes(family))) return true
  return held.length < families.length && familyPolicy !== 'prefer-dual'
}

/** What of the terms others have to reckon with; the rest of a request is not kept. */
function claimOf({ ports, sharing }: Claim): Claim {
  return { ports, ...(sharing !== undefined && { sharing }) }
}

function sameClaim(a: Claim, b: Claim): boolean {
  return (
    a.sharing?.key === b.sharing?.key &&
    a.sharing?.backend === b.sharing?.backend &&
    a.ports.length === b.ports.length &&
    a.ports.every(({ protocol, port }, i) => protocol === b.ports[i]!.protocol && port === b.ports[i]!.port)
  )
}

function sameSet(a: readonly Address[], b: readonly Address[]): boolean {
  return a.length === b.length && a.every(one => b.some(other => equalAddresses(one, other)))
}
