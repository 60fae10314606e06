/** Annotations, labels and names that users and other programs rely on. */
export const ANNOTATION_PREFIX = 'metallb.io/'
/** Still honoured; a Service that uses it gets a warning. */
export const LEGACY_ANNOTATION_PREFIX = 'metallb.universe.tf/'

export const ANNOTATIONS = {
  addressPool: 'address-pool',
  loadBalancerIPs: 'loadBalancerIPs',
  allowSharedIp: 'allow-shared-ip',
} as const

/** Written by the controller: the pool that an assignment came from. */
export const POOL_ANNOTATION = 'metallb.io/ip-allocated-from-pool'

export const EXCLUDE_NODE_LABEL = 'node.kubernetes.io/exclude-from-external-load-balancers'
/** Annotation or label of a Node, ours: `true` takes it off the network gently, `force` also where nobody else announces. */
export const DRAIN_KEY = 'metallb-ts.io/drain'
/** How a speaker tells the controller of an address that a stranger has: on a ServiceL2Status without a status. */
export const TAKEN = {
  /** Label: the node that found it. */
  label: 'metallb-ts.io/taken-on',
  address: 'metallb-ts.io/address',
  mac: 'metallb-ts.io/mac',
  interface: 'metallb-ts.io/interface',
} as const
export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name'

/** Value of an annotation under its new name, else under the legacy one. Present but empty still counts as present. */
export function annotation(
  annotations: Readonly<Record<string, string>> | undefined,
  name: (typeof ANNOTATIONS)[keyof typeof ANNOTATIONS],
): string | undefined {
  return annotations?.[ANNOTATION_PREFIX + name] ?? annotations?.[LEGACY_ANNOTATION_PREFIX + name]
}
