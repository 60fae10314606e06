import type { ClauseGroup } from './clauses.ts'

/** What a BFD session owes its peer. */
export const BFD_CLAUSES: readonly ClauseGroup[] = [
  {
    prefix: 'F-PKT',
    title: 'Packets',
    clauses: {
      '01': ['reading undoes writing', 'RFC 5880 §4.1'],
      '02': ['authentication sections are read, their lengths checked', 'RFC 5880 §4.2'],
    },
  },
  {
    prefix: 'F-RX',
    title: 'Reception',
    clauses: {
      '01': ['wrong version, multiplier 0, multipoint, discriminator 0: discarded', 'RFC 5880 §6.8.6'],
      '02': ['lengths that do not fit: discarded', 'RFC 5880 §6.8.6'],
      '03': ['Your Discriminator alone selects the session', 'RFC 5880 §6.3'],
      '04': ['without it Init and Up are discarded', 'RFC 5880 §6.8.6'],
      '05': ['without it the session is found by addresses', 'RFC 5881 §3, RFC 5883 §4'],
      '06': ['authentication against the configuration: discarded', 'RFC 5880 §6.8.6'],
      '07': ['single hop with a TTL below 255: discarded', 'RFC 5881 §5'],
      '08': ['multihop below the minimum TTL: discarded', 'RFC 5883'],
      '09': ['the port of the other kind: discarded', 'RFC 5883 §5'],
      '10': ['source ports are not checked', 'RFC 5881 §4'],
      '11': ['what is discarded changes its counter only', 'RFC 5880 §6.8.6'],
      '12': ['Poll and Final together: discarded', 'RFC 5880 §6.5'],
      '13': ['a changed discriminator of the peer is stored', 'RFC 5880 §6.3'],
      '14': ['no octets throw', 'practice'],
    },
  },
  {
    prefix: 'F-ST',
    title: 'States',
    clauses: {
      '01': ['every cell of the table has a test', 'RFC 5880 §6.8.6'],
      '02': ['over a lossy link it comes up, and goes down when one way is cut', 'RFC 5880 §6.2'],
      '03': ['diagnostics change with the state', 'RFC 5880 §6.8.1'],
      '04': ['discriminators are random, unique, not 0', 'RFC 5880 §6.8.1'],
      '05': ['silence forgets what the peer said', 'RFC 5880 §6.8.1'],
    },
  },
  {
    prefix: 'F-TX',
    title: 'Transmission',
    clauses: {
      '01': ['slow until Up', 'RFC 5880 §6.8.3'],
      '02': ['the larger interval, with jitter', 'RFC 5880 §6.8.7'],
      '03': ['multiplier 1 has its own jitter', 'RFC 5880 §6.8.7'],
      '04': ['changed values move the deadline at once', 'RFC 5880 §6.8.3'],
      '05': ['changes are sent at once', 'RFC 5880 §6.8.7'],
      '06': ['passive waits to be spoken to', 'RFC 5880 §6.8.7'],
      '07': ['a peer that wants none gets Finals only', 'RFC 5880 §6.8.7'],
      '08': ['a peer in demand mode', 'RFC 5880 §6.8.6'],
      '09': ['TTL 255 and one source port a session', 'RFC 5881 §4, §5'],
    },
  },
  {
    prefix: 'F-POLL',
    title: 'Poll sequences',
    clauses: {
      '01': ['a changed interval is polled until answered', 'RFC 5880 §6.5'],
      '02': ['changes that could harm wait for the answer', 'RFC 5880 §6.8.3'],
      '03': ['a Poll is answered at once, and not without limit', 'RFC 5880 §6.8.7'],
    },
  },
  {
    prefix: 'F-DET',
    title: 'Detection',
    clauses: {
      '01': ['by the peer’s multiplier and the larger interval', 'RFC 5880 §6.8.4'],
      '02': ['expiry takes Init and Up down', 'RFC 5880 §6.8.4'],
      '03': ['what has arrived is read first', 'practice'],
    },
  },
  { prefix: 'F-ECHO', title: 'Echo', clauses: { '01': ['only where both sides allow it', 'RFC 5880 §6.8.9'] } },
  {
    prefix: 'F-ADM',
    title: 'Administration',
    clauses: {
      '01': ['disabling says so for a detection time', 'RFC 5880 §6.8.16'],
      '02': ['disabled, packets update what is known of the peer only', 'RFC 5880 §6.8.6'],
      '03': ['stopping comes after BGP', 'RFC 5882 §8'],
    },
  },
  {
    prefix: 'F-BGP',
    title: 'With BGP',
    clauses: {
      '01': ['Up to Down ends the session with 6/10', 'RFC 9384 §3'],
      '02': ['AdminDown does not', 'RFC 5882 §4.2'],
      '03': ['BGP comes up without it', 'RFC 5882 §4.1'],
      '04': ['the C bit decides beside graceful restart', 'RFC 5882 §4.3'],
      '05': ['two users of a path share a session', 'RFC 5882 §4.4'],
      '06': ['profiles change by Poll', 'RFC 5880 §6.8.3'],
      '07': ['counters are what a capture shows', 'practice'],
    },
  },
]
