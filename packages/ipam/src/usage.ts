/** How full a pool is. */
export interface PoolUsage {
  readonly pool: string
  readonly ipv4: FamilyUsage
  readonly ipv6: FamilyUsage
}

/** Addresses of one family in one pool: numbers of addresses, all of them 0 to 2^128. */
export interface FamilyUsage {
  /** Addresses that the pool has to give, excluded and avoided ones left out. */
  readonly capacity: bigint
  /**
   * Different addresses held; one with several holders counts once. More than the capacity where addresses were held
   * before they were excluded.
   */
  readonly assigned: bigint
  /** Addresses in quarantine that nobody holds: what can still be given is what capacity leaves of both. */
  readonly quarantined: bigint
}
