import type { StoredObject } from '../object-store.ts'
import type { ServedKind } from '../kinds.ts'
import { difference, fieldsOf, spoken, union, without, type FieldSet } from './field-set.ts'
import { isReset, isSameOwner, ownersOf, withOwners, type Owner } from './managed-fields.ts'
import { merged, pruned } from './merge.ts'
import { shapeOf, withStructs, type Fields } from './shape.ts'

/** Who writes, when, and by which path. */
export interface Writer {
  readonly manager: string
  /** RFC 3339, to the second. */
  readonly time: string
  readonly subresource?: string
}

export interface Conflict {
  readonly owner: Owner
  readonly field: string
}

export type Applied =
  | { readonly ok: true; readonly object: StoredObject }
  /** Fields that others own, and that this would change. */
  | { readonly ok: false; readonly conflicts: readonly Conflict[] }

/**
 * Who updates (POST, PUT, and every patch but an apply) comes to own what it set or changed, and takes that from all others.
 * @param sent as the writer asked for it: it may name other owners than the object has
 */
export function updated(
  kind: ServedKind,
  before: StoredObject | undefined,
  after: StoredObject,
  sent: StoredObject,
  writer: Writer,
): StoredObject {
  if (isReset(sent)) return withOwners(after, [])
  const isByMainPath = writer.subresource === undefined
  const owners = (isByMainPath ? ownersOf(sent) : undefined) ?? ownersOf(before) ?? []
  // What was there before anybody's fields were tracked is nobody's until somebody applies.
  if (owners.length === 0 && before !== undefined) return withOwners(after, [])
  return withOwners(after, taken(kind, owners, before, after, writer))
}

/** Server-side apply: who applies a field owns it, and what is applied no longer, and is nobody else's, is removed. */
export function applied(
  kind: ServedKind,
  before: StoredObject | undefined,
  config: StoredObject,
  { force, ...writer }: Writer & { readonly force: boolean },
): Applied {
  const shape = shapeOf(kind)
  const wanted = reachable(config, writer.subresource)
  const me = { ...writer, operation: 'Apply' as const, apiVersion: versionOf(kind) }
  const owners = ownersOf(before) ?? (before === undefined ? [] : fromBefore(kind, before, writer))
  const others = owners.filter(owner => !isSameOwner(owner, me))
  const mine = owners.find(owner => isSameOwner(owner, me))
  const fields = fieldsOf(ownable(wanted), shape)
  const kept = others.reduce((all, owner) => union(all, owner.fields), fields)
  const whole = merged(before ?? {}, wanted, shape)
  const object = pruned(whole, mine?.fields ?? new Set(), kept, shape) as StoredObject
  const { set, removed } = difference(comparable(kind, before), comparable(kind, object), shape)
  const conflicts = others.flatMap(owner =>
    [...owner.fields].filter(path => set.has(path)).map(path => ({ owner, field: spoken(path) })),
  )
  if (conflicts.length > 0 && !force) return { ok: false, conflicts }
  const isSame = mine !== undefined && set.size + removed.size === 0 && isSameSet(mine.fields, fields)
  const left = others.map(owner => ({ ...owner, fields: without(owner.fields, set, removed) }))
  const owner: Owner = { ...me, ...(isSame && mine.time !== undefined && { time: mine.time }), fields }
  return { ok: true, object: withOwners(object, [...left, owner]) }
}

function taken(
  kind: ServedKind,
  owners: readonly Owner[],
  before: StoredObject | undefined,
  after: StoredObject,
  writer: Writer,
): readonly Owner[] {
  const [old, now] = [before, after].map(object => comparable(kind, writable(kind, object, writer)))
  const { set, removed } = difference(old, now, shapeOf(kind))
  const left = owners.map(owner => ({ ...owner, fields: without(owner.fields, set, removed) }))
  if (set.size === 0) return left
  const me = { ...writer, operation: 'Update' as const, apiVersion: versionOf(kind) }
  const own = owners.find(owner => isSameOwner(owner, me))?.fields ?? new Set<string>()
  return [...left.filter(owner => !isSameOwner(owner, me)), { ...me, fields: union(without(own, removed), set) }]
}

/** Whoever wrote what is there already is known by one name. */
function fromBefore(kind: ServedKind, before: StoredObject, { time }: Writer): readonly Owner[] {
  return taken(kind, [], undefined, before, { manager: 'before-first-apply', time })
}

function comparable(kind: ServedKind, object: StoredObject | undefined): Fields {
  return withStructs(kind, object === undefined ? {} : ownable(object))
}

/** The status of an object is written by its own path only, where it has one. */
function writable(
  { hasStatus }: ServedKind,
  object: StoredObject | undefined,
  { subresource }: Writer,
): StoredObject | undefined {
  if (object === undefined || !hasStatus || subresource !== undefined) return object
  const { status: _elsewhere, ...rest } = object
  return rest as StoredObject
}

/** Without what is the server's own. */
function ownable({ metadata, apiVersion: _version, kind: _kind, ...fields }: StoredObject): Fields {
  const own: Record<string, unknown> = {}
  for (const name of Object.keys(metadata ?? {})) if (!SERVERS_OWN.has(name)) own[name] = metadata[name]
  return Object.keys(own).length > 0 ? { ...fields, metadata: own } : fields
}

const SERVERS_OWN: ReadonlySet<string> = new Set([
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'selfLink',
  'managedFields',
])

/** What can be applied by a path: of the status only the status, and of the object all but that. */
function reachable({ status, ...object }: StoredObject, subresource: string | undefined): StoredObject {
  const { managedFields: _never, ...metadata } = object.metadata
  if (subresource !== 'status') return { ...object, metadata } as StoredObject
  const { name, namespace } = object.metadata
  return { metadata: { name, ...(namespace !== undefined && { namespace }) }, ...(status !== undefined && { status }) }
}

function versionOf({ group, version }: ServedKind): string {
  return group === '' ? version : `${group}/${version}`
}

function isSameSet(a: FieldSet, b: FieldSet): boolean {
  return a.size === b.size && [...a].every(path => b.has(path))
}
