/** How full a pool is. */
export interface PoolUsage {
  readonly pool: string
  readonly ipv4: FamilyUsage
  readonly ipv6: FamilyUsage
}

export interface FamilyUsage {
  /** Addresses that can be given, 0 to 2^128. */
  readonly capacity: bigint
  /** Different addresses given. */
  readonly assigned: bigint
}
