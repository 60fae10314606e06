/** Which kind of objects, and where the API server keeps them. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string
  readonly version: string
  /** As in paths: `endpointslices`. */
  readonly plural: string
  readonly kind: string
  readonly namespaced: boolean
}

/** Any object as the API server sends it: fields that we do not know stay on it. */
export interface KubeObject {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly uid?: string
    readonly resourceVersion?: string
    readonly generation?: number
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
    readonly creationTimestamp?: string
    readonly deletionTimestamp?: string
  }
}

/** `namespace/name`, or the name alone of an object without a namespace. */
export function objectKey({ metadata: { namespace, name } }: Pick<KubeObject, 'metadata'>): string {
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`
}

/** The parts of a key. */
export function splitKey(key: string): { readonly namespace?: string; readonly name: string } {
  const slash = key.indexOf('/')
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}

export function apiVersion({ group, version }: Resource): string {
  return group === '' ? version : `${group}/${version}`
}

/** Path of the objects of a resource, of one namespace or of all. */
export function collectionPath(resource: Resource, namespace?: string): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`
  const within = resource.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : ''
  return `${root}${within}/${resource.plural}`
}

export function objectPath(resource: Resource, key: string, subresource?: string): string {
  const { namespace, name } = splitKey(key)
  return `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}${subresource === undefined ? '' : `/${subresource}`}`
}

const core = (plural: string, kind: string, namespaced = true): Resource => ({
  group: '',
  version: 'v1',
  plural,
  kind,
  namespaced,
})

export const SERVICES: Resource = core('services', 'Service')
export const NODES: Resource = core('nodes', 'Node', false)
export const NAMESPACES: Resource = core('namespaces', 'Namespace', false)
export const PODS: Resource = core('pods', 'Pod')
export const SECRETS: Resource = core('secrets', 'Secret')
export const CONFIG_MAPS: Resource = core('configmaps', 'ConfigMap')
export const EVENTS: Resource = core('events', 'Event')
export const ENDPOINT_SLICES: Resource = {
  group: 'discovery.k8s.io',
  version: 'v1',
  plural: 'endpointslices',
  kind: 'EndpointSlice',
  namespaced: true,
}
export const LEASES: Resource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
}
export const CUSTOM_RESOURCE_DEFINITIONS: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}
