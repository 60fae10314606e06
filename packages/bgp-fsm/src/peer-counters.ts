/** What a peer has done since it was added. */
export interface PeerCounters {
  readonly messagesSent: number
  readonly messagesReceived: number
  readonly octetsSent: number
  readonly octetsReceived: number
  readonly updatesSent: number
  readonly updatesReceived: number
  /** Malformed attributes that cost a route or themselves (RFC 7606). */
  readonly issues: number
  /** Times the session was established. */
  readonly established: number
  /** Attempts and sessions that came to an end. */
  readonly ended: number
}

/** The same, while they are counted. */
export type Tally = { -readonly [Counter in keyof PeerCounters]: number }

export function zeroTally(): Tally {
  return {
    messagesSent: 0,
    messagesReceived: 0,
    octetsSent: 0,
    octetsReceived: 0,
    updatesSent: 0,
    updatesReceived: 0,
    issues: 0,
    established: 0,
    ended: 0,
  }
}

export function countMessage(tally: Tally, direction: 'sent' | 'received', octets: number): void {
  const isSent = direction === 'sent'
  tally[isSent ? 'messagesSent' : 'messagesReceived']++
  tally[isSent ? 'octetsSent' : 'octetsReceived'] += octets
}
