import type { Address } from '@metallb-ts/netip'

/** An address this host should answer for. */
export interface DesiredAddress {
  readonly address: Address
  /** Names of the interfaces to answer on; `all` means every one that qualifies. */
  readonly interfaces: 'all' | readonly string[]
}
