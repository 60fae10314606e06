import {
  COMMUNITIES,
  CONFIGURATION_STATES,
  IP_ADDRESS_POOLS,
  type Community,
  type ConfigurationState,
  type IPAddressPool,
  type Namespace,
  type Node,
} from '@metallb-ts/api'
import {
  createInformer,
  NAMESPACES,
  NODES,
  SERVICES,
  type Informer,
  type InformerComponents,
} from '@metallb-ts/k8s-watch'
import { projectNamespace, projectNode, projectService, type KeptService, type SentService } from './projections.ts'

/** Everything that the controller watches. */
export interface Stores {
  readonly services: Informer<KeptService>
  readonly pools: Informer<IPAddressPool>
  readonly communities: Informer<Community>
  readonly namespaces: Informer<Namespace>
  readonly nodes: Informer<Node>
  readonly states: Informer<ConfigurationState>
  /** Those without which nothing is decided. */
  readonly decisive: readonly Informer<unknown>[]
  start(): void
  stop(): void
  /** Why the decisive ones may be behind; empty when they are not. */
  readonly troubles: readonly string[]
}

export interface StoresInit {
  readonly namespace: string
  /** Under which name we write. */
  readonly fieldManager: string
}

export function createStores(components: InformerComponents, { namespace, fieldManager }: StoresInit): Stores {
  const services = createInformer(components, {
    resource: SERVICES,
    project: (service: SentService) => projectService(service, fieldManager),
  })
  const pools = createInformer<IPAddressPool>(components, { resource: IP_ADDRESS_POOLS, namespace })
  const communities = createInformer<Community>(components, { resource: COMMUNITIES, namespace })
  const namespaces = createInformer<Namespace>(components, { resource: NAMESPACES, project: projectNamespace })
  const nodes = createInformer<Node>(components, { resource: NODES, project: projectNode })
  const states = createInformer<ConfigurationState>(components, {
    resource: CONFIGURATION_STATES,
    namespace,
    fieldSelector: 'metadata.name=controller',
  })
  const decisive: readonly Informer<unknown>[] = [services, pools, communities, namespaces, nodes]
  return {
    ...{ services, pools, communities, namespaces, nodes, states, decisive },
    start: () => {
      for (const informer of [...decisive, states]) informer.start()
    },
    stop: () => {
      for (const informer of [...decisive, states]) informer.stop()
    },
    get troubles() {
      return [
        ...decisive.filter(({ isSynced }) => !isSynced).map(({ resource }) => `${resource.plural}: not read yet`),
        ...decisive.flatMap(({ resource, trouble }) =>
          trouble === undefined ? [] : [`${resource.plural}: ${trouble}`],
        ),
      ]
    },
  }
}
