import type { Address, Family } from '@metallb-ts/netip'
import type { AllocationFailure, PoolRefusal, PoolVerdict } from './failure.ts'
import type { PoolSpace } from './pool.ts'
import type { AllocationRequest, Terms } from './request.ts'

export type Choice =
  | {
      readonly ok: true
      readonly space: PoolSpace
      readonly addresses: readonly Address[]
      readonly trail: readonly PoolVerdict[]
    }
  | { readonly ok: false; readonly error: AllocationFailure }

/**
 * Which pool, which addresses: tiers in order, pools of a tier in order, the first that gives every family. Under
 * prefer-dual a tier that gives both nowhere gives one address, of the primary family where any pool has it.
 */
export function choose(pools: ReadonlyMap<string, PoolSpace>, request: AllocationRequest): Choice {
  const trail: PoolVerdict[] = request.refused.map(({ pool, because }) => ({ pool, ruledOut: because }))
  const refused = new Set(request.refused.map(({ pool }) => pool))
  for (const tier of request.tiers) {
    const offers: Offer[] = []
    for (const name of tier) {
      const space = pools.get(name)
      if (space === undefined || refused.has(name)) continue
      offers.push(offerOf(space, request))
      if (offers.at(-1)!.missing.length === 0) break
    }
    const best = bestOffer(offers, request)
    for (const { space, missing } of offers) {
      if (space === best?.space) trail.push({ pool: space.name })
      else trail.push({ pool: space.name, ruledOut: missing[0] ?? { code: 'single-family-policy' } })
    }
    if (best !== undefined) return { ok: true, space: best.space, addresses: best.addresses, trail }
  }
  return { ok: false, error: { code: 'no-available-addresses', families: request.families, considered: trail } }
}

/** Which addresses of one pool that was asked for by name. */
export function chooseIn(space: PoolSpace, request: AllocationRequest): Choice {
  const offer = offerOf(space, request)
  const pool = space.name
  const best = bestOffer([offer], request)
  if (best !== undefined) return { ok: true, space, addresses: best.addresses, trail: [{ pool }] }
  const missing: readonly PoolRefusal[] = offer.missing.length > 0 ? offer.missing : [{ code: 'single-family-policy' }]
  const considered = missing.map(ruledOut => ({ pool, ruledOut }))
  return { ok: false, error: { code: 'no-available-addresses', families: request.families, considered, pool } }
}

/** The first address of a family, in the order of allocation, that is free or may be shared on these terms. */
export function lowestFor(
  space: PoolSpace,
  { sharing, ports }: Pick<Terms, 'sharing' | 'ports'>,
  family: Family,
): Address | undefined {
  const free = space.free(family)
  const unused = free.lowest()
  const shared = space.shared(family).lowest(sharing, ports)
  const position = shared !== undefined && (unused === undefined || shared < unused) ? shared : unused
  return position === undefined ? undefined : free.at(position)
}

/** Why a pool has no address of a family left to give. */
export function lackOf(space: PoolSpace, family: Family): PoolRefusal {
  const free = space.free(family)
  if (free.isEmpty) return { code: 'no-such-family', family }
  const quarantined = BigInt(free.withheldCount)
  const capacity = space.capacity(family)
  return { code: 'exhausted', family, capacity, ...(quarantined > 0n && { quarantined }) }
}

interface Offer {
  readonly space: PoolSpace
  /** In the order IPv4, IPv6. */
  readonly addresses: readonly Address[]
  readonly missing: readonly PoolRefusal[]
}

function offerOf(space: PoolSpace, request: AllocationRequest): Offer {
  const addresses: Address[] = []
  const missing: PoolRefusal[] = []
  for (const family of BOTH.filter(family => request.families.includes(family))) {
    const address = lowestFor(space, request, family)
    if (address !== undefined) addresses.push(address)
    else missing.push(lackOf(space, family))
  }
  return { space, addresses, missing }
}

function bestOffer(offers: readonly Offer[], { families, familyPolicy }: AllocationRequest): Offer | undefined {
  const whole = offers.find(({ missing }) => missing.length === 0)
  if (families.length === 1) return whole
  if (familyPolicy === 'single') return undefined // MetalLB gives a dual-stack Service nothing under SingleStack
  if (whole !== undefined || familyPolicy === 'require-dual') return whole
  const [primary] = families
  return (
    offers.find(({ addresses }) => addresses[0]?.family === primary) ??
    offers.find(({ addresses }) => addresses.length > 0)
  )
}

const BOTH = ['ipv4', 'ipv6'] as const
