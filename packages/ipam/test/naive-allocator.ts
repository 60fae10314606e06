import { addressesOfRange, formatAddress, rangeContains, type Address, type Family } from '@metallb-ts/netip'
import type { AllocationRequest, Pool, Quarantined } from '../src/index.ts'

interface Held {
  readonly pool: Pool
  readonly addresses: readonly Address[]
  readonly request: AllocationRequest
}

/** The same rules by brute force: every answer is found by walking every address, so that it is plainly right. */
export class NaiveAllocator {
  #pools: readonly Pool[] = []
  #quarantine: readonly Quarantined[] = []
  readonly #held = new Map<string, Held>()

  setPools(pools: readonly Pool[]): readonly string[] {
    this.#pools = pools
    const lost: string[] = []
    for (const [holder, held] of [...this.#held]) {
      const pool = this.#poolOf(held.addresses)
      if (pool === undefined) {
        this.#held.delete(holder)
        lost.push(holder)
      } else this.#held.set(holder, { ...held, pool })
    }
    return lost
  }

  setQuarantine(entries: readonly Quarantined[]): void {
    this.#quarantine = entries
  }

  addressesOf(holder: string): readonly Address[] {
    return this.#held.get(holder)?.addresses ?? []
  }

  release(holder: string): void {
    this.#held.delete(holder)
  }

  ensure(holder: string, request: AllocationRequest): readonly Address[] {
    const held = this.#held.get(holder)
    const keeps = held !== undefined && this.#fits(holder, held, request)
    if (!keeps) this.#held.delete(holder)
    const found = keeps ? this.#extend(holder, held, request) : this.#find(holder, request)
    const pool = this.#poolOf(found)
    if (pool === undefined) this.#held.delete(holder)
    else this.#held.set(holder, { pool, addresses: found, request })
    return found
  }

  #fits(holder: string, { pool, addresses }: Held, request: AllocationRequest): boolean {
    const families = addresses.map(({ family }) => family)
    if (families.some(family => !request.families.includes(family))) return false
    if (families.length < request.families.length && request.familyPolicy !== 'prefer-dual') return false
    if (addresses.some(address => isAvoided(pool, address))) return false
    if (addresses.some(address => this.#quarantined(address)?.moves === true)) return false
    if (request.refused.some(refused => refused.pool === pool.name && refused.evenByName)) return false
    if (!addresses.every(address => this.#isAllowed(holder, address, request))) return false
    if (request.pool !== undefined && request.pool !== pool.name) return false
    return request.addresses === undefined || texts(request.addresses) === texts(addresses)
  }

  #extend(holder: string, { pool, addresses }: Held, request: AllocationRequest): readonly Address[] {
    const missing = request.families.find(family => addresses.every(address => address.family !== family))
    if (missing === undefined || request.addresses !== undefined) return addresses
    const extra = this.#first(holder, pool, missing, request)
    return extra === undefined ? addresses : [...addresses, extra]
  }

  #find(holder: string, request: AllocationRequest): readonly Address[] {
    if (request.addresses !== undefined) return this.#explicit(holder, request, request.addresses)
    const tiers = request.pool === undefined ? request.tiers : [[request.pool]]
    for (const tier of tiers) {
      const pools = tier
        .flatMap(name => this.#pools.filter(pool => pool.name === name))
        .filter(
          ({ name }) => !request.refused.some(r => r.pool === name && (request.pool === undefined || r.evenByName)),
        )
      const offers = pools.map(pool =>
        (['ipv4', 'ipv6'] as const)
          .filter(family => request.families.includes(family))
          .flatMap(family => this.#first(holder, pool, family, request) ?? []),
      )
      const whole = offers.find(offer => offer.length === request.families.length)
      if (request.families.length === 1 || request.familyPolicy === 'require-dual') {
        if (whole !== undefined) return whole
      } else if (request.familyPolicy === 'prefer-dual') {
        const primary = offers.find(offer => offer[0]?.family === request.families[0])
        const any = whole ?? primary ?? offers.find(offer => offer.length > 0)
        if (any !== undefined) return any
      }
    }
    return []
  }

  #explicit(holder: string, request: AllocationRequest, addresses: readonly Address[]): readonly Address[] {
    const pool = this.#poolOf(addresses)
    const families = addresses.map(({ family }) => family)
    const fits =
      pool !== undefined &&
      new Set(families).size === request.families.length &&
      families.length === request.families.length &&
      families.every(family => request.families.includes(family)) &&
      addresses.every(address => this.#isUsable(pool, address) && this.#isAllowed(holder, address, request)) &&
      !request.refused.some(refused => refused.pool === pool.name && refused.evenByName) &&
      (request.pool === undefined || request.pool === pool.name)
    return fits ? addresses : []
  }

  #first(holder: string, pool: Pool, family: Family, request: AllocationRequest): Address | undefined {
    for (const range of pool.ranges) {
      if (range.first.family !== family) continue
      for (const address of addressesOfRange(range)) {
        if (this.#isUsable(pool, address) && this.#isAllowed(holder, address, request)) return address
      }
    }
    return undefined
  }

  #isAllowed(holder: string, address: Address, { sharing, ports }: AllocationRequest): boolean {
    for (const [other, held] of this.#held) {
      if (other === holder || !held.addresses.some(one => formatAddress(one) === formatAddress(address))) continue
      const theirs = held.request.sharing
      const agree =
        sharing?.key !== undefined &&
        sharing.key !== '' &&
        theirs?.key === sharing.key &&
        theirs.backend === sharing.backend
      if (!agree) return false
      if (held.request.ports.some(a => ports.some(b => a.port === b.port && a.protocol === b.protocol))) return false
    }
    return true
  }

  #isUsable(pool: Pool, address: Address): boolean {
    return isUsable(pool, address) && this.#quarantined(address) === undefined
  }

  #quarantined(address: Address): Quarantined | undefined {
    return this.#quarantine.find(entry => formatAddress(entry.address) === formatAddress(address))
  }

  #poolOf(addresses: readonly Address[]): Pool | undefined {
    if (addresses.length === 0) return undefined
    return this.#pools.find(({ ranges }) =>
      addresses.every(address => ranges.some(range => rangeContains(range, address))),
    )
  }
}

function texts(addresses: readonly Address[]): string {
  return addresses.map(formatAddress).sort().join()
}

/** Whether the pool may give the address at all. */
export function isUsable(pool: Pool, address: Address): boolean {
  return !isAvoided(pool, address) && !(pool.excluded ?? []).some(range => rangeContains(range, address))
}

function isAvoided(pool: Pool, { family, value }: Address): boolean {
  return pool.avoidBuggyIPs === true && family === 'ipv4' && (value % 256n === 0n || value % 256n === 255n)
}
