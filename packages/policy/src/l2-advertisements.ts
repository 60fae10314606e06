import type { L2Advertisement, LabelSelector, Node } from '@metallb-ts/api'
import type { Reading } from './config.ts'
import { listProblems, selectedPools } from './pool-selection.ts'
import type { PoolConfig } from './pools.ts'
import { matchesAny, matchesSelector } from './selectors.ts'

export interface L2AdvertisementConfig {
  readonly name: string
  /** Pools by name. */
  readonly pools: ReadonlySet<string>
  /** Nodes that match now. */
  readonly nodes: ReadonlySet<string>
  readonly interfaces: 'all' | readonly string[]
  readonly serviceSelectors: readonly LabelSelector[]
  /** Sum of the preferences that each node matches; absent means 0. */
  readonly scores: ReadonlyMap<string, number>
}

export function readL2Advertisement(
  { metadata, spec = {} }: L2Advertisement,
  pools: readonly PoolConfig[],
  nodes: readonly Node[],
): Reading<L2AdvertisementConfig> {
  const { ipAddressPools, ipAddressPoolSelectors, nodeSelectors, serviceSelectors = [], interfaces = [] } = spec
  const problems = listProblems(
    { kind: 'L2Advertisement', name: metadata.name },
    { ipAddressPools, interfaces },
    { ipAddressPoolSelectors, nodeSelectors, serviceSelectors },
  )
  if (problems.length > 0) return { problems }
  const matching = nodes.filter(node => matchesAny(nodeSelectors, node.metadata.labels))
  return {
    problems,
    value: {
      name: metadata.name,
      pools: selectedPools(pools, spec),
      nodes: new Set(matching.map(node => node.metadata.name)),
      interfaces: interfaces.length === 0 ? 'all' : [...interfaces].sort(),
      serviceSelectors,
      scores: nodeScores(matching, spec.preferredNodeSelectors ?? []),
    },
  }
}

function nodeScores(
  nodes: readonly Node[],
  preferences: readonly { readonly weight: number; readonly preference: LabelSelector }[],
): ReadonlyMap<string, number> {
  const scores = new Map<string, number>()
  for (const { metadata } of nodes) {
    const matching = preferences.filter(({ preference }) => matchesSelector(preference, metadata.labels))
    const score = matching.reduce((sum, { weight }) => sum + weight, 0)
    if (score > 0) scores.set(metadata.name, score)
  }
  return scores
}
