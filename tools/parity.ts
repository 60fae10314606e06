// Writes docs/parity.md and docs/rfc from the tests that passed when each lane last ran here.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BFD_CLAUSES } from './parity/clauses-bfd.ts'
import { BGP_CLAUSES } from './parity/clauses-bgp.ts'
import { KUBERNETES_CASES } from './parity/clauses-kubernetes.ts'
import { clausesOf, type ClauseGroup } from './parity/clauses.ts'
import { gatherEvidence, idsWritten, type Proof } from './parity/evidence.ts'
import { ROWS, type Row } from './parity/rows.ts'
import { ROOT } from './run.ts'

const { proofs, unproven } = gatherEvidence()
const documents: readonly { readonly file: string; readonly title: string; readonly groups: readonly ClauseGroup[] }[] =
  [
    { file: 'bgp.md', title: 'BGP, clause by clause', groups: BGP_CLAUSES },
    { file: 'bfd.md', title: 'BFD, clause by clause', groups: BFD_CLAUSES },
    { file: 'kubernetes.md', title: 'Watching Kubernetes, case by case', groups: KUBERNETES_CASES },
  ]

const known = new Set([
  ...Object.keys(ROWS).map(number => `row ${number}`),
  ...documents.flatMap(({ groups }) => groups.flatMap(clausesOf).map(({ id }) => id)),
])
const strangers = [...idsWritten()].filter(id => !known.has(id))
if (strangers.length > 0) {
  console.error(`tests name what does not exist: ${strangers.join(', ')}`)
  process.exit(1)
}
if (proofs.size === 0) {
  console.error('no test has passed here yet: run make test first')
  process.exit(1)
}

mkdirSync(join(ROOT, 'docs', 'rfc'), { recursive: true })
writeFileSync(join(ROOT, 'docs', 'parity.md'), parityDocument())
for (const { file, title, groups } of documents)
  writeFileSync(join(ROOT, 'docs', 'rfc', file), clauseDocument(title, groups))

type State = 'done' | 'partly' | 'open' | 'not applicable'

function stateOf(number: string, { missing, notApplicable }: Row): State {
  if (notApplicable !== undefined) return 'not applicable'
  if (!proofs.has(`row ${number}`)) return 'open'
  return missing !== undefined || unproven.has(`row ${number}`) ? 'partly' : 'done'
}

function parityDocument(): string {
  const rows = Object.entries(ROWS)
  const count = (state: State): number => rows.filter(([number, row]) => stateOf(number, row) === state).length
  const summary = `${count('done')} done, ${count('partly')} partly, ${count('open')} open, ${count('not applicable')} not applicable`
  console.log(`rows: ${summary}`)
  return `${[
    '# Parity with MetalLB',
    '',
    'Written by `make parity` from the tests that passed. A row without a passing test is open, whatever anyone says.',
    '',
    `${rows.length} rows: ${summary}.`,
    '',
    '| row | feature | state | proved by |',
    '|---|---|---|---|',
    ...rows.map(([number, row]) => {
      const why = [row.notApplicable, row.missing].filter(text => text !== undefined)
      const proved = (proofs.get(`row ${number}`) ?? []).map(cite)
      return `| ${number} | ${row.feature} | ${stateOf(number, row)} | ${[...why, ...proved].join('<br>')} |`
    }),
  ].join('\n')}\n`
}

function clauseDocument(title: string, groups: readonly ClauseGroup[]): string {
  const clauses = groups.flatMap(clausesOf)
  const proved = clauses.filter(({ id }) => proofs.has(id)).length
  console.log(`${title}: ${proved} of ${clauses.length} proved`)
  return `${[
    `# ${title}`,
    '',
    'Written by `make parity` from the tests that passed.',
    '',
    `${proved} of ${clauses.length} clauses are proved by a test.`,
    ...groups.flatMap(group => [
      '',
      `## ${group.title}`,
      '',
      '| clause | what holds | source | proved by |',
      '|---|---|---|---|',
      ...clausesOf(group).map(
        ({ id, text, source }) => `| ${id} | ${text} | ${source} | ${(proofs.get(id) ?? []).map(cite).join('<br>')} |`,
      ),
    ]),
  ].join('\n')}\n`
}

function cite({ file, name }: Proof): string {
  return `${name.replaceAll('|', '\\|')} (\`${file}\`)`
}
