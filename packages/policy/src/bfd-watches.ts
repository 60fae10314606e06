import type { BfdPath, BfdProfile } from '@metallb-ts/bfd'
import type { Address } from '@metallb-ts/netip'
import type { PeerConfig } from './bgp-peers.ts'
import type { Config } from './config.ts'
import type { NodeFacts } from './nodes.ts'
import { matchesAny } from './selectors.ts'

/** The path to one router, which ends the BGP session over it when it fails. */
export interface BfdWatch {
  readonly peer: string
  readonly path: BfdPath
  readonly profile: BfdProfile
}

/** A peer whose path cannot be watched, and why. */
export interface BfdRefusal {
  readonly peer: string
  readonly code: 'no-own-address'
}

/**
 * A peer that is watched and shall bridge our restarts, too: our BFD ends with the process, so that the router takes a
 * restart for a failure, and does not bridge it (RFC 5882 §4.3).
 */
export interface BfdCaution {
  readonly peer: string
  readonly code: 'restart-shows-as-failure'
}

export interface BfdWatches {
  readonly watches: readonly BfdWatch[]
  readonly refusals: readonly BfdRefusal[]
  readonly cautions: readonly BfdCaution[]
}

/**
 * What BFD has to watch from this node: the way to every peer with a profile, several hops long where BGP's may be.
 * @param found where an unnumbered peer was found; one that was not yet is not watched
 */
export function bfdWatches(
  config: Config,
  here: NodeFacts,
  found: (peer: string) => Address | undefined = () => undefined,
): BfdWatches {
  const watches: BfdWatch[] = []
  const refusals: BfdRefusal[] = []
  const cautions: BfdCaution[] = []
  for (const peer of config.peers) {
    const profile = config.bfdProfiles.find(({ name }) => name === peer.bfdProfile)
    if (profile === undefined || !matchesAny(peer.nodeSelectors, here.labels)) continue
    const remote = 'address' in peer.remote ? peer.remote.address : found(peer.name)
    if (remote === undefined) continue
    const path = pathTo(peer, remote, here)
    const { name: _name, ...timers } = profile
    if (path === undefined) refusals.push({ peer: peer.name, code: 'no-own-address' })
    else watches.push({ peer: peer.name, path, profile: timers })
    if (path !== undefined && peer.gracefulRestart) cautions.push({ peer: peer.name, code: 'restart-shows-as-failure' })
  }
  return { watches, refusals, cautions }
}

/** Both ends know a multihop session by both addresses, so ours has to be said. */
function pathTo(
  { remote: place, ebgpMultihop, sourceAddress, vrf }: PeerConfig,
  remote: Address,
  here: NodeFacts,
): BfdPath | undefined {
  const common = { remote, ...(vrf !== undefined && { vrf }) }
  if ('interface' in place) return { kind: 'single-hop', ...common, interface: place.interface }
  if (!ebgpMultihop)
    return { kind: 'single-hop', ...common, ...(sourceAddress !== undefined && { local: sourceAddress }) }
  const local = sourceAddress ?? here.addresses[remote.family]
  return local === undefined ? undefined : { kind: 'multihop', ...common, local }
}
