import { readFileSync } from 'node:fs'
import { afterEach, expect, test, vi } from 'vitest'

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

afterEach(() => vi.restoreAllMocks())

test.each(['ten-lines', 'thirty-lines'])('the README shows examples/%s.ts as it is, and what it prints', async name => {
  const lines: string[] = []
  vi.spyOn(console, 'log').mockImplementation((...words: unknown[]) => void lines.push(words.join(' ')))
  const source = readFileSync(new URL(`../examples/${name}.ts`, import.meta.url), 'utf8')
  await import(`../examples/${name}.ts`)
  expect(lines.length).toBeGreaterThan(2)
  expect(README).toContain(`\`\`\`ts\n${source}\`\`\`\n\n\`\`\`\n${lines.join('\n')}\n\`\`\`\n`)
})
