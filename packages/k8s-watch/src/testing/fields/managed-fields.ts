import type { StoredObject } from '../object-store.ts'
import { decode, encode, type FieldSet, type FieldsV1 } from './field-set.ts'
import { isObject } from './shape.ts'

/** What one manager owns of an object. */
export interface Owner {
  readonly manager: string
  readonly operation: 'Apply' | 'Update'
  readonly apiVersion: string
  /** RFC 3339, to the second. */
  readonly time?: string
  readonly subresource?: string
  readonly fields: FieldSet
}

/** As `metadata.managedFields` has it. Undefined where there is none, or what is no such list. */
export function ownersOf(object: StoredObject | undefined): readonly Owner[] | undefined {
  const entries = object?.metadata['managedFields']
  if (!Array.isArray(entries)) return undefined
  const owners = (entries as readonly Entry[]).filter(entry => entry?.manager !== undefined)
  return owners.length === 0
    ? undefined
    : owners.map(({ fieldsV1, fieldsType: _always, ...owner }) => ({ ...owner, fields: decode(fieldsV1 ?? {}) }))
}

/** One entry without anything in it: the list is to be forgotten. */
export function isReset({ metadata }: StoredObject): boolean {
  const entries = metadata['managedFields'] as readonly unknown[] | undefined
  const [only] = Array.isArray(entries) && entries.length === 1 ? (entries as readonly unknown[]) : []
  return isObject(only) && Object.keys(only).length === 0
}

/** The object with its owners, in the API server's order. Who owns nothing is none; of very many updaters the oldest are one. */
export function withOwners({ metadata, ...object }: StoredObject, owners: readonly Owner[]): StoredObject {
  const { managedFields: _before, ...kept } = metadata
  const entries = capped(owners.filter(({ fields }) => fields.size > 0))
    .toSorted(inOrder)
    .map(({ fields, ...owner }): Entry => ({ ...owner, fieldsType: 'FieldsV1', fieldsV1: encode(fields) }))
  return { ...object, metadata: { ...kept, ...(entries.length > 0 && { managedFields: entries }) } as never }
}

/** Whether both are the same entry: who applies is the same in every version. */
export function isSameOwner(a: Omit<Owner, 'fields'>, b: Omit<Owner, 'fields'>): boolean {
  return (
    a.manager === b.manager &&
    a.operation === b.operation &&
    a.subresource === b.subresource &&
    (a.operation === 'Apply' || a.apiVersion === b.apiVersion)
  )
}

interface Entry extends Omit<Owner, 'fields'> {
  readonly fieldsType: 'FieldsV1'
  readonly fieldsV1?: FieldsV1
}

const MOST_UPDATERS = 10
const ANCIENT = 'ancient-changes'

/** The oldest updaters of one version become one. */
function capped(owners: readonly Owner[]): readonly Owner[] {
  if (owners.length <= MOST_UPDATERS) return owners
  const updaters = owners.filter(({ operation }) => operation === 'Update').toSorted(inOrder)
  if (updaters.length <= MOST_UPDATERS) return owners
  const [oldest, ...others] = updaters
  const second = others.find(({ apiVersion }) => apiVersion === oldest!.apiVersion)
  if (second === undefined) return owners
  const { subresource: _any, ...first } = oldest!
  const both: Owner = { ...first, manager: ANCIENT, fields: new Set([...first.fields, ...second.fields]) }
  const { time } = second
  const merged = time === undefined ? both : { ...both, time }
  return capped([...owners.filter(owner => owner !== oldest && owner !== second), merged])
}

function inOrder(a: Owner, b: Owner): number {
  return (
    compared(a.operation, b.operation) ||
    compared(a.time, b.time) ||
    compared(a.manager, b.manager) ||
    compared(a.apiVersion, b.apiVersion) ||
    compared(a.subresource, b.subresource)
  )
}

function compared(a = '', b = ''): number {
  return a === b ? 0 : a < b ? -1 : 1
}
