import { electOwner, isEligible, type Candidate, type DesiredAddress, type Election } from '@metallb-ts/l2-announcer'
import type { Address } from '@metallb-ts/netip'
import type { Subject } from './announcements.ts'
import { candidates, living } from './candidates.ts'
import type { L2AdvertisementConfig } from './l2-advertisements.ts'
import { matchesAny } from './selectors.ts'
import { explainIneligibility, type Silence } from './silence.ts'

/** An address that this node would hold if it won among the living, and everything to decide that again. */
export interface ContestedAddress extends DesiredAddress {
  readonly contest: {
    /** What is hashed. */
    readonly address: Address
    /** Every node that may own it while it is alive. */
    readonly candidates: readonly Candidate[]
  }
}

/** What this node has to do with the LAN for one Service. */
export interface Layer2Announcement {
  /** Held now, as far as the members are known. */
  readonly held: readonly DesiredAddress[]
  /** Held or not, whenever this node may own them: who is alive can change. */
  readonly contested: readonly ContestedAddress[]
  readonly silences: readonly Silence[]
}

/** Whether this node answers for the Service's addresses, on which interfaces, and if not why. */
export function announceAtLayer2(subject: Subject): Layer2Announcement {
  const { input, pool, labels, endpoints, isLocal, isShared, addresses, here } = subject
  const ofPool = input.config.l2Advertisements.filter(ad => ad.pools.has(pool.name))
  if (ofPool.length === 0) return silent('no-advertisement', [{ kind: 'IPAddressPool', name: pool.name }])
  const ads = ofPool.filter(ad => matchesAny(ad.serviceSelectors, labels))
  if (ads.length === 0) return silent('service-not-selected', ofPool.map(objectName))
  const selective = ads.filter(ad => ad.serviceSelectors.length > 0)
  if (isShared && selective.length > 0) return silent('shared-address-with-selectors', selective.map(objectName))
  if (!endpoints.any) return silent('no-endpoint', [])
  const { ignoreExcludeLabel } = input
  const standing = candidates(input.nodes.values(), {
    ads,
    ignoreExcludeLabel,
    ...(isLocal && { localEndpoints: endpoints }),
  })
  const address = addresses[0]! // the first address alone decides, so that both families of a Service move together
  const election = electOwner(living(standing, input.members), address)
  const own = ads.filter(ad => ad.nodes.has(here.name))
  if (own.length === 0) return silent('node-not-selected', ads.map(objectName), { node: here.name })
  const interfaces = unionOfInterfaces(own)
  const hasInterface = interfaces === 'all' || interfaces.some(name => input.interfaces.has(name))
  const isStanding = standing.some(candidate => candidate.node === here.name && isEligible(candidate))
  const desired = addresses.map(address => ({ address, interfaces }))
  const contest = { address, candidates: standing.filter(isEligible) }
  const contested = isStanding && hasInterface ? desired.map(one => ({ ...one, contest })) : []
  if (election.owner === undefined) {
    return { ...silent('no-eligible-node', ads.map(objectName), { why: whyNobody(election) }), contested }
  }
  if (election.owner !== here.name) {
    return { ...silent('another-node-owns', [], { owner: election.owner }), contested }
  }
  if (!hasInterface) {
    const facts = { interfaces: interfaces.join(', '), node: here.name }
    return silent('no-such-interface', own.map(objectName), facts)
  }
  return { held: desired, contested, silences: [] }
}

function silent(code: Silence['code'], objects: Silence['objects'], facts?: Silence['facts']): Layer2Announcement {
  const silence = { protocol: 'layer2' as const, code, objects, ...(facts !== undefined && { facts }) }
  return { held: [], contested: [], silences: [silence] }
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
