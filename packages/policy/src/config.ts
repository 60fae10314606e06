import type {
  BFDProfile,
  BGPAdvertisement,
  BGPPeer,
  Community,
  IPAddressPool,
  KubeObject,
  L2Advertisement,
  Namespace,
  Node,
  Secret,
} from '@metallb-ts/api'
import { readBfdProfile, type BfdProfileConfig } from './bfd-profiles.ts'
import { readBgpAdvertisement, type BgpAdvertisementConfig } from './bgp-advertisements.ts'
import { readPeer, type PeerConfig } from './bgp-peers.ts'
import { communityAliases } from './communities.ts'
import { readL2Advertisement, type L2AdvertisementConfig } from './l2-advertisements.ts'
import { nodeAddresses, nodeAddressProblems, overlapProblem, readPool, type PoolConfig } from './pools.ts'
import type { ConfigProblem } from './problem.ts'

/** Everything the cluster says about how we are to work, as the stores hold it. */
export interface ConfigResources {
  readonly pools: readonly IPAddressPool[]
  readonly l2Advertisements: readonly L2Advertisement[]
  readonly bgpAdvertisements: readonly BGPAdvertisement[]
  readonly peers: readonly BGPPeer[]
  readonly bfdProfiles: readonly BFDProfile[]
  readonly communities: readonly Community[]
  readonly namespaces: readonly Namespace[]
  readonly nodes: readonly Node[]
  /** Those of our own namespace that peers refer to. */
  readonly secrets: readonly Secret[]
}

/** What is in force. Lists are sorted by name. */
export interface Config {
  readonly pools: readonly PoolConfig[]
  readonly l2Advertisements: readonly L2AdvertisementConfig[]
  readonly bgpAdvertisements: readonly BgpAdvertisementConfig[]
  readonly peers: readonly PeerConfig[]
  readonly bfdProfiles: readonly BfdProfileConfig[]
}

export const EMPTY_CONFIG: Config = {
  pools: [],
  l2Advertisements: [],
  bgpAdvertisements: [],
  peers: [],
  bfdProfiles: [],
}

export interface ConfigReading {
  readonly config: Config
  readonly problems: readonly ConfigProblem[]
}

/**
 * Resources to configuration, good object by object: a bad one harms no other, and one that was good before stays in
 * force as it was. Of two that contradict each other the older is good.
 */
export function readConfig(resources: ConfigResources, previous: Config = EMPTY_CONFIG): ConfigReading {
  const problems: ConfigProblem[] = []
  const { aliases, problems: aliasProblems } = communityAliases(resources.communities)
  problems.push(...aliasProblems)
  const pools = accept(resources.pools, previous.pools, problems, (pool, accepted) => {
    const read = readPool(pool, resources.namespaces)
    const overlap = read.value === undefined ? undefined : overlapProblem(read.value, accepted)
    return overlap === undefined ? read : { problems: [...read.problems, overlap] }
  })
  problems.push(...pools.flatMap(pool => nodeAddressProblems(pool, resources.nodes)))
  const excluded = pools.map(pool => ({ ...pool, excluded: nodeAddressesIn(pool, resources.nodes) }))
  const bfdProfiles = accept(resources.bfdProfiles, previous.bfdProfiles, problems, readBfdProfile)
  const peers = accept(resources.peers, previous.peers, problems, peer => readPeer(peer, { ...resources, bfdProfiles }))
  const l2Advertisements = accept(resources.l2Advertisements, previous.l2Advertisements, problems, ad =>
    readL2Advertisement(ad, excluded, resources.nodes),
  )
  const bgpAdvertisements = accept(resources.bgpAdvertisements, previous.bgpAdvertisements, problems, (ad, accepted) =>
    readBgpAdvertisement(ad, { pools: excluded, nodes: resources.nodes, aliases, accepted }),
  )
  return { config: { pools: excluded, l2Advertisements, bgpAdvertisements, peers, bfdProfiles }, problems }
}

/** One object read: its meaning, or what is wrong with it. */
export interface Reading<Value> {
  readonly value?: Value
  readonly problems: readonly ConfigProblem[]
}

interface Named {
  readonly name: string
}

function accept<Resource extends KubeObject, Value extends Named>(
  resources: readonly Resource[],
  previous: readonly Value[],
  problems: ConfigProblem[],
  read: (resource: Resource, accepted: readonly Value[]) => Reading<Value>,
): readonly Value[] {
  const accepted: Value[] = []
  for (const resource of [...resources].sort(byAge)) {
    const reading = read(resource, accepted)
    problems.push(...reading.problems)
    const value = reading.value ?? previous.find(({ name }) => name === resource.metadata.name)
    if (value !== undefined) accepted.push(value)
  }
  return accepted.sort((a, b) => compareText(a.name, b.name))
}

function byAge(a: KubeObject, b: KubeObject): number {
  return (
    compareText(a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? '') ||
    compareText(a.metadata.name, b.metadata.name)
  )
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function nodeAddressesIn(pool: PoolConfig, nodes: readonly Node[]): PoolConfig['excluded'] {
  return nodeAddresses(pool, nodes).map(({ address }) => ({ first: address, last: address }))
}
