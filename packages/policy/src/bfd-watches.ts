import type { BfdPath, BfdProfile } from '@metallb-ts/bfd'
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

export interface BfdWatches {
  readonly watches: readonly BfdWatch[]
  readonly refusals: readonly BfdRefusal[]
}

/** What BFD has to watch from this node: the way to every peer with a profile, several hops long where BGP's may be. */
export function bfdWatches(config: Config, here: NodeFacts): BfdWatches {
  const watches: BfdWatch[] = []
  const refusals: BfdRefusal[] = []
  for (const peer of config.peers) {
    const profile = config.bfdProfiles.find(({ name }) => name === peer.bfdProfile)
    if (profile === undefined || !('address' in peer.remote) || !matchesAny(peer.nodeSelectors, here.labels)) continue
    const path = pathTo(peer, peer.remote, here)
    const { name: _name, ...timers } = profile
    if (path === undefined) refusals.push({ peer: peer.name, code: 'no-own-address' })
    else watches.push({ peer: peer.name, path, profile: timers })
  }
  return { watches, refusals }
}

/** Both ends know a multihop session by both addresses, so ours has to be said. */
function pathTo(
  { ebgpMultihop, sourceAddress, vrf }: PeerConfig,
  { address: remote }: Extract<PeerConfig['remote'], { readonly address: unknown }>,
  here: NodeFacts,
): BfdPath | undefined {
  const common = { remote, ...(vrf !== undefined && { vrf }) }
  if (!ebgpMultihop)
    return { kind: 'single-hop', ...common, ...(sourceAddress !== undefined && { local: sourceAddress }) }
  const local = sourceAddress ?? here.addresses[remote.family]
  return local === undefined ? undefined : { kind: 'multihop', ...common, local }
}
