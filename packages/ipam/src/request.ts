import type { Address, Family } from '@metallb-ts/netip'
import type { PoolRefusal } from './failure.ts'

/** Whoever holds addresses: `namespace/name` of a Service, or any other name that is unique to the caller. */
export type HolderKey = string

/** What a holder asks for, and on which terms. */
export interface AllocationRequest extends Terms {
  /** Families wanted, the primary one first: one or two of them. */
  readonly families: readonly Family[]
  /**
   * With two families: whether both are required, or one is enough until the other can be had. A `single` request for
   * two families is given nothing, as MetalLB does.
   */
  readonly familyPolicy: 'single' | 'prefer-dual' | 'require-dual'
  /** These addresses and no others: one of each family wanted, all of one pool. @default whatever comes first */
  readonly addresses?: readonly Address[]
  /** This pool and no other; also where no tier names it. @default any of the tiers */
  readonly pool?: string
  /** Pools that may be chosen from, in order. A later tier is tried only when no pool of the earlier one gives. */
  readonly tiers: readonly (readonly string[])[]
  /** Keep what is held where it still fits, but give nothing new. @default false */
  readonly keepOnly?: boolean
}

/** What holding an address means to everyone else. */
export interface Claim {
  /** Ports used on each address; two holders of one address never use the same one. */
  readonly ports: readonly Port[]
  /** Absent: the addresses are for this holder alone. */
  readonly sharing?: Sharing
}

/** A claim, and what the caller's rules say about it. */
export interface Terms extends Claim {
  /** Pools that the caller's rules keep from this holder, and why; stronger than tiers. */
  readonly refused: readonly RefusedPool[]
}

/** A pool that the caller's rules keep from a holder. */
export interface RefusedPool {
  readonly pool: string
  /** Comes back in the trail and in failures. */
  readonly because: PoolRefusal
  /** Also when the pool or an address of it is asked for by name, and for addresses already held. */
  readonly evenByName: boolean
}

/** A port of one transport protocol: TCP/53 and UDP/53 are two. */
export interface Port {
  /** `TCP`, `UDP`, `SCTP`, compared as text. */
  readonly protocol: string
  /** 1 to 65535 */
  readonly port: number
}

/** Holders may share an address when both fields are equal and `key` is not empty. */
export interface Sharing {
  readonly key: string
  /** What the traffic reaches behind the address; sharing holders must agree on it. Empty: no matter. */
  readonly backend: string
}

export function portKey({ protocol, port }: Port): string {
  return `${protocol}/${port}`
}
