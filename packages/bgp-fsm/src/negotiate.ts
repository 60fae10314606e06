import type { Family } from '@metallb-ts/netip'
import type { SendReason } from './close-reason.ts'
import { peerRestart, type PeerRestart, type RestartHelp } from './peer-restart.ts'
import { encodeCapability, unicast, type Capability } from './wire/capabilities.ts'
import { AFI, familyOf, SAFI_UNICAST } from './wire/constants.ts'
import { ERRORS, type Notification } from './wire/notification.ts'
import type { Open } from './wire/open.ts'

/** What we are to this peer, RFC 9234 §4.1. */
export type Role = keyof typeof ROLES

/** What we offer and expect. */
export interface LocalSession {
  /** AS number in our OPEN. */
  readonly asn: number
  readonly routerId: number
  /** 0, or 3 to 65535. */
  readonly holdSeconds: number
  readonly keepaliveSeconds?: number
  /** Least hold time that we take, other than 0. @default 3 */
  readonly leastHoldSeconds?: number
  readonly peerAsn: number | 'internal' | 'external'
  readonly families: readonly Family[]
  /** RFC 8950. @default false */
  readonly extendedNextHop?: boolean
  /** RFC 8654. @default false */
  readonly extendedMessages?: boolean
  /** Families for which we send path identifiers (RFC 7911). @default none */
  readonly addPath?: readonly Family[]
  readonly gracefulRestart?: LocalRestart
  /** The peer's restarts are bridged. @default no */
  readonly restartHelp?: RestartHelp
  readonly role?: Role
  /** The peer has to name a role. @default false */
  readonly isRoleRequired?: boolean
  /** Offer to wait for BFD before the session counts. @default false */
  readonly strictBfd?: boolean
  /** Capability codes left out, because the peer refused them. @default none */
  readonly withoutCapabilities?: ReadonlySet<number>
}

/** RFC 4724 §3, as the side that restarts. */
export interface LocalRestart {
  /** For which the peer keeps our routes while we are away, 1 to 4095. */
  readonly seconds: number
  /** This process took over from one that went down less than that long ago. */
  readonly isRestarting: boolean
  /** Forwarding went on meanwhile. */
  readonly keepsForwarding: boolean
  /** RFC 9494: for which it keeps them after that, at least preference. Absent: not offered. */
  readonly longLivedSeconds?: number
}

/** What both sides agreed on. */
export interface Negotiated {
  readonly peerAsn: number
  readonly peerRouterId: number
  readonly internal: boolean
  /** 0: no keepalives, no hold timer. */
  readonly holdSeconds: number
  readonly keepaliveSeconds: number
  readonly fourOctetAs: boolean
  readonly families: readonly Family[]
  readonly extendedMessages: boolean
  readonly routeRefresh: boolean
  readonly enhancedRefresh: boolean
  /** IPv4 prefixes may have IPv6 next hops (RFC 8950). */
  readonly extendedNextHop: boolean
  /** Families for which we send path identifiers. */
  readonly addPath: readonly Family[]
  /** The peer keeps our routes while we restart; `bridgesNotifications`: also over a NOTIFICATION (RFC 8538 §4). */
  readonly gracefulRestart?: { readonly bridgesNotifications: boolean }
  /** Where we bridge the peer's restarts: what it asks for. */
  readonly peerRestart?: PeerRestart
  /** Neither is established before BFD says that the path is up (draft-ietf-idr-bgp-bfd-strict-mode). */
  readonly strictBfd: boolean
  /** Both know RFC 9494, so that routes marked LLGR_STALE may be told. */
  readonly longLived: boolean
  /** The peer offered graceful restart, so it knows End-of-RIB (RFC 4724 §2). */
  readonly knowsEndOfRib: boolean
  /** Everything the peer's OPEN offered. */
  readonly peerCapabilities: readonly Capability[]
}

export type Negotiation =
  | { readonly ok: true; readonly negotiated: Negotiated }
  | { readonly ok: false; readonly notification: Notification; readonly because: SendReason }

