import { failure, type Answer } from './answers.ts'
import type { Target } from './target.ts'

/** Who may do what, as a rule of a Role says it. `*` matches everything. */
export interface PolicyRule {
  readonly verbs: readonly string[]
  readonly apiGroups: readonly string[]
  /** `services`, or `services/status`. */
  readonly resources: readonly string[]
  readonly resourceNames?: readonly string[]
  /** A Role's rules hold in its namespace only. @default everywhere */
  readonly namespaces?: readonly string[]
}

export interface FakeUser {
  readonly token: string
  readonly name: string
  readonly rules: readonly PolicyRule[]
}

/** Why a request is not answered; undefined when it may be. Without users everybody may do everything. */
export function refusal(
  users: readonly FakeUser[],
  authorization: string | undefined,
  verb: string,
  target: Target,
): Answer | undefined {
  if (users.length === 0) return undefined
  const user = users.find(({ token }) => authorization === `Bearer ${token}`)
  if (user === undefined) return failure(401, 'Unauthorized', 'Unauthorized')
  if (user.rules.some(rule => allows(rule, verb, target))) return undefined
  const { kind, namespace, name, subresource } = target
  const resource = resourceOf(target)
  const which = name === undefined ? kind.plural : `${kind.plural} "${name}"`
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`
  const of = kind.group === '' ? which : which.replace(kind.plural, `${kind.plural}.${kind.group}`)
  return failure(
    403,
    'Forbidden',
    `${of} is forbidden: User "${user.name}" cannot ${verb} resource "${subresource === undefined ? kind.plural : resource}" in API group "${kind.group}" ${where}`,
  )
}

export function verbOf(method: string, target: Target, isWatch: boolean): string {
  if (method === 'GET') return isWatch ? 'watch' : target.name === undefined ? 'list' : 'get'
  return { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }[method] ?? method.toLowerCase()
}

function allows(rule: PolicyRule, verb: string, target: Target): boolean {
  const has = (list: readonly string[], item: string): boolean => list.includes('*') || list.includes(item)
  return (
    has(rule.verbs, verb) &&
    has(rule.apiGroups, target.kind.group) &&
    has(rule.resources, resourceOf(target)) &&
    (rule.resourceNames === undefined || (target.name !== undefined && rule.resourceNames.includes(target.name))) &&
    (rule.namespaces === undefined || (target.namespace !== undefined && rule.namespaces.includes(target.namespace)))
  )
}

function resourceOf({ kind, subresource }: Target): string {
  return subresource === undefined ? kind.plural : `${kind.plural}/${subresource}`
}
