import type { Address, Family } from '@metallb-ts/netip'
import type { HolderKey, Port } from './request.ts'

/** Why there is no address. Facts, not sentences: `explain` makes those. */
export type AllocationFailure =
  | { readonly code: 'no-pools' }
  | { readonly code: 'nothing-held' }
  | { readonly code: 'unknown-pool'; readonly pool: string }
  | { readonly code: 'pool-refused'; readonly pool: string; readonly because: PoolRefusal }
  | {
      readonly code: 'no-available-addresses'
      readonly families: readonly Family[]
      /** Every pool that was looked at, and what ruled it out. */
      readonly considered: readonly PoolVerdict[]
      /** The pool that was asked for by name. */
      readonly pool?: string
    }
  | { readonly code: 'address-not-in-pools'; readonly addresses: readonly Address[] }
  | { readonly code: 'address-avoided'; readonly address: Address; readonly pool: string }
  | { readonly code: 'address-excluded'; readonly address: Address; readonly pool: string }
  | { readonly code: 'address-quarantined'; readonly address: Address; readonly pool: string; readonly reason: string }
  | { readonly code: 'addresses-not-in-requested-pool'; readonly addresses: readonly Address[]; readonly pool: string }
  | { readonly code: 'too-many-addresses'; readonly addresses: readonly Address[] }
  | { readonly code: 'same-family'; readonly addresses: readonly Address[] }
  | { readonly code: 'family-mismatch'; readonly addresses: readonly Address[]; readonly families: readonly Family[] }
  | {
      readonly code: 'sharing-conflict'
      readonly address: Address
      readonly holder: HolderKey
      /** In order of name. */
      readonly others: readonly HolderKey[]
    }
  | { readonly code: 'port-in-use'; readonly address: Address; readonly port: Port; readonly by: HolderKey }

/** What became of one pool while an address was looked for. */
export interface PoolVerdict {
  readonly pool: string
  /** Absent for the pool that was chosen. */
  readonly ruledOut?: PoolRefusal
}

/** Why a pool gave nothing. The first three are the caller's rules, the others what the pool came to. */
export type PoolRefusal =
  | { readonly code: 'not-automatic' }
  | { readonly code: 'namespace-not-allowed'; readonly namespace: string }
  | { readonly code: 'not-selected' }
  | { readonly code: 'no-such-family'; readonly family: Family }
  | {
      readonly code: 'exhausted'
      readonly family: Family
      readonly capacity: bigint
      /** How many of them nobody holds and nobody may have. Absent where there are none. */
      readonly quarantined?: bigint
    }
  | { readonly code: 'single-family-policy' }

/** Why addresses that were held are not kept. */
export type MoveReason =
  | { readonly code: 'families-changed'; readonly addresses: readonly Address[]; readonly families: readonly Family[] }
  | { readonly code: 'other-pool-requested'; readonly pool: string }
  | { readonly code: 'other-addresses-requested'; readonly addresses: readonly Address[] }
  | { readonly code: 'no-longer-allowed'; readonly failure: AllocationFailure }
