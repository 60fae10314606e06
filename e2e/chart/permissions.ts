import type { KubeRequest, KubeTransport } from '@metallb-ts/k8s-watch'
import type { PolicyRule } from '@metallb-ts/k8s-watch/testing'
import type { Rendered } from '@metallb-ts/tools/chart/helm'

interface Rule {
  readonly apiGroups?: readonly string[]
  readonly resources?: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly verbs: readonly string[]
}

interface Binding {
  readonly roleRef: { readonly kind: string; readonly name: string }
  readonly subjects: readonly { readonly kind: string; readonly name: string }[]
}

/** What the bindings allow a service account, as the fake API server takes it. */
export function rulesFor(objects: readonly Rendered[], account: string): readonly PolicyRule[] {
  return objects
    .filter(({ kind }) => kind === 'ClusterRoleBinding' || kind === 'RoleBinding')
    .flatMap(binding => {
      const { roleRef, subjects } = binding as unknown as Binding
      if (!subjects.some(({ name }) => name === account)) return []
      const role = objects.find(({ kind, metadata: { name } }) => kind === roleRef.kind && name === roleRef.name)
      const { namespace } = binding.metadata
      return (role?.['rules'] as readonly Rule[]).map(({ verbs, apiGroups = [], resources = [], resourceNames }) => ({
        verbs,
        apiGroups,
        resources,
        ...(resourceNames !== undefined && { resourceNames }),
        ...(namespace !== undefined && { namespaces: [namespace] }),
      }))
    })
}

/** `patch services/status`, with the namespace where that is the only one. */
export function permissionsOf(rules: readonly PolicyRule[]): ReadonlySet<string> {
  const all = rules.flatMap(({ verbs, apiGroups, resources, namespaces }) =>
    verbs.flatMap(verb =>
      apiGroups.flatMap(group => resources.map(resource => permission(verb, group, resource, namespaces?.[0]))),
    ),
  )
  return new Set(all)
}

/** A transport that notes which permission every request needs. */
export function noting(inner: KubeTransport, namespace: string, used: Set<string>): KubeTransport {
  return {
    request: request => {
      if (DISCOVERY.test(request.path)) return inner.request(request)
      used.add(permissionFor(request, namespace))
      if (mayCreate(request)) used.add(permissionFor({ ...request, method: 'POST' }, namespace))
      return inner.request(request)
    },
    close: () => inner.close(),
  }
}

/** Of one group and version, which everybody may read whom the API server knows (`system:discovery`). */
const DISCOVERY = /^\/(?:api|apis\/[^/]+)\/v[^/]+$/

/** What is applied is created where it is not there, which needs that permission as well. */
function mayCreate({ method, headers, path }: KubeRequest): boolean {
  const isApplied = headers?.['content-type'] === 'application/apply-patch+yaml'
  return method === 'PATCH' && isApplied && !path.endsWith('/status')
}

function permissionFor({ method, path, query }: KubeRequest, own: string): string {
  const [, group = '', namespace, resource = '', name, subresource] =
    /^\/(?:api|apis\/([^/]+))\/v[^/]+(?:\/namespaces\/([^/]+)(?=\/))?\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(
      path,
    ) ?? []
  const verb = method === 'GET' ? readVerb(query, name) : WRITE_VERBS[method]
  const what = subresource === undefined ? resource : `${resource}/${subresource}`
  return permission(verb, group, what, namespace === own ? own : undefined)
}

function readVerb(query: KubeRequest['query'], name: string | undefined): string {
  if (['1', 'true'].includes(query?.['watch'] ?? '')) return 'watch'
  return name === undefined ? 'list' : 'get'
}

const WRITE_VERBS = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' } as const

function permission(verb: string, group: string, resource: string, namespace?: string): string {
  const what = group === '' ? resource : `${resource} of ${group}`
  return `${verb} ${what}${namespace === undefined ? '' : ` in ${namespace}`}`
}
