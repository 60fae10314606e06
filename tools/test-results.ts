import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './run.ts'

/** One test of the last run, whatever lane it ran in. */
export interface TestResult {
  readonly lane: string
  readonly file: string
  readonly name: string
  readonly state: 'passed' | 'failed' | 'skipped'
}

const PATH = join(ROOT, '.cache', 'test-results.json')

/** Results of the lanes that ran replace what those lanes said before. */
export function keepResults(lanes: readonly string[], results: readonly TestResult[]): void {
  mkdirSync(join(ROOT, '.cache'), { recursive: true })
  const others = readResults().filter(({ lane }) => !lanes.includes(lane))
  writeFileSync(PATH, JSON.stringify([...others, ...results], undefined, 1))
}

export function readResults(): readonly TestResult[] {
  return existsSync(PATH) ? (JSON.parse(readFileSync(PATH, 'utf8')) as TestResult[]) : []
}

interface VitestReport {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message?: string
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly status: string
      readonly failureMessages?: readonly string[]
    }[]
  }[]
}

/** What vitest's JSON reporter wrote. A file that could not even be loaded counts as one failure. */
export function readVitest(path: string, lane: string): TestResult[] {
  const report = JSON.parse(readFileSync(path, 'utf8')) as VitestReport
  return report.testResults.flatMap(({ name, status, assertionResults }): TestResult[] => {
    const file = name.replace(ROOT, '')
    if (assertionResults.length === 0 && status === 'failed')
      return [{ lane, file, name: 'could not be loaded', state: 'failed' }]
    return assertionResults.map(({ fullName, status }) => ({
      lane,
      file,
      name: fullName.trim(),
      state: status === 'passed' ? 'passed' : status === 'failed' ? 'failed' : 'skipped',
    }))
  })
}
