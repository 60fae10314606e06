import type { BGPAdvertisement, LabelSelector, Node } from '@metallb-ts/api'
import { prefixesOfRange, formatPrefix, formatRange, type Family, type Prefix } from '@metallb-ts/netip'
import { readCommunity, type CommunityValue } from './communities.ts'
import type { Reading } from './config.ts'
import { listProblems, selectedPools } from './pool-selection.ts'
import type { PoolConfig } from './pools.ts'
import type { ConfigProblem, ObjectName } from './problem.ts'
import { matchesAny } from './selectors.ts'

export interface BgpAdvertisementConfig {
  readonly name: string
  readonly pools: ReadonlySet<string>
  readonly nodes: ReadonlySet<string>
  /** Length of the prefixes announced, per family. */
  readonly aggregation: Readonly<Record<Family, number>>
  readonly localPreference: number
  readonly communities: readonly CommunityValue[]
  /** Names of peers; empty means all. */
  readonly peers: readonly string[]
  readonly serviceSelectors: readonly LabelSelector[]
}

export interface AdvertisementSurroundings {
  readonly pools: readonly PoolConfig[]
  readonly nodes: readonly Node[]
  readonly aliases: ReadonlyMap<string, CommunityValue>
  /** Advertisements that were good before this one. */
  readonly accepted: readonly BgpAdvertisementConfig[]
}

export function readBgpAdvertisement(
  { metadata, spec = {} }: BGPAdvertisement,
  { pools, nodes, aliases, accepted }: AdvertisementSurroundings,
): Reading<BgpAdvertisementConfig> {
  const object = { kind: 'BGPAdvertisement', name: metadata.name } as const
  const {
    ipAddressPools,
    ipAddressPoolSelectors,
    nodeSelectors,
    serviceSelectors = [],
    peers = [],
    communities = [],
  } = spec
  const aggregation = { ipv4: spec.aggregationLength ?? 32, ipv6: spec.aggregationLengthV6 ?? 128 }
  const read = readCommunities(communities, aliases, object)
  const problems = [
    ...listProblems(
      object,
      { ipAddressPools, peers, communities },
      { ipAddressPoolSelectors, nodeSelectors, serviceSelectors },
    ),
    ...read.problems,
    ...lengthProblems(aggregation, serviceSelectors, object),
  ]
  if (problems.length > 0) return { problems }
  const value: BgpAdvertisementConfig = {
    name: metadata.name,
    pools: selectedPools(pools, spec),
    nodes: new Set(
      nodes.filter(node => matchesAny(nodeSelectors, node.metadata.labels)).map(node => node.metadata.name),
    ),
    aggregation,
    localPreference: spec.localPref ?? 0,
    communities: read.communities,
    peers: [...peers].sort(),
    serviceSelectors,
  }
  for (const pool of pools.filter(({ name }) => value.pools.has(name))) {
    problems.push(...rangeProblems(value, pool, object), ...preferenceProblems(value, pool, accepted, object))
  }
  return problems.length > 0 ? { problems } : { problems, value }
}

/**
 * Whether two advertisements can stand side by side over one pool: equal preference, or never the same prefix to the
 * same peer from the same node.
 */
export function preferencesAgree(
  a: BgpAdvertisementConfig,
  b: BgpAdvertisementConfig,
  families: readonly Family[],
): boolean {
  if (a.localPreference === b.localPreference) return true
  if (families.every(family => a.aggregation[family] !== b.aggregation[family])) return true
  if (a.peers.length > 0 && b.peers.length > 0 && !a.peers.some(peer => b.peers.includes(peer))) return true
  return ![...a.nodes].some(node => b.nodes.has(node))
}

/** Families of a pool's addresses. */
export function poolFamilies({ ranges }: PoolConfig): readonly Family[] {
  return (['ipv4', 'ipv6'] as const).filter(family => ranges.some(range => range.first.family === family))
}

function readCommunities(
  texts: readonly string[],
  aliases: ReadonlyMap<string, CommunityValue>,
  object: ObjectName,
): { communities: readonly CommunityValue[]; problems: readonly ConfigProblem[] } {
  const communities: CommunityValue[] = []
  const problems: ConfigProblem[] = []
  for (const [i, text] of texts.entries()) {
    const alias = aliases.get(text)
    const read = alias === undefined ? readCommunity(text) : { ok: true as const, value: alias }
    if (read.ok) communities.push(read.value)
    else {
      const code = text.includes(':') ? 'invalid-community' : 'unknown-community'
      const detail = `${read.detail}: invalid community "${text}" in BGP advertisement`
      problems.push({ code, object, path: `spec.communities[${i}]`, detail })
    }
  }
  return { communities, problems }
}

function lengthProblems(
  { ipv4, ipv6 }: BgpAdvertisementConfig['aggregation'],
  serviceSelectors: readonly LabelSelector[],
  object: ObjectName,
): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const fault = (path: string, detail: string): void => {
    problems.push({ code: 'invalid-aggregation', object, path, detail })
  }
  if (ipv4 > 32 || ipv4 < 1) fault('spec.aggregationLength', `invalid aggregation length '${ipv4}' for IPv4`)
  if (ipv6 > 128 || ipv6 < 1) fault('spec.aggregationLengthV6', `invalid aggregation length '${ipv6}' for IPv6`)
  if (serviceSelectors.length > 0) {
    const exclusive = (field: string): string =>
      `serviceSelectors and ${field} are mutually exclusive, both cannot be set in ${object.name}`
    if (ipv4 !== 32) fault('spec.aggregationLength', exclusive('aggregationLength'))
    if (ipv6 !== 128) fault('spec.aggregationLengthV6', exclusive('aggregationLengthV6'))
  }
  return problems
}

/** A prefix longer than a pool's own would announce addresses that the pool does not hold. */
function rangeProblems({ aggregation }: BgpAdvertisementConfig, pool: PoolConfig, object: ObjectName): ConfigProblem[] {
  return pool.ranges.flatMap((range): ConfigProblem[] => {
    const widest = widestPrefix(prefixesOfRange(range))
    const length = aggregation[range.first.family]
    if (widest.length <= length) return []
    const detail =
      `invalid aggregation length ${length}: prefix ${formatPrefix(widest)} in this pool is more specific than the ` +
      `aggregation length for addresses ${formatRange(range)} of pool ${pool.name}`
    const path = range.first.family === 'ipv4' ? 'spec.aggregationLength' : 'spec.aggregationLengthV6'
    return [{ code: 'invalid-aggregation', object, path, detail }]
  })
}

function preferenceProblems(
  ad: BgpAdvertisementConfig,
  pool: PoolConfig,
  accepted: readonly BgpAdvertisementConfig[],
  object: ObjectName,
): ConfigProblem[] {
  if (ad.serviceSelectors.length > 0) return []
  const rival = accepted.find(
    other =>
      other.pools.has(pool.name) &&
      other.serviceSelectors.length === 0 &&
      !preferencesAgree(ad, other, poolFamilies(pool)),
  )
  if (rival === undefined) return []
  const detail =
    `invalid local preference ${ad.localPreference}: local preferernce ${rival.localPreference} was already set for the same ` +
    `type of BGP update. Check existing BGP advertisements with common pools and aggregation lengths: ${rival.name}`
  return [{ code: 'local-preference-conflict', object, path: 'spec.localPref', detail }]
}

function widestPrefix(prefixes: readonly Prefix[]): Prefix {
  return prefixes.reduce((widest, prefix) => (prefix.length < widest.length ? prefix : widest))
}
