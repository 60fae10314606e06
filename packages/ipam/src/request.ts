import type { Address, Family } from '@metallb-ts/netip'
import type { PoolRefusal } from './failure.ts'

/** Whoever holds addresses: `namespace/name` of a Service, or any other name that is unique to the caller. */
export type HolderKey = string

export interface AllocationRequest {
  /** Families wanted, the primary one first: one or two of them. */
  readonly families: readonly Family[]
  /**
   * With two families: whether both are required, one is enough, or neither may be given alone. A `single` request for
   * two families fails, as MetalLB's does.
   */
  readonly familyPolicy: 'single' | 'prefer-dual' | 'require-dual'
  /** These addresses and no others. */
  readonly addresses?: readonly Address[]
  /** This pool and no other; also where it is not handed out automatically. */
  readonly pool?: string
  /** Pools that may be chosen from, in order. A later tier is tried only when no pool of the earlier one fits. */
  readonly tiers: readonly (readonly string[])[]
  /** Pools that the caller's rules keep from this request, and why. */
  readonly refused: readonly RefusedPool[]
  /** Ports used on each address; two holders of one address must not share one. */
  readonly ports: readonly Port[]
  /** Absent: the addresses are for this holder alone. */
  readonly sharing?: Sharing
}

export interface RefusedPool {
  readonly pool: string
  readonly because: PoolRefusal
  /** Also when the pool or an address of it is asked for by name. */
  readonly evenByName: boolean
}

export interface Port {
  readonly protocol: string
  /** 1 to 65535 */
  readonly port: number
}

/** Holders share an address when both keys are equal and `key` is not empty. */
export interface Sharing {
  readonly key: string
  /** What the traffic reaches behind the address; sharing holders must agree on it. Empty: no matter. */
  readonly backend: string
}

export function portKey({ protocol, port }: Port): string {
  return `${protocol}/${port}`
}