export function localOpen(local: LocalSession): Open {
  const { asn, routerId, holdSeconds, families, gracefulRestart, restartHelp, role, withoutCapabilities } = local
  const restart = restartCapability(families, gracefulRestart, restartHelp)
  const offered: Capability[] = [
    ...families.map(unicast),
    { kind: 'route-refresh' },
    ...(local.extendedNextHop === true ? [EXTENDED_NEXT_HOP] : []),
    ...(local.extendedMessages === true ? [{ kind: 'extended-message' } as const] : []),
    ...(role === undefined ? [] : [{ kind: 'role', role: ROLES[role] } as const]),
    ...restart,
    { kind: 'four-octet-as', asn },
    ...addPathCapability(local.addPath ?? []),
    // FRR loses a ROUTE-REFRESH of a peer that offers this without graceful restart.
    ...(restart.length === 0 ? [] : [{ kind: 'enhanced-route-refresh' } as const]),
    ...longLivedCapability(families, gracefulRestart, restartHelp),
    ...(local.strictBfd === true ? [{ kind: 'strict-bfd' } as const] : []),
  ]
  const capabilities = offered.filter(one => withoutCapabilities?.has(encodeCapability(one)[0]!) !== true)
  return { type: 'open', asn, holdTime: holdSeconds, routerId, capabilities }
}

/** RFC 4271 §6.2 on the peer's OPEN, in the order of its fields, and what follows from both. */
export function negotiate(local: LocalSession, open: Open): Negotiation {
  const internal = open.asn === local.asn
  // RFC 7607 §2: AS 0 in either place.
  if (open.asn === 0 || open.shortAsn === 0 || !isExpected(local, open.asn))
    return refused(ERRORS.badPeerAs(), 'bad-peer-as')
  if (open.holdTime !== 0 && open.holdTime < Math.max(3, local.leastHoldSeconds ?? 3))
    return refused(ERRORS.unacceptableHoldTime(), 'unacceptable-hold-time')
  // RFC 6286 §2.2: identifiers must differ within one AS only.
  if (open.routerId === 0 || (internal && open.routerId === local.routerId))
    return refused(ERRORS.badIdentifier(), 'bad-identifier')
  if (!isRoleAllowed(local, open)) return refused(ERRORS.roleMismatch(), 'role-mismatch')
  const ours = localOpen(local).capabilities
  const families = commonFamilies(ours, open.capabilities)
  if (families.length === 0) {
    const missing = local.families.map(family => encodeCapability(unicast(family)))
    return refused(ERRORS.unsupportedCapability(Uint8Array.from(missing.flatMap(one => [...one]))), 'no-common-family')
  }
  return { ok: true, negotiated: agreed(local, open, ours, families, internal) }
}

function agreed(
  local: LocalSession,
  open: Open,
  ours: readonly Capability[],
  families: readonly Family[],
  internal: boolean,
): Negotiated {
  const both = (kind: Capability['kind']): boolean =>
    [ours, open.capabilities].every(list => list.some(one => one.kind === kind))
  const holdSeconds = local.holdSeconds === 0 ? 0 : Math.min(local.holdSeconds, open.holdTime)
  const restart = find(open.capabilities, 'graceful-restart')
  const longLived = both('graceful-restart') && both('long-lived-graceful-restart')
  const theirs = local.restartHelp && peerRestart(open.capabilities, longLived)
  return {
    peerAsn: open.asn,
    peerRouterId: open.routerId,
    internal,
    holdSeconds,
    keepaliveSeconds: holdSeconds === 0 ? 0 : keepaliveOf(holdSeconds, local.keepaliveSeconds),
    fourOctetAs: both('four-octet-as'),
    families,
    extendedMessages: both('extended-message'),
    routeRefresh: both('route-refresh') || open.capabilities.some(one => one.kind === 'old-route-refresh'),
    enhancedRefresh: both('enhanced-route-refresh'),
    extendedNextHop: both('extended-next-hop') && offersIpv6NextHop(open.capabilities),
    addPath: families.filter(family => sends(pathMode(ours, family)) && receives(pathMode(open.capabilities, family))),
    ...(both('graceful-restart') && { gracefulRestart: { bridgesNotifications: restart?.notification === true } }),
    ...(theirs !== undefined && { peerRestart: theirs }),
    strictBfd: both('strict-bfd'),
    longLived,
    knowsEndOfRib: restart !== undefined,
    peerCapabilities: open.capabilities,
  }
}

/** RFC 4271 §4.4: a third of the hold time at most, and never more often than once a second. */
function keepaliveOf(holdSeconds: number, wanted = Infinity): number {
  return Math.max(1, Math.min(wanted, Math.floor(holdSeconds / 3)))
}

const ROLES = { provider: 0, 'route-server': 1, 'route-server-client': 2, customer: 3, peer: 4 } as const
const ROLE_PARTNERS: Readonly<Record<Role, number>> = {
  provider: ROLES.customer,
  customer: ROLES.provider,
  'route-server': ROLES['route-server-client'],
  'route-server-client': ROLES['route-server'],
  peer: ROLES.peer,
}

