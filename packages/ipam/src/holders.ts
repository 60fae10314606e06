import type { Address, Family } from '@metallb-ts/netip'
import type { AllocationFailure } from './failure.ts'
import { portKey, type Claim, type HolderKey, type Sharing } from './request.ts'
import { mayShare } from './sharing.ts'

interface Use {
  /** All holders of an address agree on it. */
  sharing: Sharing | undefined
  readonly holders: Map<HolderKey, Claim>
  readonly ports: Map<string, HolderKey>
}

/** Who holds each address, and whether one more may. */
export class Holders {
  readonly #uses: Readonly<Record<Family, Map<bigint, Use>>> = { ipv4: new Map(), ipv6: new Map() }

  /** Undefined when `holder` may have the address; else why not. A holder never stands in its own way. */
  refusal(address: Address, holder: HolderKey, claim: Claim): AllocationFailure | undefined {
    const use = this.#uses[address.family].get(address.value)
    if (use === undefined) return undefined
    const isAlone = use.holders.size === (use.holders.has(holder) ? 1 : 0)
    if (!isAlone && !mayShare(claim.sharing, use.sharing)) {
      const others = [...use.holders.keys()].filter(key => key !== holder).sort()
      return { code: 'sharing-conflict', address, holder, others }
    }
    for (const port of claim.ports) {
      const by = use.ports.get(portKey(port))
      if (by !== undefined && by !== holder) return { code: 'port-in-use', address, port, by }
    }
    return undefined
  }

  of(address: Address): readonly HolderKey[] {
    return [...(this.#uses[address.family].get(address.value)?.holders.keys() ?? [])].sort()
  }

  add(address: Address, holder: HolderKey, claim: Claim): void {
    const uses = this.#uses[address.family]
    const use = uses.get(address.value) ?? { sharing: undefined, holders: new Map(), ports: new Map() }
    uses.set(address.value, use)
    use.sharing = claim.sharing
    use.holders.set(holder, claim)
    for (const port of claim.ports) use.ports.set(portKey(port), holder)
  }

  /** True when the address has no holder left. */
  remove(address: Address, holder: HolderKey): boolean {
    const uses = this.#uses[address.family]
    const use = uses.get(address.value)
    const claim = use?.holders.get(holder)
    if (use === undefined || claim === undefined) return false
    use.holders.delete(holder)
    for (const port of claim.ports) use.ports.delete(portKey(port))
    if (use.holders.size > 0) return false
    uses.delete(address.value)
    return true
  }
}
