import type { Family } from '@metallb-ts/netip'
import type { SendReason } from './close-reason.ts'
import type { Capability } from './wire/capabilities.ts'
import { unicast } from './wire/capabilities.ts'
import { AFI, SAFI_UNICAST } from './wire/constants.ts'
import { ERRORS, type Notification } from './wire/notification.ts'
import type { Open } from './wire/open.ts'

/** What we offer and expect. */
export interface LocalSession {
  /** AS number in our OPEN. */
  readonly asn: number
  readonly routerId: number
  /** 0, or 3 to 65535. */
  readonly holdSeconds: number
  readonly keepaliveSeconds?: number
  readonly peerAsn: number | 'internal' | 'external'
  readonly families: readonly Family[]
  /** Seconds for which the peer keeps our routes while we restart, 0 to 4095. Absent: not offered. */
  readonly gracefulRestartSeconds?: number
  /** This process took over from one that went down less than that long ago. */
  readonly isRestarting: boolean
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
  /** Families whose IPv4 prefixes may have IPv6 next hops (RFC 8950). */
  readonly extendedNextHop: boolean
  readonly gracefulRestart: boolean
}

export type Negotiation =
  | { readonly ok: true; readonly negotiated: Negotiated }
  | { readonly ok: false; readonly notification: Notification; readonly because: SendReason }

export function localOpen(local: LocalSession): Open {
  const { asn, routerId, holdSeconds, families, gracefulRestartSeconds, isRestarting } = local
  const capabilities: Capability[] = [
    ...families.map(unicast),
    { kind: 'route-refresh' },
    ...(families.includes('ipv6') && families.includes('ipv4') ? [EXTENDED_NEXT_HOP] : []),
    { kind: 'extended-message' },
    ...(gracefulRestartSeconds === undefined ? [] : [gracefulRestart(families, gracefulRestartSeconds, isRestarting)]),
    { kind: 'four-octet-as', asn },
    { kind: 'enhanced-route-refresh' },
  ]
  return { type: 'open', asn, holdTime: holdSeconds, routerId, capabilities }
}

/** RFC 4271 §6.2 on the peer's OPEN, and what follows from both. */
export function negotiate(local: LocalSession, open: Open): Negotiation {
  const internal = open.asn === local.asn
  if (!isExpected(local, open.asn)) return refused(ERRORS.badPeerAs(), 'bad-peer-as')
  // RFC 6286 §2.2: identifiers must differ within one AS only.
  if (internal && open.routerId === local.routerId) return refused(ERRORS.badIdentifier(), 'same-identifier')
  const has = (kind: Capability['kind']): boolean => open.capabilities.some(capability => capability.kind === kind)
  const fourOctetAs = has('four-octet-as')
  const families = commonFamilies(local.families, open.capabilities)
  if (families.length === 0) return refused(ERRORS.unsupportedCapability(new Uint8Array(0)), 'no-common-family')
  const holdSeconds = Math.min(local.holdSeconds, open.holdTime)
  return {
    ok: true,
    negotiated: {
      peerAsn: open.asn,
      peerRouterId: open.routerId,
      internal,
      holdSeconds,
      keepaliveSeconds: holdSeconds === 0 ? 0 : Math.min(local.keepaliveSeconds ?? Infinity, holdSeconds / 3),
      fourOctetAs,
      families,
      extendedMessages: has('extended-message'),
      routeRefresh: has('route-refresh'),
      extendedNextHop: open.capabilities.some(
        capability =>
          capability.kind === 'extended-next-hop' &&
          capability.tuples.some(
            ({ afi, safi, nextHopAfi }) => afi === AFI.ipv4 && safi === SAFI_UNICAST && nextHopAfi === AFI.ipv6,
          ),
      ),
      gracefulRestart: local.gracefulRestartSeconds !== undefined && has('graceful-restart'),
    },
  }
}

const EXTENDED_NEXT_HOP: Capability = {
  kind: 'extended-next-hop',
  tuples: [{ afi: AFI.ipv4, safi: SAFI_UNICAST, nextHopAfi: AFI.ipv6 }],
}

function gracefulRestart(families: readonly Family[], seconds: number, restarting: boolean): Capability {
  const kept = families.map(family => ({ afi: AFI[family], safi: SAFI_UNICAST, preserved: true }))
  return { kind: 'graceful-restart', restarting, notification: true, seconds, families: kept }
}

function isExpected({ peerAsn, asn }: LocalSession, found: number): boolean {
  if (peerAsn === 'internal') return found === asn
  if (peerAsn === 'external') return found !== asn
  return found === peerAsn
}

/** RFC 4760 §8; a peer that says nothing of families carries IPv4 (RFC 5492 §3). */
function commonFamilies(ours: readonly Family[], capabilities: readonly Capability[]): Family[] {
  const offered = capabilities.filter(capability => capability.kind === 'multiprotocol')
  if (offered.length === 0) return ours.filter(family => family === 'ipv4')
  return ours.filter(family => offered.some(({ afi, safi }) => afi === AFI[family] && safi === SAFI_UNICAST))
}

function refused(notification: Notification, because: SendReason): Negotiation {
  return { ok: false, notification, because }
}
