import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parseAllDocuments } from 'yaml'
import { findBinaries } from '../envtest/index.ts'
import { ROOT } from '../run.ts'

export const CHART: string = join(ROOT, 'charts/metallb')

/** An object as a template renders it. */
export interface Rendered {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly [field: string]: unknown
}

export interface RenderInit {
  /** @default metallb */
  readonly release?: string
  /** @default metallb-system */
  readonly namespace?: string
  readonly values?: object
  /** With the definitions of the metallb.io resources. @default false */
  readonly crds?: boolean
}

/** What Helm would apply. Rejects with what Helm says when it would apply nothing. */
export async function renderChart(init: RenderInit = {}): Promise<readonly Rendered[]> {
  const { release = 'metallb', namespace = 'metallb-system', values = {}, crds = false } = init
  const given = { ...values, crds: { ...(values as { crds?: object }).crds, enabled: crds } }
  const text = await runHelm(['template', release, CHART, `--namespace=${namespace}`, '--values=-'], given)
  return objectsIn(text)
}

/** What Helm tells who has installed: it shows that to a cluster only, so a copy of the chart has it as an object. */
export async function renderNotes(values: object = {}): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'chart-'))
  try {
    cpSync(CHART, folder, { recursive: true })
    const notes = readFileSync(join(CHART, 'templates/NOTES.txt'), 'utf8')
    const object =
      '{"apiVersion":"v1","kind":"Notes","metadata":{"name":"notes"},"text":{{ include "notes" . | toJson }}}'
    writeFileSync(join(folder, 'templates/notes.yaml'), `{{ define "notes" }}${notes}{{ end }}${object}`)
    const show = ['--show-only=templates/notes.yaml', '--namespace=metallb-system', '--values=-']
    const [shown] = objectsIn(await runHelm(['template', 'metallb', folder, ...show], values))
    return String(shown?.['text'])
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The objects of a text, as the API server reads it: `0440` would be octal there, hence YAML 1.1. */
export function objectsIn(text: string): readonly Rendered[] {
  return parseAllDocuments(text, { version: '1.1' })
    .map(document => document.toJS() as Rendered | null)
    .filter(object => object !== null)
}

/**
 * @param values what Helm reads where the arguments say `-`
 * @param env such as HOME, for what speaks to a cluster
 */
export async function runHelm(
  args: readonly string[],
  values: object = {},
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const found = findBinaries(['helm'])
  if (!found.ok) throw new Error(found.reason)
  const running = promisify(execFile)(join(found.folder, 'helm'), [...args], {
    env: { PATH: process.env['PATH'], ...env },
    maxBuffer: MAX_OUTPUT,
    timeout: TIMEOUT_MS,
  })
  running.child.stdin?.end(JSON.stringify(values))
  return (await running).stdout
}

const MAX_OUTPUT = 16 * 1024 * 1024
const TIMEOUT_MS = 120_000
