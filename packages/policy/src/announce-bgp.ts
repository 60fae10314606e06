import type { RouteAttributes, SourcedRoute } from '@metallb-ts/bgp-fsm'
import { maskedPrefix } from '@metallb-ts/netip'
import type { Subject } from './announcements.ts'
import { poolFamilies, preferencesAgree, type BgpAdvertisementConfig } from './bgp-advertisements.ts'
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
  return { routes: ads.flatMap(ad => routes(ad, subject)), silences: [] }
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
    ...(ad.localPreference !== 0 && { localPreference: ad.localPreference }),
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
