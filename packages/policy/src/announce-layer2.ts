import { electOwner, type DesiredAddress, type Election } from '@metallb-ts/l2-announcer'
import type { Subject } from './announcements.ts'
import { candidates } from './candidates.ts'
import type { L2AdvertisementConfig } from './l2-advertisements.ts'
import { matchesAny } from './selectors.ts'
import { explainIneligibility, type Silence } from './silence.ts'

/** Whether this node answers for the Service's addresses, on which interfaces, and if not why. */
export function announceAtLayer2(subject: Subject): {
  readonly addresses: readonly DesiredAddress[]
  readonly silences: readonly Silence[]
} {
  const { input, pool, labels, endpoints, isLocal, isShared, addresses, here } = subject
  const silent = (code: Silence['code'], objects: readonly L2AdvertisementConfig[], facts?: Silence['facts']) => ({
    addresses: [],
    silences: [
      { protocol: 'layer2' as const, code, objects: objects.map(objectName), ...(facts !== undefined && { facts }) },
    ],
  })
  const ofPool = input.config.l2Advertisements.filter(ad => ad.pools.has(pool.name))
  if (ofPool.length === 0) {
    const objects = [{ kind: 'IPAddressPool', name: pool.name }]
    return { addresses: [], silences: [{ protocol: 'layer2', code: 'no-advertisement', objects }] }
  }
  const ads = ofPool.filter(ad => matchesAny(ad.serviceSelectors, labels))
  if (ads.length === 0) return silent('service-not-selected', ofPool)
  const selective = ads.filter(ad => ad.serviceSelectors.length > 0)
  if (isShared && selective.length > 0) return silent('shared-address-with-selectors', selective)
  if (!endpoints.any) return silent('no-endpoint', [])
  const election = electOwner(
    candidates(input.nodes.values(), {
      ads,
      members: input.members,
      ignoreExcludeLabel: input.ignoreExcludeLabel,
      ...(isLocal && { localEndpoints: endpoints }),
    }),
    addresses[0]!, // the first address alone decides, so that both families of a Service move together
  )
  if (election.owner === undefined) return silent('no-eligible-node', ads, { why: whyNobody(election) })
  const own = ads.filter(ad => ad.nodes.has(here.name))
  if (own.length === 0) return silent('node-not-selected', ads, { node: here.name })
  if (election.owner !== here.name) return silent('another-node-owns', [], { owner: election.owner })
  const interfaces = unionOfInterfaces(own)
  if (interfaces !== 'all' && !interfaces.some(name => input.interfaces.has(name))) {
    return silent('no-such-interface', own, { interfaces: interfaces.join(', '), node: here.name })
  }
  return { addresses: addresses.map(address => ({ address, interfaces })), silences: [] }
}

/** Any advertisement without a list means all. */
function unionOfInterfaces(ads: readonly L2AdvertisementConfig[]): DesiredAddress['interfaces'] {
  const named = new Set<string>()
  for (const { interfaces } of ads) {
    if (interfaces === 'all') return 'all'
    for (const name of interfaces) named.add(name)
  }
  return [...named].sort()
}

function whyNobody({ verdicts }: Election): string {
  return verdicts
    .map(
      verdict =>
        `${verdict.node}: ${verdict.verdict === 'ineligible' ? verdict.reasons.map(explainIneligibility).join(', ') : ''}`,
    )
    .join('; ')
}

function objectName({ name }: L2AdvertisementConfig): { kind: string; name: string } {
  return { kind: 'L2Advertisement', name }
}
