import type { Candidate, Ineligibility } from '@metallb-ts/l2-announcer'
import type { ServingEndpoints } from './endpoints.ts'
import type { L2AdvertisementConfig } from './l2-advertisements.ts'
import type { NodeFacts } from './nodes.ts'

export interface CandidateRules {
  readonly ads: readonly L2AdvertisementConfig[]
  readonly ignoreExcludeLabel: boolean
  readonly avoidCordoned: boolean
  /** Present with externalTrafficPolicy Local. */
  readonly localEndpoints?: ServingEndpoints
  /** A node that keeps its rank although it is drained: it answers until its successor does. */
  readonly lingering?: string
}

/** Behind every other: a drained node answers only where nobody else could. */
const LEAVING_SCORE = -1

/** Every node as if all were alive, with every reason for which it may not own an address, and its score where it may. */
export function candidates(nodes: Iterable<NodeFacts>, rules: CandidateRules): readonly Candidate[] {
  return [...nodes].map(node => ({
    node: node.name,
    score: isLeaving(node, rules)
      ? LEAVING_SCORE
      : rules.ads.reduce((sum, ad) => sum + (ad.scores.get(node.name) ?? 0), 0),
    refusals: refusals(node, rules),
  }))
}

/** The same candidates, of whom the dead may not own. @param members speakers that are alive; `all` where nobody counts */
export function living(candidates: readonly Candidate[], members: ReadonlySet<string> | 'all'): readonly Candidate[] {
  if (members === 'all') return candidates
  return candidates.map(candidate =>
    members.has(candidate.node)
      ? candidate
      : { ...candidate, refusals: ['not-a-member', ...(candidate.refusals ?? [])] },
  )
}

function isLeaving({ name, drain }: NodeFacts, { lingering }: CandidateRules): boolean {
  return drain !== 'no' && name !== lingering
}

function refusals(node: NodeFacts, rules: CandidateRules): readonly Ineligibility[] {
  const { ads, ignoreExcludeLabel, avoidCordoned, localEndpoints } = rules
  const reasons: Ineligibility[] = []
  if (node.drain === 'forced' && isLeaving(node, rules)) reasons.push('leaving')
  if (node.isNetworkUnavailable) reasons.push('network-unavailable')
  if (node.isExcluded && !ignoreExcludeLabel) reasons.push('excluded-by-label')
  if (node.isCordoned && avoidCordoned) reasons.push('cordoned')
  if (!ads.some(ad => ad.nodes.has(node.name))) reasons.push('no-matching-advertisement')
  if (localEndpoints !== undefined && !localEndpoints.nodes.has(node.name)) reasons.push('no-usable-endpoint')
  return reasons
}
