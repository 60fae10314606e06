import type { StructuralSchema } from '../structural.ts'
import { SEPARATOR, type FieldSet } from './field-set.ts'
import { partsOf } from './shape.ts'

/** A value with what is applied to it: fields and items merge, what is owned whole is replaced. */
export function merged(live: unknown, applied: unknown, schema: StructuralSchema | undefined): unknown {
  const parts = partsOf(applied, schema)
  const known = parts === undefined ? undefined : partsOf(live, schema)
  if (parts === undefined || known === undefined) return applied
  const values = new Map(known.map(({ element, value }) => [element, value]))
  for (const { element, value, schema } of parts) values.set(element, merged(values.get(element), value, schema))
  if (Array.isArray(applied)) return [...values.values()]
  return Object.fromEntries([...values].map(([element, value]) => [element.slice(2), value]))
}

/** A value without fields: those that nobody keeps, and nothing in them either. What they leave empty goes as well. */
export function pruned(value: unknown, fields: FieldSet, kept: FieldSet, schema: StructuralSchema): unknown {
  const isKept = (path: string): boolean =>
    kept.has(path) || [...kept].some(other => other.startsWith(`${path}${SEPARATOR}`))
  const prune = (value: unknown, schema: StructuralSchema | undefined, path: string): unknown => {
    if (path !== '' && fields.has(path) && !isKept(path)) return undefined
    const parts = partsOf(value, schema)
    if (parts === undefined || parts.length === 0) return value
    const left = parts.flatMap(part => {
      const now = prune(part.value, part.schema, path === '' ? part.element : `${path}${SEPARATOR}${part.element}`)
      return now === undefined ? [] : [[part.element.slice(2), now] as const]
    })
    if (left.length === 0 && path !== '') return undefined
    return Array.isArray(value) ? left.map(([, item]) => item) : Object.fromEntries(left)
  }
  return prune(value, schema, '')
}
