import type { Address, Family } from '@metallb-ts/netip'

/** Everything a user may say about one peer. */
export interface PeerInit {
  /** Unique in its speaker; several peers may have one address. */
  readonly name: string
  readonly remote: Address
  /** Interface of a link-local remote address. */
  readonly interface?: string
  /** @default 179 */
  readonly port?: number
  /** Our AS number, 1 to 4294967295. */
  readonly localAsn: number
  /** AS number shown to this peer in place of ours, in OPEN and AS_PATH. */
  readonly shownAsn?: number
  readonly peerAsn: number | 'internal' | 'external'
  /** BGP identifier, an IPv4 address. @default the speaker's */
  readonly routerId?: Address
  /** 0 (no keepalives), or 3 to 65535. @default 90 */
  readonly holdSeconds?: number
  /** @default a third of the hold time agreed on */
  readonly keepaliveSeconds?: number
  /** How long an attempt to connect may take, and the longest pause between attempts. @default 30 */
  readonly connectSeconds?: number
  /** Families to carry. @default the family of the remote address */
  readonly families?: readonly Family[]
  /** Our own addresses, for prefixes of the family that the session does not run over. */
  readonly ownAddresses?: Readonly<Partial<Record<Family, Address>>>
  /** Address of ours to dial from. @default the system's choice */
  readonly source?: Address
  /** TCP MD5 password (RFC 2385), up to 80 octets. */
  readonly password?: string
  /** TTL of what we send, 1 to 255. @default the system's */
  readonly ttl?: number
  /** Least TTL of what we take, 1 to 255 (RFC 5082). @default any */
  readonly minimumTtl?: number
  /** Interface or VRF device to bind to. */
  readonly device?: string
  /** Wait for the peer to connect. @default false */
  readonly passive?: boolean
  /** Seconds for which the peer keeps our routes while we restart, 1 to 4095 (RFC 4724). Absent: not offered. */
  readonly gracefulRestartSeconds?: number
}

/** What it takes to get from one set of choices to another. */
export type PeerChange =
  | { readonly kind: 'none' }
  /** The session stays. */
  | { readonly kind: 'soft'; readonly fields: readonly string[] }
  /** The session has to end and begin anew. */
  | { readonly kind: 'reset'; readonly fields: readonly string[] }

/** Which fields differ, and whether the session can live on. */
export function peerChange(before: PeerInit, after: PeerInit): PeerChange {
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    field => text(before[field as keyof PeerInit]) !== text(after[field as keyof PeerInit]),
  )
  if (fields.length === 0) return { kind: 'none' }
  return { kind: fields.every(field => SOFT_FIELDS.has(field)) ? 'soft' : 'reset', fields }
}

/** They matter at the next attempt only. */
const SOFT_FIELDS = new Set<string>(['connectSeconds'] satisfies (keyof PeerInit)[])

function text(value: unknown): string | undefined {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part))
}
