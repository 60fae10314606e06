import type { ServedKind } from '../kinds.ts'
import type { StructuralSchema } from '../structural.ts'

/** A part of a value, as the owners of fields see it. */
export interface Part {
  /** Of `fieldsV1`: `f:name` for a field, `k:{…}` for an item by its keys, `v:…` for one by its value. */
  readonly element: string
  readonly value: unknown
  readonly schema: StructuralSchema | undefined
  /** One of any number of its like: who applies it owns it itself, besides what is in it. */
  readonly isItem: boolean
}

/** What a value consists of; undefined for one that is owned whole: a scalar, and what its schema calls atomic. */
export function partsOf(value: unknown, schema: StructuralSchema | undefined): readonly Part[] | undefined {
  if (Array.isArray(value)) return itemsOf(value, schema)
  if (!isObject(value) || schema?.['x-kubernetes-map-type'] === 'atomic') return undefined
  const { additionalProperties } = schema ?? {}
  const others = typeof additionalProperties === 'object' ? additionalProperties : undefined
  const parts: Part[] = []
  for (const name of Object.keys(value)) {
    const part = value[name]
    if (part === undefined) continue
    const field = schema?.properties?.[name]
    const isItem = field === undefined && others !== undefined
    parts.push({ element: fieldOf(name), value: part, schema: field ?? others, isItem })
  }
  return parts
}

function fieldOf(name: string): string {
  const known = FIELDS.get(name)
  if (known !== undefined) return known
  if (FIELDS.size >= MOST_FIELDS) FIELDS.clear()
  const element = `f:${name}`
  FIELDS.set(name, element)
  return element
}

const FIELDS = new Map<string, string>()
const MOST_FIELDS = 1_000

/** The element by which an item of a list is known; undefined for a list that is owned whole. */
export function elementOf(item: unknown, list: StructuralSchema | undefined): string | undefined {
  const { items, 'x-kubernetes-list-type': type, 'x-kubernetes-list-map-keys': keys = [] } = list ?? {}
  if (type === 'set') return `v:${JSON.stringify(item)}`
  if (type !== 'map' || !isObject(item)) return undefined
  const known = [...keys].sort().map(key => [key, item[key] ?? items?.properties?.[key]?.default])
  return `k:${JSON.stringify(Object.fromEntries(known))}`
}

/** How the fields of a kind are owned: by its schema, or by what is known of a built-in one. Unknown lists are owned whole. */
export function shapeOf({ group, kind, schema }: ServedKind): StructuralSchema {
  const fields = schema ?? (group === '' ? BUILT_IN[kind] : undefined)
  return { ...fields, properties: { ...fields?.properties, metadata: METADATA } }
}

/** Some fields are there even when nothing is in them, more of built-in kinds, and so nobody owns that they are there. */
export function withStructs({ schema, kind }: ServedKind, object: Fields): Fields {
  if (schema !== undefined) return { metadata: {}, ...object }
  const { status = {} } = object
  const inner = kind === 'Service' ? { loadBalancer: {}, ...(status as Fields) } : status
  return { metadata: {}, spec: {}, ...object, status: inner }
}

export type Fields = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function itemsOf(list: readonly unknown[], schema: StructuralSchema | undefined): readonly Part[] | undefined {
  const parts = list.map(value => ({ element: elementOf(value, schema)!, value, schema: schema?.items, isItem: true }))
  const type = schema?.['x-kubernetes-list-type'] ?? 'atomic'
  return type === 'atomic' || parts.some(({ element }) => element === undefined) ? undefined : parts
}

const STRINGS: StructuralSchema = { type: 'object', additionalProperties: { type: 'string' } }
const SET: StructuralSchema = { type: 'array', 'x-kubernetes-list-type': 'set' }
const WHOLE: StructuralSchema = { type: 'object', 'x-kubernetes-map-type': 'atomic' }

function byKeys(keys: readonly string[], items: StructuralSchema = { type: 'object' }): StructuralSchema {
  return { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': keys, items }
}

const METADATA: StructuralSchema = {
  type: 'object',
  properties: { labels: STRINGS, annotations: STRINGS, finalizers: SET, ownerReferences: byKeys(['uid'], WHOLE) },
}

const PORT: StructuralSchema = { type: 'object', properties: { protocol: { type: 'string', default: 'TCP' } } }
const STATUS: StructuralSchema = { type: 'object', properties: { conditions: byKeys(['type']) } }

const BUILT_IN: Readonly<Record<string, StructuralSchema>> = {
  ConfigMap: { properties: { data: STRINGS, binaryData: STRINGS } },
  Secret: { properties: { data: STRINGS } },
  Service: {
    properties: {
      spec: { type: 'object', properties: { ports: byKeys(['port', 'protocol'], PORT), selector: WHOLE } },
      status: STATUS,
    },
  },
  Node: {
    properties: { status: { ...STATUS, properties: { ...STATUS.properties, addresses: byKeys(['type']) } } },
  },
  Pod: {
    properties: { spec: { type: 'object', properties: { containers: byKeys(['name']) } }, status: STATUS },
  },
}
