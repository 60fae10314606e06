import type { Address, Family } from '@metallb-ts/netip'
import type { AllocationFailure } from './failure.ts'
import { portKey, type Claim, type HolderKey, type Port, type Sharing } from './request.ts'
import { mayShare } from './sharing.ts'

/** Who holds each address, and whether one more may. */
export class Holders {
  readonly #uses: Readonly<Record<Family, Map<number | bigint, Use>>> = { ipv4: new Map(), ipv6: new Map() }

  /** Whether anybody holds the address. */
  has(address: Address): boolean {
    return this.#uses[address.family].has(keyOf(address))
  }

  /** Undefined when `holder` may have the address; else why not. A holder never stands in its own way. */
  refusal(address: Address, holder: HolderKey, claim: Claim): AllocationFailure | undefined {
    const use = this.#uses[address.family].get(keyOf(address))
    if (use === undefined || (isSole(use) && use.holder === holder)) return undefined
    const isAlone = !isSole(use) && use.claims.size === (use.claims.has(holder) ? 1 : 0)
    if (!isAlone && !mayShare(claim.sharing, sharingOf(use))) {
      const others = namesOf(use).filter(key => key !== holder)
      return { code: 'sharing-conflict', address, holder, others }
    }
    for (const port of claim.ports) {
      const by = userOf(use, port)
      if (by !== undefined && by !== holder) return { code: 'port-in-use', address, port, by }
    }
    return undefined
  }

  of(address: Address): readonly HolderKey[] {
    const use = this.#uses[address.family].get(keyOf(address))
    return use === undefined ? [] : namesOf(use)
  }

  /** True when the address had no holder before. */
  add(address: Address, holder: HolderKey, claim: Claim): boolean {
    const uses = this.#uses[address.family]
    const key = keyOf(address)
    const use = uses.get(key)
    if (use === undefined) uses.set(key, { holder, claim })
    else if (isSole(use)) uses.set(key, several(use, { holder, claim }))
    else join(use, { holder, claim })
    return use === undefined
  }

  /** True when the address has no holder left. */
  remove(address: Address, holder: HolderKey): boolean {
    const uses = this.#uses[address.family]
    const key = keyOf(address)
    const use = uses.get(key)
    if (use === undefined) return false
    if (isSole(use)) return use.holder === holder && uses.delete(key)
    const claim = use.claims.get(holder)
    if (claim === undefined) return false
    use.claims.delete(holder)
    for (const port of claim.ports) use.ports.delete(portKey(port))
    return use.claims.size === 0 && uses.delete(key)
  }
}

/** Nearly every address has one holder: two references, where a million of them would otherwise be two million maps. */
interface Sole {
  readonly holder: HolderKey
  readonly claim: Claim
}

interface Several {
  /** All of them agree on it. */
  sharing: Sharing | undefined
  readonly claims: Map<HolderKey, Claim>
  readonly ports: Map<string, HolderKey>
}

type Use = Sole | Several

/** An IPv4 address as a signed 32-bit number, which a map holds without an object for it. */
function keyOf({ family, value }: Address): number | bigint {
  return family === 'ipv4' ? Number(value) | 0 : value
}

function isSole(use: Use): use is Sole {
  return 'holder' in use
}

function several(...holders: readonly Sole[]): Several {
  const use: Several = { sharing: undefined, claims: new Map(), ports: new Map() }
  for (const one of holders) join(use, one)
  return use
}

function join(use: Several, { holder, claim }: Sole): void {
  use.sharing = claim.sharing
  use.claims.set(holder, claim)
  for (const port of claim.ports) use.ports.set(portKey(port), holder)
}

function sharingOf(use: Use): Sharing | undefined {
  return isSole(use) ? use.claim.sharing : use.sharing
}

/** In order. */
function namesOf(use: Use): readonly HolderKey[] {
  return isSole(use) ? [use.holder] : [...use.claims.keys()].sort()
}

function userOf(use: Use, port: Port): HolderKey | undefined {
  if (!isSole(use)) return use.ports.get(portKey(port))
  const isUsed = use.claim.ports.some(other => other.port === port.port && other.protocol === port.protocol)
  return isUsed ? use.holder : undefined
}
