import { formatAddress, type Address } from '@metallb-ts/netip'
import type { AllocationFailure } from './failure.ts'
import { portKey, type HolderKey, type Port, type Sharing } from './request.ts'

export interface Claim {
  readonly ports: readonly Port[]
  readonly sharing?: Sharing
}

interface Use {
  readonly address: Address
  readonly holders: Map<HolderKey, Claim>
  readonly ports: Map<string, HolderKey>
}

/** Who holds each address, and whether one more may. */
export class Holders {
  readonly #uses = new Map<string, Use>()
  /** Addresses by what they are shared under, so that a sharer need not search the pool. */
  readonly #shared = new Map<string, Map<string, Address>>()

  /** Undefined when `holder` may have the address; else why not. A holder never stands in its own way. */
  refusal(address: Address, holder: HolderKey, claim: Claim): AllocationFailure | undefined {
    const use = this.#uses.get(formatAddress(address))
    if (use === undefined) return undefined
    const others = [...use.holders].filter(([key]) => key !== holder)
    if (others.some(([, other]) => !mayShare(claim.sharing, other.sharing))) {
      return { code: 'sharing-conflict', address, holder, others: others.map(([key]) => key).sort() }
    }
    for (const port of claim.ports) {
      const by = use.ports.get(portKey(port))
      if (by !== undefined && by !== holder) return { code: 'port-in-use', address, port, by }
    }
    return undefined
  }

  /** Addresses already held under the same sharing key: where a sharer looks first. */
  sharedBy(sharing: Sharing | undefined): Iterable<Address> {
    return sharing === undefined || sharing.key === '' ? [] : (this.#shared.get(shareKey(sharing))?.values() ?? [])
  }

  isHeld(address: Address): boolean {
    return this.#uses.has(formatAddress(address))
  }

  /** True when the address had no holder before. */
  add(address: Address, holder: HolderKey, claim: Claim): boolean {
    const text = formatAddress(address)
    const use = this.#uses.get(text) ?? { address, holders: new Map(), ports: new Map() }
    const isFirst = use.holders.size === 0
    use.holders.set(holder, claim)
    for (const port of claim.ports) use.ports.set(portKey(port), holder)
    this.#uses.set(text, use)
    if (claim.sharing !== undefined && claim.sharing.key !== '') {
      const key = shareKey(claim.sharing)
      const addresses = this.#shared.get(key) ?? new Map<string, Address>()
      this.#shared.set(key, addresses.set(text, address))
    }
    return isFirst
  }

  /** True when the address has no holder left. */
  remove(address: Address, holder: HolderKey): boolean {
    const text = formatAddress(address)
    const use = this.#uses.get(text)
    const claim = use?.holders.get(holder)
    if (use === undefined || claim === undefined) return false
    use.holders.delete(holder)
    for (const port of claim.ports) if (use.ports.get(portKey(port)) === holder) use.ports.delete(portKey(port))
    this.#forgetSharing(use, text, claim.sharing)
    if (use.holders.size > 0) return false
    this.#uses.delete(text)
    return true
  }

  #forgetSharing(use: Use, text: string, sharing: Sharing | undefined): void {
    if (sharing === undefined || [...use.holders.values()].some(other => mayShare(sharing, other.sharing))) return
    const key = shareKey(sharing)
    const addresses = this.#shared.get(key)
    addresses?.delete(text)
    if (addresses?.size === 0) this.#shared.delete(key)
  }
}

function mayShare(a: Sharing | undefined, b: Sharing | undefined): boolean {
  return a !== undefined && b !== undefined && a.key !== '' && a.key === b.key && a.backend === b.backend
}

function shareKey({ key, backend }: Sharing): string {
  return JSON.stringify([key, backend])
}
