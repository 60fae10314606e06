import type { StoredObject } from './object-store.ts'
import type { StructuralSchema } from './structural.ts'

/** A kind that the server serves. */
export interface ServedKind {
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly kind: string
  readonly namespaced: boolean
  /** Status is written through its own path, and only there. */
  readonly hasStatus: boolean
  /** Of custom resources: prunes and defaults. */
  readonly schema?: StructuralSchema
}

const kind = (
  group: string,
  version: string,
  plural: string,
  name: string,
  namespaced: boolean,
  hasStatus = false,
): ServedKind => ({
  group,
  version,
  plural,
  kind: name,
  namespaced,
  hasStatus,
})

export const BUILT_IN_KINDS: readonly ServedKind[] = [
  kind('', 'v1', 'namespaces', 'Namespace', false, true),
  kind('', 'v1', 'nodes', 'Node', false, true),
  kind('', 'v1', 'services', 'Service', true, true),
  kind('', 'v1', 'pods', 'Pod', true, true),
  kind('', 'v1', 'endpoints', 'Endpoints', true),
  kind('', 'v1', 'events', 'Event', true),
  kind('', 'v1', 'secrets', 'Secret', true),
  kind('', 'v1', 'configmaps', 'ConfigMap', true),
  kind('', 'v1', 'serviceaccounts', 'ServiceAccount', true),
  kind('apps', 'v1', 'deployments', 'Deployment', true, true),
  kind('apps', 'v1', 'daemonsets', 'DaemonSet', true, true),
  kind('discovery.k8s.io', 'v1', 'endpointslices', 'EndpointSlice', true),
  kind('events.k8s.io', 'v1', 'events', 'Event', true),
  kind('coordination.k8s.io', 'v1', 'leases', 'Lease', true),
  kind('apiextensions.k8s.io', 'v1', 'customresourcedefinitions', 'CustomResourceDefinition', false, true),
  kind(
    'admissionregistration.k8s.io',
    'v1',
    'validatingwebhookconfigurations',
    'ValidatingWebhookConfiguration',
    false,
  ),
  kind('rbac.authorization.k8s.io', 'v1', 'clusterroles', 'ClusterRole', false),
  kind('rbac.authorization.k8s.io', 'v1', 'clusterrolebindings', 'ClusterRoleBinding', false),
  kind('rbac.authorization.k8s.io', 'v1', 'roles', 'Role', true),
  kind('rbac.authorization.k8s.io', 'v1', 'rolebindings', 'RoleBinding', true),
]

/** What a server of an older Kubernetes serves: EndpointSlices from 1.21, their beta from 1.17 to 1.24. */
export function kindsOfRelease(minor: number): readonly ServedKind[] {
  const slices = kind('discovery.k8s.io', 'v1beta1', 'endpointslices', 'EndpointSlice', true)
  const others = BUILT_IN_KINDS.filter(({ group }) => group !== 'discovery.k8s.io')
  return [...(minor >= 21 ? BUILT_IN_KINDS : others), ...(minor >= 17 && minor < 25 ? [slices] : [])]
}

/** The kinds that a CustomResourceDefinition brings. */
export function kindsOfDefinition(definition: StoredObject): readonly ServedKind[] {
  const spec = definition['spec'] as {
    group: string
    scope: string
    names: { plural: string; kind: string }
    versions: readonly {
      name: string
      served: boolean
      subresources?: { status?: object }
      schema?: { openAPIV3Schema?: StructuralSchema }
    }[]
  }
  return spec.versions
    .filter(({ served }) => served)
    .map(({ name, subresources, schema }) => ({
      ...kind(
        spec.group,
        name,
        spec.names.plural,
        spec.names.kind,
        spec.scope === 'Namespaced',
        subresources?.status !== undefined,
      ),
      ...(schema?.openAPIV3Schema !== undefined && { schema: schema.openAPIV3Schema }),
    }))
}

/** Where objects of a kind are kept: versions of one kind share them. */
export function collectionOf({ group, plural }: Pick<ServedKind, 'group' | 'plural'>): string {
  return group === '' ? plural : `${plural}.${group}`
}
