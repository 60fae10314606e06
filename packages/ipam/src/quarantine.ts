import type { Address, Family } from '@metallb-ts/netip'

/** An address that must not be given now, whatever the pools say: the network has it already, for one. */
export interface Quarantined {
  readonly address: Address
  /** For people, as it goes after a colon: `02:00:5e:00:00:07 answers for it on node n1`. */
  readonly reason: string
  /** Whether its holder has to move; else it keeps the address, and nobody joins it. @default false */
  readonly moves?: boolean
}

/** What is in quarantine, by address. It outlives every change of pools, and holds for addresses in none of them too. */
export class Quarantine {
  readonly #entries: Readonly<Record<Family, Map<bigint, Quarantined>>> = { ipv4: new Map(), ipv6: new Map() }

  of({ family, value }: Address): Quarantined | undefined {
    return this.#entries[family].get(value)
  }

  *[Symbol.iterator](): Generator<Quarantined, void, void> {
    yield* this.#entries.ipv4.values()
    yield* this.#entries.ipv6.values()
  }

  /** Replaces all entries; of two for one address the later counts. */
  replace(entries: Iterable<Quarantined>): void {
    for (const map of Object.values(this.#entries)) map.clear()
    for (const entry of entries) this.#entries[entry.address.family].set(entry.address.value, entry)
  }
}
