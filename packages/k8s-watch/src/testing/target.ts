import type { ServedKind } from './kinds.ts'

/** What the path of a request speaks of. */
export interface Target {
  readonly kind: ServedKind
  readonly namespace?: string
  readonly name?: string
  readonly subresource?: string
}

/** The target of a path, or undefined when nothing is served there. */
export function targetOf(path: string, kinds: ReadonlyMap<string, ServedKind>): Target | undefined {
  const found = path.split('/').filter(part => part !== '')
  const parts = path.includes('%') ? found.map(decodeURIComponent) : found
  const isCore = parts[0] === 'api'
  if (!isCore && parts[0] !== 'apis') return undefined
  const [group, version] = isCore ? ['', parts[1]] : [parts[1], parts[2]]
  let rest = parts.slice(isCore ? 2 : 3)
  let namespace: string | undefined
  if (rest[0] === 'namespaces' && rest.length > 2) [namespace, rest] = [rest[1], rest.slice(2)]
  const kind = kinds.get(placeOf({ group: group ?? '', version: version ?? '', plural: rest[0] ?? '' }))
  if (kind === undefined || rest.length > 3) return undefined
  return {
    kind,
    ...(namespace !== undefined && { namespace }),
    ...(rest[1] !== undefined && { name: rest[1] }),
    ...(rest[2] !== undefined && { subresource: rest[2] }),
  }
}

/** The kinds by where they are served; of two in one place the first. */
export function byPlace(kinds: readonly ServedKind[]): ReadonlyMap<string, ServedKind> {
  return new Map(kinds.toReversed().map(kind => [placeOf(kind), kind]))
}

function placeOf({ group, version, plural }: Pick<ServedKind, 'group' | 'version' | 'plural'>): string {
  return `${group}/${version}/${plural}`
}

/** Where its object is kept. */
export function keyOf({ namespace, name = '' }: Pick<Target, 'namespace' | 'name'>): string {
  return namespace === undefined ? name : `${namespace}/${name}`
}
