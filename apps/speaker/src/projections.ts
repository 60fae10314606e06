import { SERVICE_NAME_LABEL, type EndpointSlice, type Node, type ObjectMeta, type Service } from '@metallb-ts/api'

/** What is kept of a Service: what announcing it reads. */
export function projectService({ metadata, spec, status }: Service): Service {
  const { type, loadBalancerClass, externalTrafficPolicy } = spec ?? {}
  return {
    metadata: { ...metaOf(metadata), ...(metadata.labels && { labels: metadata.labels }), ...ourAnnotations(metadata) },
    spec: {
      ...(type !== undefined && { type }),
      ...(loadBalancerClass !== undefined && { loadBalancerClass }),
      ...(externalTrafficPolicy !== undefined && { externalTrafficPolicy }),
    },
    ...(status?.loadBalancer !== undefined && { status: { loadBalancer: status.loadBalancer } }),
  }
}

/** A slice of a Service: which endpoint is where, and able to serve. */
export interface SliceFacts extends Pick<EndpointSlice, 'endpoints'> {
  /** `namespace/name` of the Service. */
  readonly service: string
}

/** Slices of no Service are left out. */
export function projectSlice({ metadata, endpoints }: EndpointSlice): SliceFacts | undefined {
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

/** Ten kilobytes of images and capacities are nobody's business here. */
export function projectNode({ metadata, spec, status }: Node): Node {
  return {
    metadata: { ...metaOf(metadata), ...(metadata.labels && { labels: metadata.labels }) },
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
