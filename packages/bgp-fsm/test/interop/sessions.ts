/** The sessions that every daemon has with us, each from an address of its own; what is not said is plain. */
export interface MatrixSession {
  readonly name: SessionName
  /** Ours. */
  readonly source: string
  readonly password?: string | undefined
  readonly ttlSecurity?: true
  /** The daemon reads AS numbers of two octets only. */
  readonly twoOctets?: true
  /** Who opens the connection. @default 'us' */
  readonly dials?: 'daemon' | 'both'
}

export type SessionName = 'plain' | 'six' | 'dialled' | 'six-md5' | 'md5' | 'gtsm' | 'two-octets' | 'both'

export const DAEMON_ASN = 64_500
export const OUR_ASN = 4_200_000_010
export const PASSWORD = 'sesame'

export const SESSIONS: readonly MatrixSession[] = [
  { name: 'plain', source: '192.0.2.10' },
  { name: 'six', source: '2001:db8::10' },
  { name: 'md5', source: '192.0.2.21', password: PASSWORD },
  { name: 'six-md5', source: '2001:db8::21', password: PASSWORD },
  { name: 'dialled', source: '192.0.2.22', password: PASSWORD, dials: 'daemon' },
  { name: 'gtsm', source: '192.0.2.23', ttlSecurity: true },
  { name: 'two-octets', source: '192.0.2.24', twoOctets: true },
  // Our listening socket has one key for all that the daemon opens from one address.
  { name: 'both', source: '192.0.2.25', password: PASSWORD, dials: 'both' },
]

export function isSix({ source }: MatrixSession): boolean {
  return source.includes(':')
}

/** The daemon's end. */
export function daemonAddress(session: MatrixSession): string {
  return isSix(session) ? '2001:db8::1' : '192.0.2.1'
}

/** What we announce on this session, and on no other. */
export function routesOf(name: SessionName): { readonly v4: string; readonly v6: string } {
  const i = 1 + SESSIONS.findIndex(session => session.name === name)
  return { v4: `203.0.113.${i}/32`, v6: `2001:db8:5::${i}/128` }
}
