import type { Address } from '@metallb-ts/netip'

/** Finds who is at the other end of a link. */
export interface Discovery {
  /** Says who answers on this interface, and again when that changes. */
  watch(interfaceName: string, onNeighbor: (address: Address) => void): { stop(): void }
}
