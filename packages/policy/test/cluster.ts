import type {
  BGPAdvertisement,
  BGPPeer,
  EndpointSlice,
  IPAddressPool,
  L2Advertisement,
  Node,
  Service,
} from '@metallb-ts/api'
import {
  announcements,
  nodeFacts,
  readConfig,
  type AnnouncementInput,
  type Announcements,
  type ConfigReading,
  type ConfigResources,
  type DrainView,
} from '../src/index.ts'

const namespace = 'metallb-system'

export const pool = (
  name: string,
  addresses: readonly string[],
  spec: object = {},
  labels: Record<string, string> = {},
): IPAddressPool => ({ metadata: { name, namespace, labels }, spec: { addresses, ...spec } }) as IPAddressPool

export const l2 = (name: string, spec: object = {}): L2Advertisement =>
  ({ metadata: { name, namespace }, spec }) as L2Advertisement

export const bgp = (name: string, spec: object = {}): BGPAdvertisement =>
  ({ metadata: { name, namespace }, spec }) as BGPAdvertisement

export const peer = (name: string, spec: object = {}): BGPPeer =>
  ({
    metadata: { name, namespace },
    spec: { myASN: 64_512, peerASN: 64_513, peerAddress: '192.0.2.254', ...spec },
  }) as BGPPeer

export const node = (name: string, labels: Record<string, string> = {}, status: object = {}): Node =>
  ({ metadata: { name, labels }, status }) as Node

/** Reads resources, empty where none are given. */
export function read(resources: Partial<ConfigResources>, previous?: ConfigReading['config']): ConfigReading {
  return readConfig(
    {
      pools: [],
      l2Advertisements: [],
      bgpAdvertisements: [],
      peers: [],
      bfdProfiles: [],
      communities: [],
      namespaces: [],
      nodes: [],
      secrets: [],
      ...resources,
    },
    previous,
  )
}

export const POOLS: readonly IPAddressPool[] = [pool('lan', ['192.0.2.0/24', '2001:db8::/64'], {}, { tier: 'gold' })]

export const slice = (...endpoints: readonly object[]): Pick<EndpointSlice, 'endpoints'> =>
  ({ endpoints }) as Pick<EndpointSlice, 'endpoints'>

export const ready = (nodeName: string): object => ({ nodeName, addresses: ['10.0.0.1'], conditions: { ready: true } })

export interface Scene {
  readonly resources?: Partial<ConfigResources>
  readonly service?: {
    readonly spec?: object
    readonly labels?: Record<string, string>
    readonly annotations?: Record<string, string>
    readonly ips?: readonly string[]
  }
  readonly slices?: AnnouncementInput['slices']
  readonly node?: string
  readonly members?: AnnouncementInput['members']
  readonly interfaces?: readonly string[]
  readonly ignoreExcludeLabel?: boolean
  readonly avoidCordoned?: boolean
  readonly owners?: NonNullable<AnnouncementInput['owners']>
  readonly loadBalancerClass?: string
  readonly drain?: DrainView
}

/** What node `a` of three announces of a Service with two addresses, unless a scene says otherwise. */
export function announce(scene: Scene): Announcements {
  return announcements(inputOf(scene))
}

/** What it decides that from. */
export function inputOf(scene: Scene): AnnouncementInput {
  const { resources = {}, service = {}, slices = [slice(ready('a'), ready('b'), ready('c'))] } = scene
  const nodes = resources.nodes ?? ['a', 'b', 'c'].map(name => node(name))
  const { config, problems } = read({ pools: POOLS, ...resources, nodes })
  const { spec = {}, labels = {}, annotations = {}, ips = ['192.0.2.1', '2001:db8::1'] } = service
  return {
    service: {
      metadata: { name: 'web', namespace: 'default', labels, annotations },
      spec: { type: 'LoadBalancer', ...spec },
      status: { loadBalancer: { ingress: ips.map(ip => ({ ip })) } },
    } as Service,
    slices,
    config,
    problems,
    node: scene.node ?? 'a',
    nodes: new Map(nodes.map(one => [one.metadata.name, nodeFacts(one)])),
    members: scene.members ?? 'all',
    interfaces: new Set(scene.interfaces ?? ['eth0']),
    loadBalancerClass: scene.loadBalancerClass ?? '',
    ignoreExcludeLabel: scene.ignoreExcludeLabel ?? false,
    avoidCordoned: scene.avoidCordoned ?? false,
    ...(scene.owners !== undefined && { owners: scene.owners }),
    ...(scene.drain && { drain: scene.drain }),
  }
}
