import { isSameJson } from '../../equal.ts'
import type { StructuralSchema } from '../structural.ts'
import { isObject, partsOf, type Part } from './shape.ts'

/** Paths of fields, the elements of each joined by `SEPARATOR`. */
export type FieldSet = ReadonlySet<string>

/** How the API server writes a set: nested, with `.` for a field that is owned besides what is in it. */
export interface FieldsV1 {
  readonly [element: string]: FieldsV1
}

/** No element has one: they are JSON, and names of fields. */
export const SEPARATOR = '\n'

/** Every field that a value says something of, as who applies it comes to own it. */
export function fieldsOf(value: unknown, schema: StructuralSchema): FieldSet {
  const fields = new Set<string>()
  const visit = (value: unknown, schema: StructuralSchema | undefined, path: string): void => {
    const parts = partsOf(value, schema)
    if (parts === undefined || (parts.length === 0 && !Array.isArray(value))) fields.add(path)
    for (const part of parts ?? []) {
      const at = join(path, part.element)
      visit(part.value, part.schema, at)
      if (part.isItem) fields.add(at)
    }
  }
  if (isObject(value) && Object.keys(value).length > 0) visit(value, schema, '')
  return fields
}

export interface Difference {
  /** What was not there, or was another value. */
  readonly set: FieldSet
  readonly removed: FieldSet
}

/** What who updates a value comes to own, and what of others' is no more. */
export function difference(before: unknown, after: unknown, schema: StructuralSchema): Difference {
  const set = new Set<string>()
  const removed = new Set<string>()
  const visit = (before: unknown, after: unknown, schema: StructuralSchema | undefined, path: string): void => {
    if (before === after) return
    const old = before === undefined ? NO_PARTS : partsOf(before, schema)
    const now = after === undefined ? NO_PARTS : partsOf(after, schema)
    const isLeaf = old === undefined || now === undefined || old.length + now.length === 0
    if (!isLeaf)
      for (const { element, part, was, is } of paired(old, now)) visit(was, is, part.schema, join(path, element))
    if (path === '') return
    if (after === undefined) removed.add(path)
    else if (before === undefined || (isLeaf && !isSameJson(before, after))) set.add(path)
  }
  visit(before, after, schema, '')
  return { set, removed }
}

const NO_PARTS: readonly Part[] = []

interface Pair {
  readonly element: string
  /** Of what is there now, or else of what was. */
  readonly part: Part
  readonly was: unknown
  readonly is: unknown
}

/** The same part of both sides, in the order of what is there now; then what is there no more. */
function paired(old: readonly Part[], now: readonly Part[]): readonly Pair[] {
  if (old.length === 0) return now.map(part => ({ element: part.element, part, was: undefined, is: part.value }))
  const known = new Map(old.map(part => [part.element, part]))
  const pairs = now.map((part): Pair => {
    return { element: part.element, part, was: known.get(part.element)?.value, is: part.value }
  })
  for (const { element } of now) known.delete(element)
  for (const part of known.values()) pairs.push({ element: part.element, part, was: part.value, is: undefined })
  return pairs
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  return new Set([...a, ...b])
}

/** The set itself where the others have nothing of it. */
export function without(fields: FieldSet, ...others: readonly FieldSet[]): FieldSet {
  if (!others.some(other => haveCommon(other, fields))) return fields
  return new Set([...fields].filter(path => !others.some(other => other.has(path))))
}

function haveCommon(some: FieldSet, fields: FieldSet): boolean {
  for (const path of some) if (fields.has(path)) return true
  return false
}

/** Remembered both ways: most writes leave most sets as they were, and most objects of a kind have the same fields. */
export function encode(fields: FieldSet): FieldsV1 {
  const known = ENCODED.get(fields)
  if (known !== undefined) return known
  const encoded = alike(fields)
  ENCODED.set(fields, encoded)
  return encoded
}

function alike(fields: FieldSet): FieldsV1 {
  const paths = [...fields].join(SEPARATOR + SEPARATOR)
  const known = ALIKE.get(paths)
  if (known !== undefined) return known
  const encoded = nested(fields)
  DECODED.set(encoded, fields)
  if (ALIKE.size >= MOST_ALIKE) ALIKE.clear()
  ALIKE.set(paths, encoded)
  return encoded
}

export function decode(fields: FieldsV1): FieldSet {
  const known = DECODED.get(fields)
  if (known !== undefined) return known
  const decoded = flat(fields)
  DECODED.set(fields, decoded)
  return decoded
}

const ALIKE = new Map<string, FieldsV1>()
const MOST_ALIKE = 1_000
const ENCODED = new WeakMap<FieldSet, FieldsV1>()
const DECODED = new WeakMap<FieldsV1, FieldSet>()

function nested(fields: FieldSet): FieldsV1 {
  const root: Nested = {}
  for (const path of fields) {
    let at = root
    for (const element of path.split(SEPARATOR)) at = at[element] ??= {}
    at['.'] = {}
  }
  return shortened(root)
}

/** As the API server writes a path in a sentence: `.spec.ports[port=80,protocol="TCP"].name`. */
export function spoken(path: string): string {
  const say = (element: string): string => {
    const name = element.slice(2)
    if (element.startsWith('f:')) return `.${name}`
    if (element.startsWith('v:')) return `[=${name}]`
    const keys = Object.entries(JSON.parse(name) as Record<string, unknown>)
    return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`
  }
  return path.split(SEPARATOR).map(say).join('')
}

interface Nested {
  [element: string]: Nested
}

function flat(fields: FieldsV1): FieldSet {
  const found = new Set<string>()
  const walk = (fields: FieldsV1, path: string): void => {
    const inner = Object.entries(fields)
    if (inner.length === 0 && path !== '') found.add(path)
    for (const [element, part] of inner) {
      if (element === '.') found.add(path)
      else walk(part, join(path, element))
    }
  }
  walk(fields, '')
  return found
}

/** A field that nothing is owned in needs no `.`: an empty one says so. */
function shortened(fields: Nested): FieldsV1 {
  const inner = Object.entries(fields)
  if (inner.length === 1 && inner[0]![0] === '.') return {}
  return Object.fromEntries(inner.map(([element, part]) => [element, element === '.' ? {} : shortened(part)]))
}

/** Remembered: to put two strings together is cheap, to find the long one in a set for the first time is not. */
function join(path: string, element: string): string {
  if (path === '') return element
  const known = JOINED.get(path)?.get(element)
  if (known !== undefined) return known
  if (joined++ >= MOST_JOINED) {
    JOINED.clear()
    joined = 0
  }
  const inner = JOINED.get(path) ?? new Map<string, string>()
  JOINED.set(path, inner)
  const both = `${path}${SEPARATOR}${element}`
  inner.set(element, both)
  return both
}

const JOINED = new Map<string, Map<string, string>>()
const MOST_JOINED = 10_000
let joined = 0
