import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { CHART } from '@metallb-ts/tools/chart/helm'
import { MEANINGS } from './meanings.ts'

/** docs/values.md: every value of the chart, from values.yaml and its schema. Throws for one that nobody has described. */
export function valuesPage(): string {
  const defaults = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as object
  const schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8')) as Schema
  const rows = leaves(defaults).map(([path, value]) => {
    const kind = kindOf(schema, path)
    return `| \`${path}\` | ${cell(kind)} | ${value === null ? '' : `\`${cell(JSON.stringify(value))}\``} | ${meaningOf(path)} |`
  })
  return [INTRODUCTION, '| Value | Kind | Default | Meaning |', '| --- | --- | --- | --- |', ...rows, ''].join('\n')
}

const INTRODUCTION = `# Values of the chart

Written by \`e2e/chart/docs/write.ts\` from \`charts/metallb\`. What is other than in MetalLB's chart:
[its README](../charts/metallb/README.md). The schema refuses what is not of its kind, and names that are no value.
`

export function meaningOf(path: string): string {
  const found = MEANINGS.filter(([pattern]) => pattern.test(path))
  if (found.length !== 1) throw new Error(`${path} has ${found.length} meanings in e2e/chart/docs/meanings.ts`)
  return found[0]![1]
}

/** Paths of what is no map, or an empty one. */
export function leaves(values: object, prefix = ''): readonly (readonly [path: string, value: unknown])[] {
  return Object.entries(values).flatMap(([key, value]: [string, unknown]) => {
    const path = prefix === '' ? key : `${prefix}.${key}`
    const isMap = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isMap && Object.keys(value).length > 0 ? leaves(value, path) : [[path, value] as const]
  })
}

export function defaultsOfChart(): object {
  return parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as object
}

interface Schema {
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly maximum?: number
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema | boolean
  readonly definitions?: Readonly<Record<string, Schema>>
  readonly $ref?: string
}

function kindOf(root: Schema, path: string): string {
  const resolved = (schema: Schema | undefined): Schema =>
    schema?.$ref === undefined ? (schema ?? {}) : resolved(root.definitions?.[schema.$ref.split('/').at(-1)!])
  const schema = path.split('.').reduce((at, key) => {
    const { properties, additionalProperties } = resolved(at)
    return properties?.[key] ?? (typeof additionalProperties === 'object' ? additionalProperties : {})
  }, root)
  const { type, enum: choices, minimum, maximum } = resolved(schema)
  if (choices !== undefined)
    return choices
      .filter(one => one !== '' && one !== null)
      .map(one => `\`${String(one)}\``)
      .join(', ')
  const types = (typeof type === 'string' ? [type] : (type ?? [])).filter(one => one !== 'null')
  const range = minimum === undefined ? '' : ` ${minimum}${maximum === undefined ? ' or more' : ` to ${maximum}`}`
  return `${types.map(one => (one === 'string' ? 'text' : one)).join(' or ')}${range}`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
