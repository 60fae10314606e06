import { electOwner, isEligible, type Candidate, type DesiredAddress } from '@metallb-ts/l2-announcer'
import { formatAddress, type Address } from '@metallb-ts/netip'
import type { OwnerFacts, Subject } from './announcements.ts'
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
  const { ignoreExcludeLabel, avoidCordoned = false } = input
  const standing = candidates(input.nodes.values(), {
    ads,
    ignoreExcludeLabel,
    avoidCordoned,
    ...(isLocal && { localEndpoints: endpoints }),
    ...(input.drain?.lingers === true && { lingering: here.name }),
  })
  const address = addresses[0]! // the first address alone decides, so that both families of a Service move together
  const owner = ownerOf(input, standing, address)
  const own = ads.filter(ad => ad.nodes.has(here.name))
  const interfaces = unionOfInterfaces(own)
  const eligible = standing.filter(isEligible).map(candidate => withInterfaces(candidate, ads))
  const contest = { address, candidates: eligible }
  // Given where this node may not own it as well: one that holds it still hands it over.
  const contested = eligible.length === 0 ? [] : addresses.map(one => ({ address: one, interfaces, contest }))
  const quiet = (...silence: Parameters<typeof silent>): Layer2Announcement => ({ ...silent(...silence), contested })
  if (own.length === 0) return quiet('node-not-selected', ads.map(objectName), { node: here.name })
  if (owner === 'undecided') return quiet('owner-undecided', [])
  const hasInterface = interfaces === 'all' || interfaces.some(name => input.interfaces.has(name))
  if (!hasInterface && (owner.owner === '' || owner.owner === here.name)) {
    return quiet('no-such-interface', own.map(objectName), { interfaces: interfaces.join(', '), node: here.name })
  }
  if (owner.owner === '') return quiet('no-eligible-node', ads.map(objectName), { why: whyNobody(owner) })
  if (owner.owner !== here.name) return quiet('another-node-owns', [], { owner: owner.owner })
  return { held: addresses.map(one => ({ address: one, interfaces })), contested, silences: [] }
}

/** What is so, where that is known; else what the election among the living says. */
function ownerOf(
  { owners, members }: Subject['input'],
  standing: readonly Candidate[],
  address: Address,
): OwnerFacts | 'undecided' {
  if (owners !== undefined) return owners.get(formatAddress(address)) ?? 'undecided'
  const { owner = '', verdicts } = electOwner(living(standing, members), address)
  const refused = verdicts.flatMap(verdict =>
    verdict.verdict === 'ineligible' ? [[verdict.node, verdict.reasons]] : [],
  )
  return { owner, refusals: Object.fromEntries(refused) as OwnerFacts['refusals'] }
}

/** Where a candidate may answer, for who elects to know whether it can. */
function withInterfaces(candidate: Candidate, ads: readonly L2AdvertisementConfig[]): Candidate {
  const { refusals, ...rest } = candidate
  const interfaces = unionOfInterfaces(ads.filter(ad => ad.nodes.has(candidate.node)))
  return interfaces === 'all' ? rest : { ...rest, interfaces }
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

function whyNobody({ refusals }: OwnerFacts): string {
  return Object.entries(refusals)
    .map(([node, reasons]) => `${node}: ${reasons.map(explainIneligibility).join(', ')}`)
    .join('; ')
}

function objectName({ name }: L2AdvertisementConfig): { kind: string; name: string } {
  return { kind: 'L2Advertisement', name }
}
