import { annotation, ANNOTATIONS, type EndpointSlice, type Service } from '@metallb-ts/api'
import type { SourcedRoute } from '@metallb-ts/bgp-fsm'
import type { Ineligibility } from '@metallb-ts/l2-announcer'
import { formatAddress, rangeContains, type Address } from '@metallb-ts/netip'
import { announceByBgp } from './announce-bgp.ts'
import { announceAtLayer2, type Layer2Announcement } from './announce-layer2.ts'
import type { Config } from './config.ts'
import { servingEndpoints, type ServingEndpoints } from './endpoints.ts'
import type { DrainView } from './drain.ts'
import type { NodeFacts } from './nodes.ts'
import type { PoolConfig } from './pools.ts'
import type { ConfigProblem } from './problem.ts'
import type { Labels } from './selectors.ts'
import type { Silence } from './silence.ts'
import { writtenAddress } from './typed-address.ts'

/** Everything that decides what one node announces of one Service. */
export interface AnnouncementInput {
  readonly service: Service
  readonly slices: readonly Pick<EndpointSlice, 'endpoints'>[]
  readonly config: Config
  /** This node. */
  readonly node: string
  readonly nodes: ReadonlyMap<string, NodeFacts>
  /** Speakers that are alive; `all` where nobody counts. */
  readonly members: ReadonlySet<string> | 'all'
  /**
   * Who answers for an address at layer 2, by canonical text, where somebody keeps account of it; what is not there has
   * not been decided yet. Without it the election alone tells.
   */
  readonly owners?: ReadonlyMap<string, OwnerFacts>
  /** Names of the interfaces that this node could use. */
  readonly interfaces: ReadonlySet<string>
  readonly loadBalancerClass: string
  readonly ignoreExcludeLabel: boolean
  /** At layer 2 a cordoned node owns nothing, which empties it before it is drained. @default false */
  readonly avoidCordoned?: boolean
  /** What is wrong in the configuration, to say which object is at fault. @default [] */
  readonly problems?: readonly ConfigProblem[]
  /** How far this node's drain has come. @default it is not drained */
  readonly drain?: DrainView
}

/** Who holds an address, or why nobody does. */
export interface OwnerFacts {
  /** Empty while nobody holds it. */
  readonly owner: string
  /** By node, why it may not own it. */
  readonly refusals: Readonly<Record<string, readonly Ineligibility[]>>
}

/** What this node should be doing for one Service, and why it does no more. */
export interface Announcements {
  readonly layer2: Pick<Layer2Announcement, 'held' | 'contested'>
  readonly bgp: readonly SourcedRoute[]
  readonly silences: readonly Silence[]
}

/** Reads like the Service's way out: is it ours, has it an address, and may each protocol announce it from here. */
export function announcements(input: AnnouncementInput): Announcements {
  const subject = subjectOf(input)
  if ('code' in subject) return { layer2: NOTHING, bgp: [], silences: [subject] }
  const bgp = announceByBgp(subject)
  const { silences, ...layer2 } = announceAtLayer2(subject)
  return { layer2, bgp: bgp.routes, silences: [...bgp.silences, ...silences] }
}

const NOTHING: Announcements['layer2'] = { held: [], contested: [] }

/** A Service that has addresses of a pool, and what surrounds it. */
export interface Subject {
  readonly input: AnnouncementInput
  /** `namespace/name` */
  readonly key: string
  readonly addresses: readonly Address[]
  readonly pool: PoolConfig
  readonly labels: Labels
  readonly isLocal: boolean
  readonly isShared: boolean
  readonly endpoints: ServingEndpoints
  readonly here: NodeFacts
}

/** The Service with all that surrounds it, or why there is nothing to announce. */
export function subjectOf(input: AnnouncementInput): Subject | Silence {
  const { service, config, nodes, node } = input
  const { metadata, spec = {}, status } = service
  const key = `${metadata.namespace ?? ''}/${metadata.name}`
  const silence = (code: Silence['code'], facts?: Silence['facts']): Silence => ({
    protocol: 'any',
    code,
    objects: [{ kind: 'Service', name: key }],
    ...(facts !== undefined && { facts }),
  })
  if (spec.type !== 'LoadBalancer') return silence('not-a-load-balancer')
  if ((spec.loadBalancerClass ?? '') !== input.loadBalancerClass)
    return silence('other-class', { class: spec.loadBalancerClass ?? '' })
  const ingress = status?.loadBalancer?.ingress ?? []
  if (ingress.length === 0) return silence('no-address')
  const addresses: Address[] = []
  for (const { ip, hostname } of ingress) {
    const address = ip === undefined ? undefined : writtenAddress(ip)
    if (address === undefined) return silence('invalid-address', { address: ip ?? hostname ?? '' })
    addresses.push(address)
  }
  const pool = config.pools.find(({ ranges }) =>
    addresses.every(address => ranges.some(range => rangeContains(range, address))),
  )
  if (pool === undefined) return silence('address-in-no-pool', { address: addresses.map(formatAddress).join(', ') })
  return {
    input,
    key,
    addresses,
    pool,
    labels: metadata.labels ?? {},
    isLocal: spec.externalTrafficPolicy === 'Local',
    isShared: annotation(metadata.annotations, ANNOTATIONS.allowSharedIp) !== undefined,
    endpoints: servingEndpoints(input.slices),
    here: nodes.get(node) ?? unknownNode(node),
  }
}

function unknownNode(name: string): NodeFacts {
  return {
    name,
    labels: {},
    isNetworkUnavailable: false,
    isExcluded: false,
    isCordoned: false,
    drain: 'no',
    addresses: {},
  }
}
