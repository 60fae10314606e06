// Runs every check there is, lane by lane, and ends with the count. `LANES=unit,sim` runs some of them.
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { findBinaries } from './envtest/index.ts'
import { exitOnSignals, ROOT, runTool, type Finished } from './run.ts'
import { keepResults, readVitest, type TestResult } from './test-results.ts'

exitOnSignals()

const LINES_OF_FAILURE = 80

interface Lane {
  readonly name: string
  readonly run: () => Promise<readonly TestResult[]>
}

const LANES: readonly Lane[] = [
  check('format', () => runTool('prettier', ['--check', '.'])),
  check('types', () => runTool('nx', ['run-many', '-t', 'types', '--parallel=2', '--outputStyle=static'])),
  check('lint', () => runTool('nx', ['run-many', '-t', 'lint', '--parallel=2', '--outputStyle=static'])),
  vitest('unit'),
  vitest('sim'),
  check('boundary canary', () => runTool('node', ['tools/boundary-canary.ts'])),
  check('packages', () => runTool('node', ['tools/check-packages.ts'])),
  check('release', () => runTool('node', ['tools/release/rehearse.ts'])),
  vitest('interop', controlPlaneBuilt),
  vitest('chart', controlPlaneBuilt),
  vitest('lab', controlPlaneBuilt),
  check('demo', () =>
    runTool('node', ['--conditions=development', 'e2e/lab/src/demo/main.ts'], { env: { API: 'embedded' } }),
  ),
  {
    name: 'demo on a real API server',
    run: async () => {
      await controlPlaneBuilt()
      const found = findBinaries()
      const lane = 'demo on a real API server'
      if (!found.ok) return [skipped(lane, found.reason)]
      return [
        judged(
          lane,
          await runTool('node', ['--conditions=development', 'e2e/lab/src/demo/main.ts'], { env: { API: 'real' } }),
        ),
      ]
    },
  },
]

let controlPlane: Promise<Finished> | undefined

/** The build of the control plane goes on beside the lanes that do not need it. */
function controlPlaneBuilt(): Promise<Finished> {
  controlPlane ??= runTool('nice', ['node', 'tools/envtest/build.ts']).then(built => {
    if (built.code !== 0) console.log(built.output.trim())
    return built
  })
  return controlPlane
}

const asked = (process.env['LANES'] ?? '').split(',').filter(name => name !== '')
const lanes = asked.length === 0 ? LANES : LANES.filter(({ name }) => asked.includes(name))
const unknown = asked.filter(name => !LANES.some(lane => lane.name === name))
if (unknown.length > 0) {
  console.error(`no lane is called ${unknown.join(', ')}; there are ${LANES.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}

if (lanes.some(({ name }) => ['interop', 'chart', 'lab', 'demo on a real API server'].includes(name)))
  void controlPlaneBuilt()
const results: TestResult[] = []
for (const { name, run } of lanes) {
  const startedAt = Date.now()
  const found = await run()
  results.push(...found)
  const count = (state: TestResult['state']): number => found.filter(result => result.state === state).length
  const skips = count('skipped') > 0 ? `, ${count('skipped')} skipped` : ''
  console.log(
    `${name.padEnd(28)} ${count('passed')} passed, ${count('failed')} failed${skips}  (${Math.round((Date.now() - startedAt) / 1_000)} s)`,
  )
  for (const { state, file, name } of found) if (state !== 'passed') console.log(`  ${state}: ${file} ${name}`)
}
keepResults(
  lanes.map(({ name }) => name),
  results,
)

const total = (state: TestResult['state']): number => results.filter(result => result.state === state).length
const [passed, failed, skips] = [total('passed'), total('failed'), total('skipped')]
console.log(`${passed} passed, ${failed} failed${skips > 0 ? `, ${skips} skipped` : ''}`)
process.exit(failed > 0 || passed === 0 ? 1 : 0)

function check(name: string, run: () => Promise<Finished>): Lane {
  return { name, run: async () => [judged(name, await run())] }
}

function judged(lane: string, { code, output }: Finished): TestResult {
  if (code !== 0) console.log(output.split('\n').slice(-LINES_OF_FAILURE).join('\n'))
  return { lane, file: '', name: lane, state: code === 0 ? 'passed' : 'failed' }
}

function skipped(lane: string, reason: string): TestResult {
  return { lane, file: '', name: reason, state: 'skipped' }
}

function vitest(lane: string, before?: () => Promise<unknown>): Lane {
  return {
    name: lane,
    run: async () => {
      await before?.()
      const folder = join(ROOT, '.cache')
      mkdirSync(folder, { recursive: true })
      const report = join(folder, `vitest-${lane}.json`)
      rmSync(report, { force: true })
      const { code, output } = await runTool('vitest', [
        'run',
        '--project',
        lane,
        '--passWithNoTests',
        '--reporter=json',
        `--outputFile=${report}`,
        '--reporter=default',
      ])
      try {
        const results = readVitest(report, lane)
        const isClean = results.every(({ state }) => state !== 'failed')
        if (code !== 0) console.log(output.split('\n').slice(-LINES_OF_FAILURE).join('\n'))
        // Vitest also fails for what belongs to no test, such as an error after the last one.
        return code !== 0 && isClean
          ? [...results, { lane, file: '', name: 'an error outside of tests', state: 'failed' }]
          : results
      } catch {
        console.log(output)
        return [{ lane, file: '', name: 'vitest wrote no report', state: 'failed' }]
      }
    },
  }
}
