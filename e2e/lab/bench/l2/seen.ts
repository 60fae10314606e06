/** What a client saw while something happened. */
export interface Seen {
  /** Longest time without an answer to a datagram, one being sent every millisecond. */
  readonly gapMs: number
  /** Longest time in which no ARP request for the first address was answered. */
  readonly arpSilentMs: number
  /** Longest time in which two nodes answered for the first address. */
  readonly doubleMs: number
  /** Addresses for which a request was ever answered by two. */
  readonly doubled: number
}
