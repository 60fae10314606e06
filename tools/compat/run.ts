// Runs the cluster suite on other releases of Kubernetes, built from their modules, and writes docs/compatibility.md.
// RELEASES=1.29.6,1.37.2: only these; what earlier runs said of the others stays in the table.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { versionOf } from '../envtest/index.ts'
import { exitOnSignals, ROOT, runTool } from '../run.ts'
import { readVitest } from '../test-results.ts'
import { buildRelease } from './release.ts'
import { PAGE, page, RESULTS, type Verdict } from './page.ts'

exitOnSignals()

/** The last of each minor release that its module proxy has. */
const RELEASES = ['1.29.6', '1.30.14', '1.31.14', '1.32.13', '1.33.13', '1.34.4', '1.35.4', '1.36.3', '1.37.2']

/** What touches the API server: definitions, watches, statuses, RBAC, webhooks, the chart, the data path. */
const SUITE = [
  'e2e/lab/test/kubernetes.lab.test.ts',
  'e2e/lab/test/custom-resources.lab.test.ts',
  'e2e/lab/test/webhooks.lab.test.ts',
  'e2e/chart/install.lab.test.ts',
  'e2e/chart/migration.lab.test.ts',
  'e2e/chart/first-answer.lab.test.ts',
]

const asked = (process.env['RELEASES'] ?? '').split(',').filter(text => text !== '')
const verdicts = new Map<string, Verdict>(
  existsSync(RESULTS) ? (JSON.parse(readFileSync(RESULTS, 'utf8')) as Verdict[]).map(one => [one.release, one]) : [],
)
for (const release of asked.length === 0 ? RELEASES : asked) {
  const verdict = await tried(release)
  verdicts.set(release, verdict)
  console.log(`${release}: ${verdict.problem ?? `${verdict.passed} passed, ${verdict.failed.length} failed`}`)
  for (const name of verdict.failed) console.log(`  ${name}`)
  const all = [...verdicts.values()].sort((a, b) => a.release.localeCompare(b.release, undefined, { numeric: true }))
  writeFileSync(RESULTS, `${JSON.stringify(all, undefined, 2)}\n`)
  writeFileSync(PAGE, await page(all))
}
if ([...verdicts.values()].some(({ failed }) => failed.length > 0)) process.exitCode = 1

async function tried(release: string): Promise<Verdict> {
  const built = buildRelease(release, line => console.log(line))
  if (!built.ok) return { release, passed: 0, failed: [], skipped: [], problem: built.reason }
  mkdirSync(join(ROOT, '.cache'), { recursive: true })
  const report = join(ROOT, '.cache', `compat-${release}.json`)
  const env = { KUBEBUILDER_ASSETS: built.folder }
  const args = ['run', '--project', 'lab', ...SUITE, '--reporter=json', `--outputFile=${report}`]
  await runTool('vitest', args, { env })
  const results = readVitest(report, release)
  const named = (state: string): readonly string[] =>
    results.filter(result => result.state === state).map(({ name }) => name)
  return {
    release: versionOf(built.folder, 'kube-apiserver').replace('Kubernetes v', ''),
    passed: named('passed').length,
    failed: named('failed'),
    skipped: named('skipped'),
  }
}
