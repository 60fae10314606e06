// Writes the pages of docs that are made from source.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { renderChart } from '@metallb-ts/tools/chart/helm'
import { ROOT } from '@metallb-ts/tools/run'
import { metricsPage, type Alert } from './metrics.ts'
import { valuesPage } from './values.ts'

/** Every generated page, by its path in the repository. */
export async function pages(): Promise<ReadonlyMap<string, string>> {
  const options = { ...(await resolveConfig(join(ROOT, 'package.json'))), parser: 'markdown' }
  const written = [
    ['docs/values.md', valuesPage()],
    ['docs/metrics.md', metricsPage(await alerts())],
  ] as const
  return new Map(await Promise.all(written.map(async ([path, text]) => [path, await format(text, options)] as const)))
}

async function alerts(): Promise<readonly Alert[]> {
  const rendered = await renderChart({ values: { prometheus: { prometheusRule: { enabled: true } } } })
  const { spec } = rendered.find(({ kind }) => kind === 'PrometheusRule') as unknown as {
    spec: { groups: readonly { rules: readonly Alert[] }[] }
  }
  return spec.groups.flatMap(({ rules }) => rules)
}

if (import.meta.main) for (const [path, text] of await pages()) writeFileSync(join(ROOT, path), text)
