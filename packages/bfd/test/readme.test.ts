import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

it('the example of the README prints what it says', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1]
  const folder = await mkdtemp(join(import.meta.dirname, 'readme-')) // inside the package, so that its imports resolve
  try {
    const file = join(folder, 'example.ts')
    await writeFile(file, example ?? '')
    const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=development', file])
    expect(stdout).toBe('192.0.2.2 is up\n192.0.2.2 is down: detection-expired\n')
  } finally {
    await rm(folder, { recursive: true })
  }
})
