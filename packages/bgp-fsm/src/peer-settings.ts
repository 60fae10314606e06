import { isLinkLocal, type Address, type Family } from '@metallb-ts/netip'
import type { Negotiated } from './negotiate.ts'
import { ipv6Hops } from './next-hops.ts'
import type { PackContext } from './pack-context.ts'
import type { PeerInit } from './peer-init.ts'
import type { ReceiveContext } from './received.ts'
import type { SessionSettings } from './session-state.ts'
import type { Connection, DialOptions } from './transport.ts'
import type { Turns } from './turns.ts'
import { MAX_EXTENDED_LENGTH, MAX_MESSAGE_LENGTH } from './wire/constants.ts'

/** What a peer takes from its speaker. */
export interface PeerSurroundings {
  readonly asn: number
  readonly routerId: Address
  readonly isRestarting: boolean
  readonly isSynced: boolean
  readonly isListening: () => boolean
  /** BFD says so; false where it says nothing. */
  readonly isPathUp: () => boolean
  /** When it may tell what it has to tell; the budget is of octets. */
  readonly flushes: Turns
  /** Whether all that was set is in its Adj-RIB-Out. */
  readonly isTakenIn: () => boolean
  /** Where an unnumbered peer was found. */
  readonly remote?: Address
}

interface Moment {
  readonly isPassive: boolean
  readonly isRestarting: boolean
  readonly withoutCapabilities: ReadonlySet<number>
}

export function remoteOf(init: PeerInit, around: PeerSurroundings): Address | undefined {
  return init.remote ?? around.remote
}

export function familiesOf(init: PeerInit): readonly Family[] {
  return init.families ?? (init.remote === undefined ? ['ipv4', 'ipv6'] : [init.remote.family])
}

export function sessionSettings(init: PeerInit, around: PeerSurroundings, moment: Moment): SessionSettings {
  const { localAsn = around.asn, shownAsn = localAsn, routerId = around.routerId, gracefulRestart } = init
  const { keepaliveSeconds, delayOpenSeconds, role, restartHelp, holdSeconds = 90 } = init
  const families = familiesOf(init)
  const isIpv6 = remoteOf(init, around)?.family === 'ipv6'
  return {
    asn: shownAsn,
    routerId: Number(routerId.value),
    holdSeconds,
    peerAsn: init.peerAsn,
    families,
    extendedNextHop: init.extendedNextHop ?? (isIpv6 && families.includes('ipv4')),
    extendedMessages: init.extendedMessages ?? false,
    addPath: init.addPath ?? [],
    isRoleRequired: init.isRoleRequired ?? false,
    strictBfd: init.strictBfd ?? false,
    withoutCapabilities: moment.withoutCapabilities,
    isPassive: moment.isPassive,
    dialMs: (init.dialSeconds ?? DEFAULT_DIAL_SECONDS) * 1_000,
    retryMs: (init.connectSeconds ?? DEFAULT_CONNECT_SECONDS) * 1_000,
    ...(keepaliveSeconds !== undefined && { keepaliveSeconds }),
    ...(delayOpenSeconds !== undefined && { delayOpenMs: delayOpenSeconds * 1_000 }),
    ...(role !== undefined && { role }),
    ...(restartHelp !== undefined && { restartHelp }),
    ...(gracefulRestart !== undefined && {
      gracefulRestart: {
        seconds: gracefulRestart.seconds,
        isRestarting: moment.isRestarting,
        keepsForwarding: gracefulRestart.keepsForwarding ?? true,
        ...(gracefulRestart.longLivedSeconds !== undefined && { longLivedSeconds: gracefulRestart.longLivedSeconds }),
      },
    }),
  }
}

export function dialOptions(init: PeerInit, around: PeerSurroundings): DialOptions {
  const { interface: name, port = 179, source, password, ttl, ttlSecurityHops, device } = init
  const remote = remoteOf(init, around)
  if (remote === undefined) throw new RangeError(`peer ${init.name} has no address`)
  return {
    remote,
    port,
    timeoutMs: (init.dialSeconds ?? DEFAULT_DIAL_SECONDS) * 1_000,
    ...(name !== undefined && { interface: name }),
    ...(source !== undefined && { source }),
    ...(password !== undefined && { password }),
    ...(ttl !== undefined && { ttl }),
    // RFC 5082 §3: 255 out, and what was forwarded more often than configured is not taken.
    ...(ttlSecurityHops !== undefined && { ttl: 255, minimumTtl: 256 - ttlSecurityHops }),
    ...(device !== undefined && { device }),
  }
}

export function packContext(
  { localAsn, shownAsn, ownAddresses = {}, maxUpdateSize = MAX_MESSAGE_LENGTH }: PeerInit,
  around: PeerSurroundings,
  { localAddress, linkAddresses = {} }: Connection,
  negotiated: Negotiated,
): PackContext {
  const own = (family: Family): Address[] => {
    const named = ownAddresses[family]
    const here = localAddress.family === family ? [localAddress] : []
    return [...here, ...(named === undefined ? [] : [named]), ...(linkAddresses[family] ?? [])]
  }
  const isIpv6 = localAddress.family === 'ipv6'
  return {
    asn: shownAsn ?? localAsn ?? around.asn,
    negotiated,
    nextHops: {
      // Where IPv6 next hops were agreed on, the router needs no IPv4 on this link (RFC 8950 §4).
      ipv4: isIpv6 && negotiated.extendedNextHop && ownAddresses.ipv4 === undefined ? [] : own('ipv4').slice(0, 1),
      // A link-local address is said only where the session itself runs over one: routers that cannot tell the
      // interface answer it with 3/10.
      ipv6: isIpv6 && isLinkLocal(localAddress) ? ipv6Hops(own('ipv6')) : ipv6Hops(own('ipv6')).filter(isGlobal),
    },
    limit: Math.min(maxUpdateSize, negotiated.extendedMessages ? MAX_EXTENDED_LENGTH : MAX_MESSAGE_LENGTH),
  }
}

export function receiveContext(
  { localAsn, shownAsn, routerId, role }: PeerInit,
  around: PeerSurroundings,
  { localAddress }: Connection,
  { families, fourOctetAs, peerAsn }: Negotiated,
): ReceiveContext {
  return {
    localAsn: shownAsn ?? localAsn ?? around.asn,
    routerId: Number((routerId ?? around.routerId).value),
    families,
    fourOctetAs,
    peerAsn,
    localAddress,
    ...(role !== undefined && { peerRole: PARTNERS[role] }),
  }
}

function isGlobal(address: Address): boolean {
  return !isLinkLocal(address)
}

const DEFAULT_DIAL_SECONDS = 10
const DEFAULT_CONNECT_SECONDS = 120

const PARTNERS = {
  provider: 'customer',
  customer: 'provider',
  'route-server': 'route-server-client',
  'route-server-client': 'route-server',
  peer: 'peer',
} as const
