import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

it('the example of the README, twenty lines, prints what it says', { timeout: 60_000 }, async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const [, source = '', printed = ''] = /```ts\n([\s\S]*?)```\n\n```\n([\s\S]*?)```/.exec(readme) ?? []
  expect(source.trimEnd().split('\n').length).toBeLessThanOrEqual(20)
  const folder = await mkdtemp(join(import.meta.dirname, 'readme-')) // here, so that its imports resolve
  try {
    const program = join(folder, 'example.ts')
    await writeFile(program, source)
    const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=development', program])
    expect(stdout).toBe(printed)
  } finally {
    await rm(folder, { recursive: true })
  }
})
