import type { PeerInit } from '@metallb-ts/bgp-fsm'
import type { Family } from '@metallb-ts/netip'
import type { PeerConfig } from './bgp-peers.ts'
import type { Config } from './config.ts'
import type { NodeFacts } from './nodes.ts'
import { matchesAny } from './selectors.ts'

/** A peer that this node cannot have, and why. */
export interface PeerRefusal {
  readonly peer: string
  readonly code: 'node-not-selected'
}

export interface NodePeers {
  readonly peers: readonly PeerInit[]
  readonly refusals: readonly PeerRefusal[]
}

/** The sessions that this node should have. @param isDraining routes are told as about to go (RFC 8326) */
export function nodePeers(config: Config, here: NodeFacts, isDraining = false): NodePeers {
  const peers: PeerInit[] = []
  const refusals: PeerRefusal[] = []
  for (const peer of config.peers) {
    if (!matchesAny(peer.nodeSelectors, here.labels)) refusals.push({ peer: peer.name, code: 'node-not-selected' })
    else {
      peers.push({
        name: peer.name,
        ...('address' in peer.remote ? { remote: peer.remote.address } : { interface: peer.remote.interface }),
        port: peer.port,
        localAsn: peer.localAsn,
        ...(peer.shownAsn !== undefined && { shownAsn: peer.shownAsn }),
        peerAsn: peer.peerAsn,
        families: familiesOf(peer),
        ownAddresses: nextHops(peer, here),
        ...(peer.routerId !== undefined && { routerId: peer.routerId }),
        ...(peer.holdSeconds !== undefined && { holdSeconds: peer.holdSeconds }),
        ...(peer.keepaliveSeconds !== undefined && { keepaliveSeconds: peer.keepaliveSeconds }),
        ...(peer.connectSeconds !== undefined && { connectSeconds: peer.connectSeconds }),
        ...(peer.sourceAddress !== undefined && { source: peer.sourceAddress }),
        ...(peer.password !== undefined && { password: peer.password }),
        ...(peer.vrf !== undefined && { device: peer.vrf }),
        ...(peer.strictBfd && { strictBfd: true }),
        ...(isDraining && { isDraining }),
        ...(peer.gracefulRestart && { gracefulRestart: { seconds: GRACEFUL_RESTART_SECONDS } }),
      })
    }
  }
  return { peers, refusals }
}

/**
 * For families that the session does not run over: another address of this node is no matter for any other session. A
 * router without a number need not know the way to any of them: it is told the link-local address of the wire.
 */
function nextHops(peer: PeerConfig, { addresses }: NodeFacts): NodeFacts['addresses'] {
  const { remote } = peer
  if (!('address' in remote)) return {}
  const needed = familiesOf(peer).filter(family => family !== remote.address.family && addresses[family] !== undefined)
  return Object.fromEntries(needed.map(family => [family, addresses[family]]))
}

/** An unnumbered session runs over link-local addresses, and carries IPv4 by IPv6 next hops (RFC 8950). */
export function familiesOf({ dualStack, remote }: Pick<PeerConfig, 'dualStack' | 'remote'>): readonly Family[] {
  return dualStack || 'interface' in remote ? ['ipv4', 'ipv6'] : [remote.address.family]
}

const GRACEFUL_RESTART_SECONDS = 120 // as FRR offers
