import type { Address, Family } from '@metallb-ts/netip'
import type { AllocationFailure, PoolRefusal, PoolVerdict } from './failure.ts'
import type { Holders } from './holders.ts'
import type { PoolSpace } from './pool.ts'
import type { AllocationRequest, HolderKey } from './request.ts'

export type Choice =
  | {
      readonly ok: true
      readonly pool: PoolSpace
      readonly addresses: readonly Address[]
      readonly trail: readonly PoolVerdict[]
    }
  | { readonly ok: false; readonly error: AllocationFailure }

/**
 * Which pool, which addresses: tiers in order, pools of a tier in order, the first that yields all families. Under
 * prefer-dual a tier that yields both nowhere gives one address, of the primary family where any pool has it.
 */
export function choose(
  pools: ReadonlyMap<string, PoolSpace>,
  holders: Holders,
  holder: HolderKey,
  request: AllocationRequest,
): Choice {
  const trail: PoolVerdict[] = request.refused.map(({ pool, because }) => ({ pool, ruledOut: because }))
  for (const tier of request.tiers) {
    const offers = tier.flatMap(name => {
      const space = pools.get(name)
      return space === undefined ? [] : [offer(space, holders, holder, request)]
    })
    const best = bestOffer(offers, request)
    for (const { space, missing } of offers) {
      if (space === best?.space) trail.push({ pool: space.pool.name })
      else
        trail.push({
          pool: space.pool.name,
          ruledOut: missing[0] ?? { code: 'earlier-pool-fits', pool: best?.space.pool.name ?? '' },
        })
    }
    if (best !== undefined) return { ok: true, pool: best.space, addresses: best.addresses, trail }
  }
  return { ok: false, error: { code: 'no-available-addresses', families: request.families, considered: trail } }
}

/** Which addresses of one pool that was asked for by name. */
export function chooseIn(space: PoolSpace, holders: Holders, holder: HolderKey, request: AllocationRequest): Choice {
  const found = offer(space, holders, holder, request)
  const { name } = space.pool
  const best = bestOffer([found], request)
  if (best !== undefined) return { ok: true, pool: space, addresses: best.addresses, trail: [{ pool: name }] }
  const considered = found.missing.map(ruledOut => ({ pool: name, ruledOut }))
  return { ok: false, error: { code: 'no-available-addresses', families: request.families, considered, pool: name } }
}

/** The lowest address of a family that this holder may have: free, or shared on its terms. */
export function lowestFor(
  space: PoolSpace,
  holders: Holders,
  holder: HolderKey,
  request: Pick<AllocationRequest, 'ports' | 'sharing'>,
  family: Family,
): Address | undefined {
  const free = space.free(family)
  let best = free.lowestIndex()
  for (const address of holders.sharedBy(request.sharing)) {
    const index = address.family === family ? free.indexOf(address) : undefined
    if (index === undefined || (best !== undefined && index > best) || !space.allows(address)) continue
    if (holders.refusal(address, holder, request) === undefined) best = index
  }
  return best === undefined ? undefined : free.at(best)
}

interface Offer {
  readonly space: PoolSpace
  /** In the order IPv4, IPv6. */
  readonly addresses: readonly Address[]
  readonly missing: readonly PoolRefusal[]
}

function offer(space: PoolSpace, holders: Holders, holder: HolderKey, request: AllocationRequest): Offer {
  const addresses: Address[] = []
  const missing: PoolRefusal[] = []
  for (const family of BOTH.filter(family => request.families.includes(family))) {
    const address = lowestFor(space, holders, holder, request, family)
    if (address !== undefined) addresses.push(address)
    else if (space.free(family).isEmpty) missing.push({ code: 'no-such-family', family })
    else missing.push({ code: 'exhausted', family, capacity: space.capacity(family) })
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
