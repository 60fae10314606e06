import type { Namespace, Node, ObjectMeta, Service } from '@metallb-ts/api'
import { foreignWriter, type AddressWriter, type ManagedFields } from '@metallb-ts/policy'

/** A Service as the API server sends it. */
export interface SentService extends Service {
  readonly metadata: ObjectMeta & { readonly managedFields?: readonly ManagedFields[] }
}

/** What is kept of a Service: about a kilobyte, whatever its owners wrote into it. */
export interface KeptService extends Service {
  /** Present where somebody else wrote the addresses. */
  readonly addressesBy?: AddressWriter
}

/** @param fieldManager under which name we write */
export function projectService({ metadata, spec, status }: SentService, fieldManager: string): KeptService {
  const addressesBy = foreignWriter(metadata.managedFields, fieldManager)
  return {
    metadata: { ...metaOf(metadata), ...labelsOf(metadata), ...annotationsOf(metadata) },
    ...(spec && { spec: projectSpec(spec) }),
    ...(status && { status: { ...status } }),
    ...(addressesBy && { addressesBy }),
  }
}

export function projectNamespace({ metadata }: Namespace): Namespace {
  return { metadata: { ...metaOf(metadata), ...labelsOf(metadata) } }
}

/** Nodes matter for their addresses, which must not be given away. */
export function projectNode({ metadata, status }: Node): Node {
  return { metadata: metaOf(metadata), status: { addresses: status?.addresses ?? [] } }
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

function labelsOf({ labels }: ObjectMeta): Pick<ObjectMeta, 'labels'> {
  return labels === undefined ? {} : { labels }
}

/** All but the one in which kubectl keeps a second copy of the object. */
function annotationsOf({ annotations }: ObjectMeta): Pick<ObjectMeta, 'annotations'> {
  if (annotations === undefined) return {}
  const { [LAST_APPLIED]: _, ...rest } = annotations
  return { annotations: rest }
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

function projectSpec(spec: NonNullable<Service['spec']>): NonNullable<Service['spec']> {
  const { type, clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy } = spec
  const { loadBalancerIP, loadBalancerClass, externalTrafficPolicy, ports, selector } = spec
  return {
    ...(type !== undefined && { type }),
    ...(clusterIP !== undefined && { clusterIP }),
    ...(clusterIPs !== undefined && { clusterIPs }),
    ...(ipFamilies !== undefined && { ipFamilies }),
    ...(ipFamilyPolicy !== undefined && { ipFamilyPolicy }),
    ...(loadBalancerIP !== undefined && { loadBalancerIP }),
    ...(loadBalancerClass !== undefined && { loadBalancerClass }),
    ...(externalTrafficPolicy !== undefined && { externalTrafficPolicy }),
    ...(ports !== undefined && {
      ports: ports.map(({ protocol, port }) => ({ port, ...(protocol !== undefined && { protocol }) })),
    }),
    ...(externalTrafficPolicy === 'Local' && selector !== undefined && { selector }),
  }
}
