import type { BGPSessionState } from '@metallb-ts/api'
import type { Negotiated } from '@metallb-ts/bgp-fsm'
import { formatAddress, type Address } from '@metallb-ts/netip'

/** One session of this node, as people ask about it. */
export interface SessionFacts {
  readonly node: string
  readonly peer: string
  /** Undefined while an unnumbered peer was not found. */
  readonly address: Address | undefined
  readonly interface?: string
  readonly vrf?: string
  readonly state: string
  /** Wall time at which it was established, or came to be tried. */
  readonly since: string
  /** A sentence. */
  readonly lastError: string | undefined
  readonly negotiated: Negotiated | undefined
  readonly prefixes: { readonly advertised: number; readonly desired: number }
  /** Why some are not told, each once. */
  readonly heldBack: readonly string[]
  /** Absent where nobody watches the path. `state`: `up`, `down` and so on; `seen`: what the detector saw last. */
  readonly bfd?: { readonly state: string; readonly seen: string }
}

type Status = NonNullable<BGPSessionState['status']>

/**
 * What a BGPSessionState should say. Of a session that is not established only whether it is tried: attempts that come
 * and go would be a write each, and `lastError` says what became of them.
 */
export function sessionStatus(facts: SessionFacts): Status {
  const { node, peer, address, vrf, state, since, lastError, negotiated, prefixes, heldBack, bfd } = facts
  const isEstablished = state === 'established'
  return {
    node,
    peer,
    ...(address !== undefined && { address: formatAddress(address) }),
    ...(facts.interface !== undefined && { interface: facts.interface }),
    ...(vrf !== undefined && { vrf }),
    bgpStatus: isEstablished ? 'Established' : address === undefined ? 'Idle' : 'Active',
    bfdStatus: bfd?.state ?? 'N/A',
    ...(bfd !== undefined && bfd.state !== 'up' && { bfdSeen: bfd.seen.slice(0, MOST_TEXT) }),
    since,
    ...(lastError !== undefined && { lastError: lastError.slice(0, MOST_TEXT) }),
    ...(isEstablished && negotiated !== undefined && { negotiated: terms(negotiated) }),
    prefixes: {
      desired: prefixes.desired,
      advertised: prefixes.advertised,
      ...(heldBack.length > 0 && { heldBack: [...heldBack].sort() }),
    },
  }
}

const MOST_TEXT = 1_024

function terms(negotiated: Negotiated): NonNullable<Status['negotiated']> {
  const { peerAsn, peerRouterId, internal, holdSeconds, keepaliveSeconds, families, gracefulRestart } = negotiated
  return {
    peerASN: peerAsn,
    peerRouterID: dotted(peerRouterId),
    kind: internal ? 'internal' : 'external',
    holdTimeSeconds: holdSeconds,
    keepaliveTimeSeconds: Math.round(keepaliveSeconds),
    families: families.map(family => (family === 'ipv4' ? 'ipv4-unicast' : 'ipv6-unicast')),
    gracefulRestart: gracefulRestart !== undefined,
  }
}

function dotted(identifier: number): string {
  return [24, 16, 8, 0].map(shift => (identifier >>> shift) & 0xff).join('.')
}
