/** How full a pool is. */
export interface PoolUsage {
  readonly pool: string
  readonly ipv4: FamilyUsage
  readonly ipv6: FamilyUsage
}

export interface FamilyUsage {
  /** Addresses that can be given, 0 to 2^128. */
  readonly capacity: bigint
  /**
   * Different addresses held; one with several holders counts once. More than the capacity where addresses were held
   * before they were excluded.
   */
  readonly assigned: bigint
  /** Addresses in quarantine that nobody holds: what can still be given is what capacity leaves of both. */
  readonly quarantined: bigint
}
