import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../run.ts'
import { readResults } from '../test-results.ts'

/** A test that names what it proves. */
export interface Proof {
  readonly file: string
  readonly name: string
}

export interface Evidence {
  /** Tests of the last run that passed, by the id in their name. */
  readonly proofs: ReadonlyMap<string, readonly Proof[]>
  /** Ids named by tests that failed or were left out. */
  readonly unproven: ReadonlySet<string>
}

/** Tests that passed in the last run of each lane. A file that is gone proves nothing. */
export function gatherEvidence(): Evidence {
  const files = new Set(testFiles())
  const proofs = new Map<string, Proof[]>()
  const unproven = new Set<string>()
  for (const { file, name, state } of readResults()) {
    const path = file.replace(/^\//, '')
    if (!files.has(path)) continue
    for (const id of idsIn(name)) {
      if (state !== 'passed') unproven.add(id)
      else proofs.set(id, [...(proofs.get(id) ?? []), { file: path, name: withoutIds(name) }])
    }
  }
  return { proofs, unproven }
}

/** Ids written in test files, whether those ran or not. */
export function idsWritten(): ReadonlySet<string> {
  return new Set(testFiles().flatMap(file => idsIn(readFileSync(join(ROOT, file), 'utf8'))))
}

/** `[row 27]`, `[K-12]`, `[B-FSM-07]`, `[F-RX-01]`. */
function idsIn(text: string): string[] {
  return [...text.matchAll(/\[(row \d+|K-\d+|[BF]-[A-Z]+-\d+)\]/g)].map(([, id]) => id!)
}

function withoutIds(name: string): string {
  return name
    .replaceAll(/\[(row \d+|K-\d+|[BF]-[A-Z]+-\d+)\]/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
}

function testFiles(): string[] {
  return ['packages', 'apps', 'e2e', 'tools']
    .flatMap(folder =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map(file => join(folder, file)),
    )
    .filter(file => file.endsWith('.test.ts') && !/(^|\/)(node_modules|dist)\//.test(file))
    .sort()
}
