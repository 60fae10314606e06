import type { Address, Family } from '@metallb-ts/netip'
import type { Role } from './negotiate.ts'
import type { RestartHelp } from './peer-restart.ts'
import type { Route, RouteAttributes } from './route.ts'

/** The name of a peer, unique in its speaker. */
export type PeerKey = string

/** Everything a user may say about one peer. */
export interface PeerInit {
  /** Unique in its speaker; several peers may have one address. */
  readonly name: PeerKey
  /** Absent: whoever answers on `interface` (unnumbered; the speaker needs a `discovery`). */
  readonly remote?: Address
  /** Interface of a link-local remote address, or of an unnumbered peer. */
  readonly interface?: string
  /** 1 to 65535. @default 179 */
  readonly port?: number
  /** Our AS number, 1 to 4294967295. @default the speaker's */
  readonly localAsn?: number
  /** AS number shown to this peer in place of ours, in OPEN and AS_PATH. @default localAsn */
  readonly shownAsn?: number
  /** `internal`: whichever equals ours; `external`: any other. */
  readonly peerAsn: number | 'internal' | 'external'
  /** BGP identifier, an IPv4 address, not 0.0.0.0. @default the speaker's */
  readonly routerId?: Address
  /** 0 (no keepalives, no hold timer), or 3 to 65535. @default 90 */
  readonly holdSeconds?: number
  /** 1 to a third of the hold time agreed on, which is also the most. @default a third of the hold time agreed on */
  readonly keepaliveSeconds?: number
  /** The longest pause between attempts to connect, 1 to 65535. @default 120 */
  readonly connectSeconds?: number
  /** How long one attempt to connect may take, 1 to 65535. @default 10 */
  readonly dialSeconds?: number
  /** Wait this long for the peer's OPEN before ours goes (RFC 4271 §8.1.1 DelayOpen), 1 to 240. @default not at all */
  readonly delayOpenSeconds?: number
  /** Wait ever longer between starts that fail (RFC 4271 §8.1.1 DampPeerOscillations), 1 to 120 s; else 1 s. @default true */
  readonly dampPeerOscillations?: boolean
  /**
   * A connection that the peer opens beside an established session is judged by the identifiers, so that the session may
   * lose (RFC 4271 §8.1.1 CollisionDetectEstablishedState). @default false: the session stays
   */
  readonly collisionDetectEstablished?: boolean
  /** Wait for the peer to connect. @default false */
  readonly passive?: boolean
  /** Families to carry. @default the family of the remote address; both when there is none */
  readonly families?: readonly Family[]
  /** Carry IPv4 prefixes by IPv6 next hops (RFC 8950). @default true on IPv6 sessions that carry IPv4 */
  readonly extendedNextHop?: boolean
  /** Our own addresses, for prefixes of the family that the session does not run over. @default those of its link */
  readonly ownAddresses?: Readonly<Partial<Record<Family, Address>>>
  /** Address of ours to dial from. @default the system's choice */
  readonly source?: Address
  /** TCP MD5 password (RFC 2385), 1 to 80 octets. @default none */
  readonly password?: string
  /** TTL of what we send, 1 to 255. @default the system's */
  readonly ttl?: number
  /** GTSM (RFC 5082): the peer is at most this many hops away, 1 to 254; sends TTL 255. @default not checked */
  readonly ttlSecurityHops?: number
  /** Interface or VRF device to bind to. @default none */
  readonly device?: string
  /** As the side that restarts (RFC 4724). @default not offered */
  readonly gracefulRestart?: {
    /** For which the peer keeps our routes while we are away, 1 to 4095. */
    readonly seconds: number
    /** Forwarding goes on while we are away. @default true */
    readonly keepsForwarding?: boolean
    /** RFC 9494, for which it keeps them after that at least preference, 1 to 16777215. @default not offered */
    readonly longLivedSeconds?: number
  }
  /**
   * As the side that stays (RFC 4724 §4.2, RFC 9494): what the peer announced outlives its restarts, for who takes
   * `onReceived`. @default its routes end with its session
   */
  readonly restartHelp?: RestartHelp
  /** Offer messages of 65535 octets (RFC 8654). @default false */
  readonly extendedMessages?: boolean
  /** Longest UPDATE we send, 512 to 65535, as far as was agreed on. @default 4096 */
  readonly maxUpdateSize?: number
  /** Families for which path identifiers are sent (RFC 7911). @default none */
  readonly addPath?: readonly Family[]
  /** RFC 9234. @default none */
  readonly role?: Role
  /** @default false */
  readonly isRoleRequired?: boolean
  /**
   * With a peer that offers it, too, the session is not established before `setPath` says `up`
   * (draft-ietf-idr-bgp-bfd-strict-mode). @default false
   */
  readonly strictBfd?: boolean
  /** Try again without a capability that the peer refused with 2/4 or 2/7. @default true */
  readonly capabilityFallback?: boolean
  /** A route whose path does not begin with the peer's AS counts as withdrawn (RFC 4271 §6.3). @default true */
  readonly enforceFirstAs?: boolean
  /** More received prefixes than this end the session with 6/1. @default no limit */
  readonly maxPrefixes?: number
  /** Mark everything with GRACEFUL_SHUTDOWN (RFC 8326), before it is withdrawn. @default false */
  readonly isDraining?: boolean
  /** What of a route this peer is told; undefined: nothing. Compared by identity. @default everything as it is */
  readonly exportPolicy?: (route: Route) => RouteAttributes | undefined
}

