import { electOwner, rank, type Candidate } from '@metallb-ts/l2-announcer'
import { address } from '@metallb-ts/netip'
import { subjectOf, type AnnouncementInput, type Subject } from './announcements.ts'
import { candidates, living } from './candidates.ts'
import { matchesAny } from './selectors.ts'

/**
 * In which order living nodes speak for a Service, where one word is enough: the owner at layer 2, then who may announce
 * it by BGP, then everybody else. Equal on every node, and another for every address, so that no node speaks for all.
 */
export function speakingOrder(input: AnnouncementInput): readonly string[] {
  const { members, nodes } = input
  const alive = [...nodes.keys()].filter(node => members === 'all' || members.has(node))
  const subject = subjectOf(input)
  if ('code' in subject) return ranked(alive, () => 0)
  const owner = ownerOf(subject)
  const byBgp = announcersOf(subject)
  return ranked(alive, node => (node === owner ? 2 : byBgp.has(node) ? 1 : 0), subject.addresses[0])
}

const NOWHERE = address('0.0.0.0')

function ranked(
  nodes: readonly string[],
  score: (node: string) => number,
  hashed: Parameters<typeof rank>[1] = NOWHERE,
): readonly string[] {
  return rank(
    nodes.map((node): Candidate => ({ node, score: score(node) })),
    hashed,
  ).map(({ node }) => node)
}

function ownerOf({ input, pool, labels, isLocal, endpoints, addresses }: Subject): string | undefined {
  const ads = input.config.l2Advertisements.filter(
    ad => ad.pools.has(pool.name) && matchesAny(ad.serviceSelectors, labels),
  )
  if (ads.length === 0) return undefined
  const { ignoreExcludeLabel, avoidCordoned = false } = input
  const standing = candidates(input.nodes.values(), {
    ads,
    ignoreExcludeLabel,
    avoidCordoned,
    ...(isLocal && { localEndpoints: endpoints }),
  })
  return electOwner(living(standing, input.members), addresses[0]!).owner
}

/** Nodes that nothing but their sessions could keep from announcing it. */
function announcersOf({ input, pool, labels, isLocal, endpoints }: Subject): ReadonlySet<string> {
  const ads = input.config.bgpAdvertisements.filter(
    ad => ad.pools.has(pool.name) && matchesAny(ad.serviceSelectors, labels),
  )
  const may = [...input.nodes.values()].filter(
    ({ name, isNetworkUnavailable, isExcluded, drain }) =>
      !isNetworkUnavailable &&
      (!isExcluded || input.ignoreExcludeLabel) &&
      drain === 'no' &&
      (!isLocal || endpoints.nodes.has(name)) &&
      ads.some(ad => ad.nodes.has(name)),
  )
  return new Set(may.map(({ name }) => name))
}
