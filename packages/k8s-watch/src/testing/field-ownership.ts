import { applyPatch } from './patches.ts'
import type { StoredObject } from './object-store.ts'

export type Applied =
  | { readonly ok: true; readonly object: StoredObject }
  /** Fields that others own, and that this would change. */
  | { readonly ok: false; readonly conflicts: readonly { readonly manager: string; readonly field: string }[] }

export interface ApplyOptions {
  readonly manager: string
  readonly force: boolean
  readonly apiVersion: string
}

/**
 * Server-side apply: who applies a field owns it, and what is applied no longer is removed. Lists of objects with a
 * `type` merge by it, other lists are one value. Owners are those who apply; who updates a field takes it from them.
 */
export function applyOwned(before: StoredObject | undefined, patch: StoredObject, options: ApplyOptions): Applied {
  const { manager, force, apiVersion } = options
  const { managedFields: _none, ...metadata } = patch.metadata as Record<string, unknown>
  const wanted = { ...patch, metadata } as unknown as StoredObject
  const paths = pathsOf(ownable(wanted))
  const entries = entriesOf(before)
  const others = entries.filter(entry => entry.manager !== manager)
  const conflicts = others.flatMap(entry =>
    pathsIn(entry)
      .filter(path => paths.includes(path) && valueAt(before, path) !== valueAt(wanted, path))
      .map(path => ({ manager: entry.manager, field: spoken(path) })),
  )
  if (conflicts.length > 0 && !force) return { ok: false, conflicts }
  const kept = others.map(entry => ({
    ...entry,
    fieldsV1: nested(
      pathsIn(entry).filter(path => !paths.includes(path) || valueAt(before, path) === valueAt(wanted, path)),
    ),
  }))
  const mine = entries.find(entry => entry.manager === manager)
  const ownedByOthers = new Set(kept.flatMap(pathsIn))
  const result = structuredClone(applyPatch(before ?? {}, wanted)) as StoredObject
  // From the last field to the first: the first is what finds an item of a list.
  for (const path of mine === undefined ? [] : pathsIn(mine).reverse()) {
    if (!paths.includes(path) && !ownedByOthers.has(path)) removeAt(result, path)
  }
  const entry = { manager, operation: 'Apply', apiVersion, fieldsType: 'FieldsV1', fieldsV1: nested(paths) } as const
  result.metadata['managedFields'] = [...kept.filter(({ fieldsV1 }) => Object.keys(fieldsV1).length > 0), entry]
  return { ok: true, object: result }
}

/** Whoever changes a field without applying takes it from those who applied it. */
export function disowned(before: StoredObject, after: StoredObject): StoredObject {
  const entries = entriesOf(before)
  if (entries.length === 0) return after
  const managedFields = entries
    .map(entry => ({
      ...entry,
      fieldsV1: nested(pathsIn(entry).filter(path => valueAt(before, path) === valueAt(after, path))),
    }))
    .filter(({ fieldsV1 }) => Object.keys(fieldsV1).length > 0)
  return { ...after, metadata: { ...after.metadata, managedFields } }
}

interface FieldsV1 {
  readonly [element: string]: FieldsV1
}

interface Entry {
  readonly manager: string
  readonly operation: 'Apply'
  readonly apiVersion: string
  readonly fieldsType: 'FieldsV1'
  readonly fieldsV1: FieldsV1
}

const SEPARATOR = '\n'

function entriesOf(object: StoredObject | undefined): readonly Entry[] {
  return (object?.metadata['managedFields'] as readonly Entry[] | undefined) ?? []
}

function ownable({ metadata, ...fields }: StoredObject): unknown {
  const { apiVersion: _version, kind: _kind, ...rest } = fields
  const { labels, annotations } = metadata
  return {
    ...rest,
    metadata: { ...(labels !== undefined && { labels }), ...(annotations !== undefined && { annotations }) },
  }
}

function pathsOf(value: unknown, at: readonly string[] = []): string[] {
  if (isObject(value)) return Object.entries(value).flatMap(([key, part]) => pathsOf(part, [...at, `f:${key}`]))
  if (isKeyedList(value)) {
    return value.flatMap(item => pathsOf(item, [...at, `k:${JSON.stringify({ type: item['type'] })}`]))
  }
  return at.length === 0 ? [] : [at.join(SEPARATOR)]
}

function pathsIn({ fieldsV1 }: Pick<Entry, 'fieldsV1'>): string[] {
  const walk = (fields: FieldsV1, at: readonly string[]): string[] =>
    Object.entries(fields).flatMap(([element, inner]) =>
      Object.keys(inner).length === 0 ? [[...at, element].join(SEPARATOR)] : walk(inner, [...at, element]),
    )
  return walk(fieldsV1, [])
}

function nested(paths: readonly string[]): FieldsV1 {
  const root: Record<string, Record<string, never>> = {}
  for (const path of paths) {
    let fields = root
    for (const element of path.split(SEPARATOR)) fields = fields[element] ??= {}
  }
  return root
}

function valueAt(object: unknown, path: string): string | undefined {
  const value = path.split(SEPARATOR).reduce(step, object)
  return value === undefined ? undefined : JSON.stringify(value)
}

function removeAt(object: unknown, path: string): void {
  const elements = path.split(SEPARATOR)
  const last = elements.pop()!
  const parent = elements.reduce(step, object)
  if (isObject(parent)) delete parent[last.slice(2)]
  // An item whose last field went, but for what identifies it, goes too.
  const [list, item] = [elements.slice(0, -1).reduce(step, object), parent]
  if (Array.isArray(list) && isObject(item) && Object.keys(item).length === 0) list.splice(list.indexOf(item), 1)
}

function step(value: unknown, element: string): unknown {
  const name = element.slice(2)
  if (element.startsWith('f:')) return isObject(value) ? value[name] : undefined
  const { type } = JSON.parse(name) as { type: unknown }
  return Array.isArray(value) ? value.find(item => isObject(item) && item['type'] === type) : undefined
}

function spoken(path: string): string {
  return path
    .split(SEPARATOR)
    .map(element => (element.startsWith('f:') ? `.${element.slice(2)}` : `[${element.slice(2)}]`))
    .join('')
}

function isKeyedList(value: unknown): value is readonly Record<string, unknown>[] {
  return (
    Array.isArray(value) && value.length > 0 && value.every(item => isObject(item) && typeof item['type'] === 'string')
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