/** What it takes to get from one set of choices to another. */
export interface PeerChange {
  /** `soft`: the session stays; `reset`: it has to end and begin anew. */
  readonly kind: 'none' | 'soft' | 'reset'
  /** One sentence per field that differs, those that need a reset first. */
  readonly why: readonly string[]
}

/** Which fields differ, whether the session can live on, and why not. */
export function peerChange(before: PeerInit, after: PeerInit): PeerChange {
  const fields = (Object.keys(FIELDS) as (keyof PeerInit)[]).filter(field => !equal(before[field], after[field]))
  const why = (kind: 'soft' | 'reset'): string[] =>
    fields.filter(field => FIELDS[field][0] === kind).map(field => `${field}: ${FIELDS[field][1]}`)
  const resets = why('reset')
  const soft = why('soft')
  return { kind: resets.length > 0 ? 'reset' : soft.length > 0 ? 'soft' : 'none', why: [...resets, ...soft] }
}

const IN_OPEN = 'it is said in our OPEN, once a session'
const OF_CONNECTION = 'it belongs to the connection'
const NEXT_ATTEMPT = 'it counts from the next attempt on'

const FIELDS: { readonly [Field in keyof Required<PeerInit>]: readonly ['soft' | 'reset', string] } = {
  name: ['reset', 'another name is another peer'],
  remote: ['reset', OF_CONNECTION],
  interface: ['reset', OF_CONNECTION],
  port: ['reset', OF_CONNECTION],
  localAsn: ['reset', IN_OPEN],
  shownAsn: ['reset', IN_OPEN],
  peerAsn: ['reset', "the peer's OPEN has to be judged anew"],
  routerId: ['reset', IN_OPEN],
  holdSeconds: ['reset', IN_OPEN],
  keepaliveSeconds: ['reset', 'it is agreed on with the hold time'],
  connectSeconds: ['soft', NEXT_ATTEMPT],
  dialSeconds: ['soft', NEXT_ATTEMPT],
  delayOpenSeconds: ['soft', NEXT_ATTEMPT],
  passive: ['soft', NEXT_ATTEMPT],
  dampPeerOscillations: ['soft', NEXT_ATTEMPT],
  collisionDetectEstablished: ['soft', 'it counts for the next connection'],
  families: ['reset', IN_OPEN],
  extendedNextHop: ['reset', IN_OPEN],
  ownAddresses: ['reset', 'every route has to be told anew with another next hop'],
  source: ['reset', OF_CONNECTION],
  password: ['reset', 'every segment of the connection is signed with it'],
  ttl: ['reset', OF_CONNECTION],
  ttlSecurityHops: ['reset', OF_CONNECTION],
  device: ['reset', OF_CONNECTION],
  gracefulRestart: ['reset', IN_OPEN],
  restartHelp: ['reset', IN_OPEN],
  extendedMessages: ['reset', IN_OPEN],
  maxUpdateSize: ['reset', 'what does not fit is judged once a session'],
  addPath: ['reset', IN_OPEN],
  role: ['reset', IN_OPEN],
  isRoleRequired: ['reset', "the peer's OPEN has to be judged anew"],
  strictBfd: ['reset', IN_OPEN],
  capabilityFallback: ['soft', NEXT_ATTEMPT],
  enforceFirstAs: ['reset', 'it is agreed on how UPDATEs are read'],
  maxPrefixes: ['soft', 'it counts for what comes from now on'],
  isDraining: ['soft', 'the routes are told again with other attributes'],
  exportPolicy: ['soft', 'the routes are judged again, and what differs is told'],
}

function equal(a: unknown, b: unknown): boolean {
  return a === b || (typeof a !== 'function' && typeof b !== 'function' && text(a) === text(b))
}

function text(value: unknown): string | undefined {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === 'bigint') return `${part}n`
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part
    return Object.fromEntries(Object.entries(part).sort(([x], [y]) => (x < y ? -1 : 1)))
  })
}
