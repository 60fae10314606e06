// Types, not interfaces: a log line takes them as fields.

/** What the announcer tells. Addresses are canonical text, so that an event can be written as JSON. */
export interface L2Events {
  /** This host answers for the address on the interface from now on. Published after it is true. */
  'l2:gained': { readonly address: string; readonly interface: string }
  /** This host no longer answers for the address on the interface. Published after it is true. */
  'l2:lost': { readonly address: string; readonly interface: string }
  /**
   * Somebody else claims an address that we hold, and it is not one that was about to move. At most one per address and
   * claimant in ten seconds.
   */
  'l2:conflict': L2Conflict
  /** Somebody has an address that was to be announced for the first time: it is not. Asked again from time to time. */
  'l2:taken': { readonly address: string; readonly interface: string; readonly mac: string }
  /** An interface appeared, changed or went. */
  'link:changed': LinkChanged
}

export type L2Conflict = {
  readonly address: string
  readonly interface: string
  /** The hardware address that claims it, as text. */
  readonly mac: string
  /** Another announcer of ours, by node name: the elections disagree. Absent for a stranger. */
  readonly node?: string
}

export type LinkChanged = {
  readonly interface: string
  readonly index: number
  readonly state: 'up' | 'no-carrier' | 'down' | 'gone'
}
