import {
  DRAIN_KEY,
  SERVICE_NAME_LABEL,
  type EndpointSlice,
  type KubeObject,
  type Node,
  type ObjectMeta,
  type Service,
} from '@metallb-ts/api'
import type { Unread } from '@metallb-ts/k8s-watch'
import { ANNOUNCED_CONDITION } from '@metallb-ts/policy'

/** How a kind is read: what is kept of an object, and what of it that does not look at. */
interface Reading<Raw, T> {
  readonly project: (raw: Raw) => T
  readonly unread: Unread
}

export const READING_OF_SERVICES: Reading<Service, Service> = {
  project: projectService,
  unread: {
    metadata: { managedFields: true, annotations: { 'kubectl.kubernetes.io/last-applied-configuration': true } },
    spec: { ports: true, selector: true },
  },
}

/** What is kept of a Service: what announcing it reads. */
function projectService({ metadata, spec, status }: Service): Service {
  const { type, loadBalancerClass, externalTrafficPolicy } = spec ?? {}
  return {
    metadata: { ...metaOf(metadata), ...(metadata.labels && { labels: metadata.labels }), ...ourAnnotations(metadata) },
    spec: {
      ...(type !== undefined && { type }),
      ...(loadBalancerClass !== undefined && { loadBalancerClass }),
      ...(externalTrafficPolicy !== undefined && { externalTrafficPolicy }),
    },
    ...(status !== undefined && { status: { ...ingressOf(status), ...ourConditions(status) } }),
  }
}

function ingressOf({
  loadBalancer,
}: NonNullable<Service['status']>): Pick<NonNullable<Service['status']>, 'loadBalancer'> {
  return loadBalancer === undefined ? {} : { loadBalancer }
}

/** The one that speakers write. */
function ourConditions({
  conditions = [],
}: NonNullable<Service['status']>): Pick<NonNullable<Service['status']>, 'conditions'> {
  const ours = conditions.filter(({ type }) => type === ANNOUNCED_CONDITION)
  return ours.length === 0 ? {} : { conditions: ours }
}

/** A slice of a Service: which endpoint is where, and able to serve. */
export interface SliceFacts extends Pick<EndpointSlice, 'endpoints'> {
  /** `namespace/name` of the Service. */
  readonly service: string
}

export const READING_OF_SLICES: Reading<EndpointSlice, SliceFacts | undefined> = {
  project: projectSlice,
  unread: {
    metadata: { managedFields: true, ownerReferences: true },
    endpoints: { '*': { targetRef: true } },
    ports: true,
  },
}

/** Slices of no Service are left out. */
function projectSlice({ metadata, endpoints }: EndpointSlice): SliceFacts | undefined {
  const name = metadata.labels?.[SERVICE_NAME_LABEL]
  if (name === undefined) return undefined
  return {
    service: `${metadata.namespace ?? ''}/${name}`,
    endpoints: (endpoints ?? []).map(({ addresses, nodeName, conditions }) => ({
      addresses: (addresses ?? []).slice(0, 1), // whether there is one is all that is asked
      ...(nodeName !== undefined && { nodeName }),
      ...(conditions !== undefined && { conditions }),
    })),
  }
}

/** A custom resource, or a Secret, without what others write beside it: a status that counts is no other configuration. */
export function projectConfiguration<T extends KubeObject>({ metadata, ...rest }: T): T {
  const { resourceVersion: _, ...meta } = metaOf(metadata)
  const { status: _status, ...meaning } = rest as { readonly status?: unknown }
  return { ...meaning, metadata: { ...meta, ...(metadata.labels && { labels: metadata.labels }) } } as T
}

export const READING_OF_NODES: Reading<Node, Node> = {
  project: projectNode,
  unread: { metadata: { managedFields: true }, status: { images: true } }, // what is large of it
}

/** Ten kilobytes of images and capacities are nobody's business here. */
function projectNode({ metadata, spec, status }: Node): Node {
  const drain = metadata.annotations?.[DRAIN_KEY]
  const { resourceVersion: _, ...meta } = metaOf(metadata)
  return {
    metadata: {
      ...meta,
      ...(metadata.labels && { labels: metadata.labels }),
      ...(drain !== undefined && { annotations: { [DRAIN_KEY]: drain } }),
    },
    ...(spec?.unschedulable === true && { spec: { unschedulable: true } }),
    status: {
      addresses: status?.addresses ?? [],
      conditions: (status?.conditions ?? []).filter(({ type }) => type === 'NetworkUnavailable'),
    },
  }
}

function metaOf({ name, namespace, uid, resourceVersion, creationTimestamp }: ObjectMeta): ObjectMeta {
  return {
    name,
    ...(namespace !== undefined && { namespace }),
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
    ...(creationTimestamp !== undefined && { creationTimestamp }),
  }
}

function ourAnnotations({ annotations = {} }: ObjectMeta): Pick<ObjectMeta, 'annotations'> {
  const ours = Object.entries(annotations).filter(([name]) => name.startsWith('metallb.'))
  return ours.length === 0 ? {} : { annotations: Object.fromEntries(ours) }
}
