// What npm would publish: every package is built and packed, judged by publint and attw, and its README's example runs.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exitOnSignals, ROOT, runTool } from './run.ts'
import { stagePackage } from './stage-package.ts'

exitOnSignals()

/** It runs until it is told to end, or within a test. */
const RUNS_ON = /process\.(argv|once)|from 'vitest'/

const failures: string[] = []
const folder = mkdtempSync(join(tmpdir(), 'packages-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
const packages = readdirSync(join(ROOT, 'packages'))

await must('build', 'nx', ['run-many', '-t', 'build', '--parallel=2', '--outputStyle=static'])
// A consumer's tree: the packed packages as npm would lay them out, and what they depend on from ours.
const consumer = join(folder, 'consumer')
mkdirSync(join(consumer, 'node_modules', '@metallb-ts'), { recursive: true })
writeFileSync(join(consumer, 'package.json'), '{ "type": "module", "private": true }\n')
for (const name of readdirSync(join(ROOT, 'node_modules'))) {
  if (name.startsWith('.') || name === '@metallb-ts') continue
  symlinkSync(join(ROOT, 'node_modules', name), join(consumer, 'node_modules', name))
}
for (const name of packages) await packed(name)
for (const name of packages) await example(name)

for (const failure of failures) console.error(failure)
if (failures.length > 0) process.exitCode = 1
else console.log(`${packages.length} packages pack cleanly, and their examples run`)

async function packed(name: string): Promise<void> {
  const staged = join(folder, 'staged', name)
  stagePackage(name, staged)
  const { output } = await must(`${name}: npm pack`, 'npm', ['pack', '--silent', '--pack-destination', folder], staged)
  const tarball = join(folder, output.trim().split('\n').at(-1) ?? '')
  const target = join(consumer, 'node_modules', '@metallb-ts', name)
  mkdirSync(target, { recursive: true })
  await must(`${name}: unpack`, 'tar', ['-xzf', tarball, '-C', target, '--strip-components=1'])
  for (const unwanted of ['src', 'test'])
    if (existsSync(join(target, unwanted))) failures.push(`${name}: ${unwanted} is in the package`)
  await must(`${name}: publint`, 'publint', ['--strict', target])
  await must(`${name}: attw`, 'attw', [tarball, '--profile', 'esm-only', '--no-emoji'])
}

/** The first example of a README that is whole and ends by itself, run as its reader would: against the packed package. */
async function example(name: string): Promise<void> {
  const readme = join(ROOT, 'packages', name, 'README.md')
  const text = existsSync(readme) ? readFileSync(readme, 'utf8') : ''
  const examples = [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!)
  const code = examples.find(each => each.startsWith('import ') && !RUNS_ON.test(each))
  if (code === undefined) return void failures.push(`${name}: its README has no example that can be run`)
  const file = join(consumer, `${name}.ts`)
  writeFileSync(file, code)
  await must(`${name}: the README's example`, 'timeout', ['20', 'node', file], consumer)
}

async function must(
  what: string,
  program: string,
  args: readonly string[],
  cwd: string = ROOT,
): Promise<{ output: string }> {
  const { code, output } = await runTool(program, args, { cwd })
  if (code !== 0) failures.push(`${what} failed:\n${output.split('\n').slice(-30).join('\n')}`)
  return { output }
}
