import type { RouteAttributes, SourcedRoute } from '@metallb-ts/bgp-fsm'
import { maskedPrefix } from '@metallb-ts/netip'
import type { Subject } from './announcements.ts'
import { poolFamilies, preferencesAgree, type BgpAdvertisementConfig } from './bgp-advertisements.ts'
import type { PeerConfig } from './bgp-peers.ts'
import { familiesOf } from './peers.ts'
import { explainProblem } from './problem.ts'
import { matchesAny } from './selectors.ts'
import type { Silence } from './silence.ts'

/** The routes this node announces for the Service, to which peers, and if none why. */
export function announceByBgp(subject: Subject): {
  readonly routes: readonly SourcedRoute[]
  readonly silences: readonly Silence[]
} {
  const { input, pool, labels, here, endpoints, isLocal } = subject
  const silent = (code: Silence['code'], ads: readonly BgpAdvertisementConfig[]) => ({
    routes: [],
    silences: [{ protocol: 'bgp' as const, code, objects: ads.map(objectName), facts: { node: here.name } }],
  })
  const ofPool = input.config.bgpAdvertisements.filter(ad => ad.pools.has(pool.name))
  if (ofPool.length === 0) {
    const objects = [{ kind: 'IPAddressPool', name: pool.name }]
    return { routes: [], silences: [{ protocol: 'bgp', code: 'no-advertisement', objects }] }
  }
  const covering = ofPool.filter(ad => ad.nodes.has(here.name))
  if (covering.length === 0) return silent('node-not-selected', ofPool)
  const ads = covering.filter(ad => matchesAny(ad.serviceSelectors, labels))
  if (ads.length === 0) return silent('service-not-selected', covering)
  const rivals = conflicting(ads, subject)
  if (rivals.length > 0) return silent('local-preference-conflict', rivals)
  if (here.isNetworkUnavailable) return silent('network-unavailable', [])
  if (here.isExcluded && !input.ignoreExcludeLabel) return silent('node-excluded', [])
  if (isLocal && !endpoints.nodes.has(here.name)) return silent('no-local-endpoint', [])
  if (!endpoints.any) return silent('no-endpoint', [])
  if (input.drain?.withdraws === true && !input.drain.kept.has(subject.key)) return silent('node-draining', [])
  return { routes: ads.flatMap(ad => routes(ad, subject)), silences: unheard(ads, subject) }
}

/** Routes that nobody here could be told of: no peer that an advertisement means, or none that carries the family. */
function unheard(ads: readonly BgpAdvertisementConfig[], subject: Subject): readonly Silence[] {
  const { input, here, addresses } = subject
  const isMeant = ({ name }: PeerConfig): boolean => ads.some(({ peers }) => peers.length === 0 || peers.includes(name))
  const meant = input.config.peers.filter(peer => matchesAny(peer.nodeSelectors, here.labels) && isMeant(peer))
  if (meant.length === 0) {
    const why = whyNoPeer(ads, subject)
    const facts = { node: here.name, ...(why !== undefined && { why }) }
    return [{ protocol: 'bgp', code: 'no-peer', objects: ads.map(objectName), facts }]
  }
  const carried = new Set(meant.flatMap(familiesOf))
  const missing = [...new Set(addresses.map(({ family }) => family))].filter(family => !carried.has(family))
  return missing.map(family => ({
    protocol: 'bgp',
    code: 'family-not-carried',
    objects: meant.map(({ name }) => ({ kind: 'BGPPeer', name })),
    facts: { node: here.name, family: family === 'ipv4' ? 'IPv4' : 'IPv6' },
  }))
}

/** The fault of a peer that would be meant, or what is known of those that are named. */
function whyNoPeer(ads: readonly BgpAdvertisementConfig[], { input, here }: Subject): string | undefined {
  const named = new Set(ads.flatMap(({ peers }) => peers))
  const known = input.config.peers.map(({ name }) => name)
  const faults = (input.problems ?? []).filter(
    ({ object }) =>
      object.kind === 'BGPPeer' && !known.includes(object.name) && (named.size === 0 || named.has(object.name)),
  )
  if (faults.length > 0) return faults.map(explainProblem).join('; ')
  const elsewhere = known.filter(name => named.size === 0 || named.has(name))
  if (elsewhere.length > 0) return `the nodeSelectors of ${elsewhere.join(', ')} do not match node ${here.name}`
  return named.size > 0 ? `there is no BGPPeer ${[...named].join(', ')}` : 'there is none at all'
}

function conflicting(ads: readonly BgpAdvertisementConfig[], { pool }: Subject): readonly BgpAdvertisementConfig[] {
  const families = poolFamilies(pool)
  for (const [i, ad] of ads.entries()) {
    const rival = ads.slice(i + 1).find(other => !preferencesAgree(ad, other, families))
    if (rival !== undefined) return [ad, rival]
  }
  return []
}

function routes(ad: BgpAdvertisementConfig, { addresses }: Subject): readonly SourcedRoute[] {
  const communities = ad.communities.flatMap(one => (one.kind === 'standard' ? [one.value] : []))
  const largeCommunities = ad.communities.flatMap(one => (one.kind === 'large' ? [one.value] : []))
  const attributes: RouteAttributes = {
    localPreference: ad.localPreference, // 0 is said, too: so does MetalLB's own speaker
    ...(communities.length > 0 && { communities }),
    ...(largeCommunities.length > 0 && { largeCommunities }),
  }
  return addresses.map(address => ({
    prefix: maskedPrefix(address, ad.aggregation[address.family]),
    attributes,
    ...(ad.peers.length > 0 && { peers: ad.peers }),
  }))
}

function objectName({ name }: BgpAdvertisementConfig): { kind: string; name: string } {
  return { kind: 'BGPAdvertisement', name }
}
