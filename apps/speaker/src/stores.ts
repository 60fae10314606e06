import {
  BFD_PROFILES,
  BGP_ADVERTISEMENTS,
  BGP_PEERS,
  COMMUNITIES,
  IP_ADDRESS_POOLS,
  L2_ADVERTISEMENTS,
  type BFDProfile,
  type BGPAdvertisement,
  type BGPPeer,
  type Community,
  type IPAddressPool,
  type KubeObject,
  type L2Advertisement,
  type Node,
  type Secret,
  type Service,
} from '@metallb-ts/api'
import {
  createInformer,
  ENDPOINT_SLICES,
  NODES,
  OLDER_ENDPOINTS,
  SECRETS,
  SERVICES,
  type Informer,
  type InformerComponents,
} from '@metallb-ts/k8s-watch'
import type { ConfigResources, ObjectName } from '@metallb-ts/policy'
import {
  projectConfiguration,
  READING_OF_NODES,
  READING_OF_SERVICES,
  READING_OF_SLICES,
  type SliceFacts,
} from './projections.ts'

/** Everything the speaker watches. */
export interface Stores {
  readonly services: Informer<Service>
  readonly slices: Informer<SliceFacts>
  readonly nodes: Informer<Node>
  readonly all: readonly Informer<unknown>[]
  /** Something of the configuration, or of a node, is another than when this was last asked, as far as deciding reads it. */
  isNews(kind: string, key: string): boolean
  /** A custom resource, by kind and name. */
  resource(object: ObjectName): KubeObject | undefined
  /** The service whose slice has this key; the store forgets a slice before anybody hears of it. */
  serviceOfSlice(key: string): string | undefined
  config(): ConfigResources
}

export function createStores(components: InformerComponents, namespace: string): Stores {
  const servicesOfSlices = new Map<string, string>()
  const texts = new Map<string, string>()
  const services = createInformer(components, {
    resource: SERVICES,
    ...READING_OF_SERVICES,
    indexes: { address: service => (service.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []) },
  })
  const slices = createInformer(components, {
    resource: ENDPOINT_SLICES,
    older: OLDER_ENDPOINTS,
    labelSelector: '!service.kubernetes.io/headless',
    indexes: { service: (slice: SliceFacts) => [slice.service] },
    ...READING_OF_SLICES,
    project: raw => {
      const slice = READING_OF_SLICES.project(raw)
      if (slice !== undefined)
        servicesOfSlices.set(`${raw.metadata.namespace ?? ''}/${raw.metadata.name}`, slice.service)
      return slice
    },
  })
  const nodes = createInformer(components, { resource: NODES, ...READING_OF_NODES })
  const pools = createInformer<IPAddressPool>(components, {
    resource: IP_ADDRESS_POOLS,
    namespace,
    project: projectConfiguration,
  })
  const l2Advertisements = createInformer<L2Advertisement>(components, {
    resource: L2_ADVERTISEMENTS,
    namespace,
    project: projectConfiguration,
  })
  const bgpAdvertisements = createInformer<BGPAdvertisement>(components, {
    resource: BGP_ADVERTISEMENTS,
    namespace,
    project: projectConfiguration,
  })
  const peers = createInformer<BGPPeer>(components, { resource: BGP_PEERS, namespace, project: projectConfiguration })
  const bfdProfiles = createInformer<BFDProfile>(components, {
    resource: BFD_PROFILES,
    namespace,
    project: projectConfiguration,
  })
  const communities = createInformer<Community>(components, {
    resource: COMMUNITIES,
    namespace,
    project: projectConfiguration,
  })
  const secrets = createInformer<Secret>(components, {
    resource: SECRETS,
    namespace,
    project: projectConfiguration,
    fieldSelector: 'type=kubernetes.io/basic-auth',
  })
  const configuration: readonly Informer<KubeObject>[] = [
    nodes,
    pools,
    l2Advertisements,
    bgpAdvertisements,
    peers,
    bfdProfiles,
    communities,
    secrets,
  ]
  const ofNamespace = configuration.slice(1)
  return {
    services,
    slices,
    nodes,
    isNews: (kind, key) => {
      const informer = configuration.find(({ resource }) => resource.kind === kind)
      if (informer === undefined) return false
      const text = JSON.stringify(informer.get(key)) ?? ''
      const isSame = texts.get(`${kind} ${key}`) === text
      if (text === '') texts.delete(`${kind} ${key}`)
      else texts.set(`${kind} ${key}`, text)
      return !isSame
    },
    resource: ({ kind, name }) =>
      ofNamespace.find(({ resource }) => resource.kind === kind)?.get(`${namespace}/${name}`),
    all: [services, slices, ...configuration],
    serviceOfSlice: key => servicesOfSlices.get(key),
    config: () => ({
      pools: pools.list(),
      l2Advertisements: l2Advertisements.list(),
      bgpAdvertisements: bgpAdvertisements.list(),
      peers: peers.list(),
      bfdProfiles: bfdProfiles.list(),
      communities: communities.list(),
      namespaces: [], // who may use a pool is the controller's question
      nodes: nodes.list(),
      secrets: secrets.list(),
    }),
  }
}