/** RFC 9234 §4.2 */
function isRoleAllowed({ role, isRoleRequired = false }: LocalSession, { capabilities }: Open): boolean {
  if (role === undefined) return true
  const theirs = capabilities.filter(one => one.kind === 'role').map(one => one.role)
  if (theirs.length === 0) return !isRoleRequired
  return theirs.every(one => one === ROLE_PARTNERS[role])
}

const EXTENDED_NEXT_HOP: Capability = {
  kind: 'extended-next-hop',
  tuples: [{ afi: AFI.ipv4, safi: SAFI_UNICAST, nextHopAfi: AFI.ipv6 }],
}

function offersIpv6NextHop(capabilities: readonly Capability[]): boolean {
  return capabilities.some(
    one =>
      one.kind === 'extended-next-hop' &&
      one.tuples.some(({ afi, safi, nextHopAfi }) => familyOf(afi, safi) === 'ipv4' && nextHopAfi === AFI.ipv6),
  )
}

/** A side that only helps names no family (RFC 4724 §3). */
function restartCapability(
  families: readonly Family[],
  restart: LocalRestart | undefined,
  help: RestartHelp | undefined,
): Capability[] {
  if (restart === undefined && help === undefined) return []
  const { seconds, isRestarting, keepsForwarding } = restart ?? ONLY_HELPS
  const kept = restart === undefined ? [] : families
  const tuples = kept.map(family => ({ afi: AFI[family], safi: SAFI_UNICAST, preserved: keepsForwarding }))
  return [{ kind: 'graceful-restart', restarting: isRestarting, notification: true, seconds, families: tuples }]
}

const ONLY_HELPS: LocalRestart = { seconds: 0, isRestarting: false, keepsForwarding: false }

function longLivedCapability(
  families: readonly Family[],
  restart: LocalRestart | undefined,
  help: RestartHelp | undefined,
): Capability[] {
  const { longLivedSeconds: staleSeconds, keepsForwarding: preserved = false } = restart ?? {}
  if (staleSeconds === undefined && help?.longLivedSeconds === undefined) return []
  const tuples =
    staleSeconds === undefined
      ? []
      : families.map(family => ({ afi: AFI[family], safi: SAFI_UNICAST, preserved, staleSeconds }))
  return [{ kind: 'long-lived-graceful-restart', families: tuples }]
}

function addPathCapability(families: readonly Family[]): Capability[] {
  if (families.length === 0) return []
  const tuples = families.map(family => ({ afi: AFI[family], safi: SAFI_UNICAST, mode: 'send' as const }))
  return [{ kind: 'add-path', tuples }]
}

type PathMode = 'receive' | 'send' | 'both' | undefined

/** RFC 5492 §4: of tuples that repeat, the last one counts. */
function pathMode(capabilities: readonly Capability[], family: Family): PathMode {
  const tuples = capabilities.flatMap(one => (one.kind === 'add-path' ? one.tuples : []))
  return tuples.findLast(({ afi, safi }) => familyOf(afi, safi) === family)?.mode
}

function sends(mode: PathMode): boolean {
  return mode === 'send' || mode === 'both'
}

function receives(mode: PathMode): boolean {
  return mode === 'receive' || mode === 'both'
}

function isExpected({ peerAsn, asn }: LocalSession, found: number): boolean {
  if (peerAsn === 'internal') return found === asn
  if (peerAsn === 'external') return found !== asn
  return found === peerAsn
}

/** RFC 4760 §8; a peer that says nothing of families carries IPv4. */
function commonFamilies(ours: readonly Capability[], theirs: readonly Capability[]): Family[] {
  const offered = familiesOf(ours)
  const peer = familiesOf(theirs)
  return offered.filter(family =>
    theirs.some(one => one.kind === 'multiprotocol') ? peer.includes(family) : family === 'ipv4',
  )
}

function familiesOf(capabilities: readonly Capability[]): Family[] {
  const named = capabilities.flatMap(one => (one.kind === 'multiprotocol' ? [familyOf(one.afi, one.safi)] : []))
  const known = named.filter(family => family !== undefined)
  return capabilities.some(one => one.kind === 'multiprotocol') ? [...new Set(known)] : ['ipv4']
}

function find<Kind extends Capability['kind']>(
  capabilities: readonly Capability[],
  kind: Kind,
): Extract<Capability, { kind: Kind }> | undefined {
  return capabilities.find((one): one is Extract<Capability, { kind: Kind }> => one.kind === kind)
}

function refused(notification: Notification, because: SendReason): Negotiation {
  return { ok: false, notification, because }
}
