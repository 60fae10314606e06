import {
  COMMUNITIES,
  CONFIGURATION_STATES,
  IP_ADDRESS_POOLS,
  SERVICE_L2_STATUSES,
  TAKEN,
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
  type KubeObject,
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
  /** Addresses that speakers found to be a stranger's. */
  readonly taken: Informer<KubeObject>
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
  /** Whether speakers look for strangers. @default false */
  readonly guard?: boolean
}

export function createStores(
  components: InformerComponents,
  { namespace, fieldManager, guard = false }: StoresInit,
): Stores {
  const services = createInformer(components, {
    resource: SERVICES,
    project: (service: SentService) => projectService(service, fieldManager),
  })
  const pools = createInformer<IPAddressPool>(components, { resource: IP_ADDRESS_POOLS, namespace })
  const communities = createInformer<Community>(components, { resource: COMMUNITIES, namespace })
  const namespaces = createInformer<Namespace>(components, { resource: NAMESPACES, project: projectNamespace })
  const nodes = createInformer<Node>(components, {
    resource: NODES,
    project: projectNode,
    unread: { metadata: { managedFields: true }, status: { images: true } },
  })
  const states = createInformer<ConfigurationState>(components, {
    resource: CONFIGURATION_STATES,
    namespace,
    fieldSelector: 'metadata.name=controller',
  })
  const taken = createInformer<KubeObject>(components, {
    resource: SERVICE_L2_STATUSES,
    namespace,
    labelSelector: TAKEN.label,
  })
  const decisive: readonly Informer<unknown>[] = [
    ...[services, pools, communities, namespaces, nodes],
    ...(guard ? [taken] : []),
  ]
  return {
    ...{ services, pools, communities, namespaces, nodes, states, taken, decisive },
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
