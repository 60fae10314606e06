import type { Service } from '@metallb-ts/api'
import { formatPrefix } from '@metallb-ts/netip'
import {
  announcements,
  EMPTY_CONFIG,
  nodeFacts,
  nodePeers,
  readConfig,
  type AnnouncementInput,
} from '@metallb-ts/policy'
import { READING_OF_SLICES } from '@metallb-ts/speaker/projections'
import type { Cluster } from './cluster.ts'

/** The node that answers for a Service at layer 2 when everybody knows everything; undefined where nobody may. */
export function expectedOwner(cluster: Cluster, service: Service): string | undefined {
  const around = surroundings(cluster)
  return cluster.speakers
    .map(({ machine }) => machine.node)
    .find(node => announcements(inputFor(cluster, around, service, node)).layer2.held.length > 0)
}

/** The prefixes that a router knows of a node when everybody knows everything, sorted. */
export function expectedRoutes(cluster: Cluster, node: string, router: string): readonly string[] {
  const around = surroundings(cluster)
  const hasPeer = nodePeers(around.config, around.nodes.get(node)!).peers.some(({ name }) => name === router)
  if (!hasPeer) return []
  const routes = cluster.objects.services
    .flatMap(service => announcements(inputFor(cluster, around, service, node)).bgp)
    .filter(({ peers }) => peers === undefined || peers.includes(router))
  return [...new Set(routes.map(({ prefix }) => formatPrefix(prefix)))].sort()
}

type Surroundings = Pick<AnnouncementInput, 'config' | 'nodes' | 'members' | 'interfaces'>

/** Policy over what the API server has, with every speaker alive. */
function surroundings({ objects, speakers }: Cluster): Surroundings {
  const { pools, l2Advertisements, bgpAdvertisements, peers, nodes } = objects
  const nothingElse = { bfdProfiles: [], communities: [], namespaces: [], secrets: [] }
  const { config } = readConfig(
    { pools, l2Advertisements, bgpAdvertisements, peers, nodes, ...nothingElse },
    EMPTY_CONFIG,
  )
  return {
    config,
    nodes: new Map(nodes.map(node => [node.metadata.name, nodeFacts(node)])),
    members: new Set(speakers.map(({ machine }) => machine.node)),
    interfaces: new Set(['eth0']),
  }
}

function inputFor({ objects }: Cluster, around: Surroundings, service: Service, node: string): AnnouncementInput {
  const { namespace = '', name } = service.metadata
  const slices = objects.slices.flatMap(slice => READING_OF_SLICES.project(slice) ?? [])
  return {
    ...around,
    service,
    node,
    slices: slices.filter(slice => slice.service === `${namespace}/${name}`),
    loadBalancerClass: '',
    ignoreExcludeLabel: false,
  }
}
