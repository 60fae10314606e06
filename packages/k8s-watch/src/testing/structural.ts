/** The part of an OpenAPI v3 schema that pruning, defaulting, checking and the owners of fields need. */
export interface StructuralSchema {
  readonly type?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly maximum?: number
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, StructuralSchema>>
  readonly additionalProperties?: StructuralSchema | boolean
  readonly items?: StructuralSchema
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map'
  readonly 'x-kubernetes-list-map-keys'?: readonly string[]
  readonly 'x-kubernetes-map-type'?: 'atomic' | 'granular'
}

/** A value without the fields that the schema does not know, and with the defaults of those that are absent. */
export function pruneAndDefault(value: unknown, schema: StructuralSchema, isRoot = true): unknown {
  if (Array.isArray(value))
    return schema.items === undefined ? value : value.map(item => pruneAndDefault(item, schema.items!, false))
  if (typeof value !== 'object' || value === null || schema.type !== 'object') return value
  const { properties, additionalProperties } = schema
  if (properties === undefined) {
    if (typeof additionalProperties !== 'object')
      return isRoot
        ? value
        : Object.keys(value).length > 0 &&
            additionalProperties === undefined &&
            schema['x-kubernetes-preserve-unknown-fields'] !== true
          ? {}
          : value
    return Object.fromEntries(
      Object.entries(value).map(([key, part]) => [key, pruneAndDefault(part, additionalProperties, false)]),
    )
  }
  const result: Record<string, unknown> = {}
  for (const [key, part] of Object.entries(value)) {
    if (isRoot && key === 'metadata') result[key] = part
    else if (Object.hasOwn(properties, key) && part !== null)
      result[key] = pruneAndDefault(part, properties[key]!, false)
  }
  for (const [key, property] of Object.entries(properties)) {
    if (result[key] === undefined && property.default !== undefined) result[key] = structuredClone(property.default)
  }
  return result
}

/** What the schema forbids, a sentence each, as the API server says it. CEL rules are not run. */
export function schemaProblems(value: unknown, schema: StructuralSchema, path = ''): string[] {
  if (value === undefined || path === 'metadata') return []
  const at = path === '' ? '<root>' : path
  if (!hasType(value, schema.type))
    return [`${at}: Invalid value: must be of type ${schema.type}: ${JSON.stringify(typeof value)}`]
  const problems: string[] = []
  if (schema.enum !== undefined && !schema.enum.includes(value))
    problems.push(`${at}: Unsupported value: ${JSON.stringify(value)}`)
  if (typeof value === 'number') {
    if (schema.minimum !== undefined && value < schema.minimum)
      problems.push(`${at}: Invalid value: should be greater than or equal to ${schema.minimum}`)
    if (schema.maximum !== undefined && value > schema.maximum)
      problems.push(`${at}: Invalid value: should be less than or equal to ${schema.maximum}`)
  }
  if (Array.isArray(value)) {
    return [
      ...problems,
      ...value.flatMap((item, i) =>
        schema.items === undefined ? [] : schemaProblems(item, schema.items, `${path}[${i}]`),
      ),
    ]
  }
  if (typeof value !== 'object' || value === null) return problems
  const fields = value as Record<string, unknown>
  for (const name of schema.required ?? [])
    if (fields[name] === undefined) problems.push(`${join(path, name)}: Required value`)
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (path === '' && name === 'metadata') continue
    problems.push(...schemaProblems(fields[name], property, join(path, name)))
  }
  return problems
}

function hasType(value: unknown, type: string | undefined): boolean {
  switch (type) {
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value)
    case 'array':
      return Array.isArray(value)
    case 'integer':
      return Number.isInteger(value)
    case 'string':
    case 'boolean':
    case 'number':
      return typeof value === type
    default:
      return true
  }
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}
