// Runs every `bench/*.bench.ts` of the repository, one after the other, and writes docs/benchmarks: a report that names a
// page stands there, any other in README.md. `ONLY=ipam` for some, `LIMIT_MINUTES=40` where one takes longer than 25.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { exitOnSignals, ROOT, runTool } from './run.ts'

exitOnSignals()

type Row = Readonly<Record<string, string | number>>

interface Report {
  readonly benchmark: string
  /** Of docs/benchmarks, without its ending. @default README */
  readonly page?: string
  readonly rows: readonly Row[]
}

interface Measured extends Report {
  readonly date: string
  readonly machine: string
  readonly node: string
  /** Load average of the minute before the end. */
  readonly load?: number
}

const FOLDER = join(ROOT, 'docs', 'benchmarks')
const MAIN_PAGE = 'README'
const GIB = 2 ** 30
const LIMIT_MINUTES = Number(process.env['LIMIT_MINUTES'] ?? 25)

const only = (process.env['ONLY'] ?? '').split(',').filter(name => name !== '')
mkdirSync(FOLDER, { recursive: true })
const files = ['packages', 'apps', 'e2e']
  .flatMap(folder =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map(file => join(folder, file)),
  )
  .filter(file => file.endsWith('.bench.ts') && !/(^|\/)node_modules\//.test(file))
  .filter(file => only.length === 0 || only.some(name => file.endsWith(`${name}.bench.ts`)))
  .sort()

let failed = 0
for (const file of files) {
  process.stdout.write(`${file} … `)
  const { code, output } = await runTool(
    'node',
    ['--disable-warning=ExperimentalWarning', '--conditions=development', file],
    { timeoutMs: LIMIT_MINUTES * 60_000 },
  )
  const report = code === 0 ? lastJson(output) : undefined
  if (report === undefined) {
    failed++
    console.log(`failed\n${output.split('\n').slice(-30).join('\n')}`)
    continue
  }
  const measured = {
    ...report,
    date: new Date().toISOString().slice(0, 10),
    machine: machine(),
    node: process.version,
    load: Math.round(loadavg()[0] ?? 0),
  }
  writeFileSync(join(FOLDER, `${report.benchmark}.json`), `${JSON.stringify(measured, undefined, 2)}\n`)
  console.log(`${report.rows.length} figures`)
}
for (const [page, text] of pages()) writeFileSync(join(FOLDER, `${page}.md`), text)
if (failed > 0) process.exitCode = 1

function machine(): string {
  const [cpu] = cpus()
  return `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / GIB)} GiB, Linux ${release()}`
}

/** The report is the last thing a benchmark prints. */
function lastJson(output: string): Report | undefined {
  const start = output.indexOf('{\n  "benchmark"')
  return start < 0 ? undefined : (JSON.parse(output.slice(start)) as Report)
}

function pages(): ReadonlyMap<string, string> {
  const reports = readdirSync(FOLDER)
    .filter(file => file.endsWith('.json'))
    .sort()
    .map(file => JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Measured)
  const byPage = Map.groupBy(reports, ({ page = MAIN_PAGE }) => page)
  const others = [...byPage.keys()].filter(page => page !== MAIN_PAGE).map(page => `[${page}](${page}.md)`)
  const elsewhere = others.length === 0 ? [] : ['', `On pages of their own: ${others.join(', ')}.`]
  return new Map(
    [...byPage].map(([page, each]) => [
      page,
      `${[
        page === MAIN_PAGE ? '# Benchmarks' : `# Benchmarks: ${page}`,
        '',
        'Written by `make bench`. Figures are of one machine on one day: compare within a table, not across machines.',
        ...(page === MAIN_PAGE ? elsewhere : []),
        ...each.flatMap(section),
      ].join('\n')}\n`,
    ]),
  )
}

function section({ benchmark, rows, date, machine, node, load }: Measured): readonly string[] {
  const loaded = load === undefined ? '' : `, load average ${load}`
  return ['', `## ${benchmark}`, '', `${date}, Node ${node}, ${machine}${loaded}.`, '', ...table(rows)]
}

/** Rows with the same columns stand in one table. */
function table(rows: readonly Row[]): readonly string[] {
  const shapes = new Map<string, Row[]>()
  for (const row of rows) {
    const shape = Object.keys(row).join('|')
    shapes.set(shape, [...(shapes.get(shape) ?? []), row])
  }
  return [...shapes].flatMap(([shape, same]) => [
    `| ${shape.replaceAll('|', ' | ')} |`,
    `|${Object.keys(same[0]!)
      .map(() => '---')
      .join('|')}|`,
    ...same.map(row => `| ${Object.values(row).join(' | ')} |`),
    '',
  ])
}
