import { readFileSync } from 'node:fs'
import { afterEach, expect, test, vi } from 'vitest'

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

afterEach(() => vi.restoreAllMocks())

test.each(['ten-lines', 'two-hosts'])('the README shows examples/%s.ts as it is, and what it prints', async name => {
  const lines: string[] = []
  vi.spyOn(console, 'log').mockImplementation((...words: unknown[]) => void lines.push(words.join(' ')))
  await import(`../examples/${name}.ts`)
  expect(lines.length).toBeGreaterThan(1)
  expect(README).toContain(`${shown(name)}\n\`\`\`\n${lines.join('\n')}\n\`\`\`\n`)
})

test('the README shows examples/on-linux.ts as it is; frr.interop.test.ts runs it', () => {
  expect(README).toContain(shown('on-linux'))
})

function shown(name: string): string {
  return `\`\`\`ts\n${readFileSync(new URL(`../examples/${name}.ts`, import.meta.url), 'utf8')}\`\`\`\n`
}
