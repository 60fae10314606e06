import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CHART, renderChart, renderNotes, type Rendered } from '@metallb-ts/tools/chart/helm'
import { METALLB_VALUES, type MetallbValue } from './metallb-values.ts'
import { DEFAULTS, helm, valueAt, where, withValue } from './support.ts'

interface Schema {
  readonly $ref?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly definitions?: Readonly<Record<string, Schema>>
}

const schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8')) as Schema
const all = Object.entries(METALLB_VALUES)

/** What the schema says of a path; undefined where it does not know it. Below an object of free form it knows everything. */
function known(path: string): Schema | undefined {
  let at: Schema | undefined = schema
  for (const key of path.split('.')) {
    if (at?.properties === undefined) return at
    at = resolved(at.properties[key])
  }
  return at
}

function resolved(part: Schema | undefined): Schema | undefined {
  return part?.$ref === undefined ? part : resolved(schema.definitions?.[part.$ref.replace('#/definitions/', '')])
}

describe('values', () => {
  it('[row 109] every value of MetalLB’s chart is known to the schema', () => {
    expect(all.filter(([path]) => known(path) === undefined)).toEqual([])
    expect(all.length).toBeGreaterThan(150)
  })

  it('[row 109] defaults are those of MetalLB’s chart, but for those that say why', () => {
    const found = all.map(([path]) => [path, valueAt(path, DEFAULTS)])
    const expected = all.map(([path, { is, here }]) => [path, here === undefined ? is : here.is])
    expect(found).toEqual(expected)
  })
})

describe.skipIf(!helm.ok)(`values, rendered (${where})`, () => {
  const baselines = new Map<string, Promise<readonly Rendered[]>>()

  function baseline(values: object): Promise<readonly Rendered[]> {
    const key = JSON.stringify(values)
    const before = baselines.get(key) ?? renderChart({ values })
    baselines.set(key, before)
    return before
  }

  async function isHonoured(path: string, { other, besides = {} }: MetallbValue): Promise<boolean> {
    const [before, after] = await Promise.all([
      baseline(besides),
      renderChart({ values: withValue(path, other, besides) }),
    ])
    return JSON.stringify(before) !== JSON.stringify(after)
  }

  async function ignored(paths: readonly string[]): Promise<readonly string[]> {
    const found: string[] = []
    for (const path of paths) if (!(await isHonoured(path, METALLB_VALUES[path]!))) found.push(path)
    return found
  }

  const meant = all.filter(([path, value]) => value.withoutMeaning === undefined && path !== 'crds.enabled')
  const sections = Map.groupBy(meant, ([path]) => /^(controller|speaker|prometheus)\./.exec(path)?.[1] ?? 'the others')

  it.each([...sections.keys()])(
    '[row 109] another value of %s changes what is installed',
    { timeout: MANY_RENDERS_MS },
    async section => {
      expect(await ignored(sections.get(section)!.map(([path]) => path))).toEqual([])
    },
  )

  it('[row 109] crds.enabled brings the definitions, or does not', async () => {
    const kinds = async (crds: boolean): Promise<number> =>
      (await renderChart({ crds })).filter(({ kind }) => kind === 'CustomResourceDefinition').length
    expect([await kinds(true), await kinds(false)]).toEqual([10, 0])
  })

  it('[row 109] what means nothing without FRR changes nothing, and is named to who installs', async () => {
    const idle = all.filter(([, value]) => value.withoutMeaning)
    const values = idle.reduce((given, [path, { other }]) => withValue(path, other, given), {})
    expect(await renderChart({ values })).toEqual(await baseline({}))
    const notes = await renderNotes(values)
    const named = (path: string): boolean => notes.includes(`  ${path.replace(/^(speaker\.startupProbe).*/, '$1')}\n`)
    expect(idle.filter(([path]) => !named(path)).map(([path]) => path)).toEqual([])
    expect(await renderNotes()).not.toContain('mean nothing')
  })

  it('[row 109] values of older charts are taken, and named', async () => {
    const prometheus = { secureMetricsPort: 9120, rbacProxy: { repository: 'proxy' }, speakerMetricsTLSSecret: 'a' }
    const values = { prometheus, psp: { create: false }, speaker: { frr: { secureMetricsPort: 9121 } } }
    expect(await renderChart({ values })).toEqual(await baseline({}))
    const notes = await renderNotes(values)
    for (const path of ['prometheus.secureMetricsPort', 'prometheus.rbacProxy', 'psp', 'speaker.frr.secureMetricsPort'])
      expect(notes).toContain(`  ${path}\n`)
  })

  it('[row 109] a chart above may give globals and its condition', async () => {
    expect(await renderChart({ values: { global: { a: 'b' }, enabled: true } })).toEqual(await baseline({}))
  })
})

const MANY_RENDERS_MS = 180_000
