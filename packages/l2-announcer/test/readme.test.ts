import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const example = (name: string): URL => new URL(`../examples/${name}.ts`, import.meta.url)

it.each(['ten-lines', 'segment'])('the README shows examples/%s.ts as it is', async name => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  expect(readme).toContain(`\`\`\`ts\n${await readFile(example(name), 'utf8')}\`\`\``)
})

it('the example of the segment prints what it says', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--conditions=development',
    fileURLToPath(example('segment')),
  ])
  expect(stdout).toBe('192.0.2.10 on eth0\n02:00:00:00:00:01\n')
})
