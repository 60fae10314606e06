import { readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import { API_FILE, apiReference, publicNames } from '../scripts/api-reference.ts'

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const example = (name: string): string => readFileSync(new URL(`../examples/${name}`, import.meta.url), 'utf8')

test.each(['announce-to-frr.ts', 'without-sockets.test.ts', 'decode-a-capture.ts'])(
  'the README shows examples/%s as it is',
  name => expect(README).toContain(`\`\`\`ts\n${example(name)}\`\`\`\n`),
)

test('the README shows what decode-a-capture.ts prints', async () => {
  const lines: string[] = []
  vi.spyOn(console, 'log').mockImplementation((...words: unknown[]) => void lines.push(words.join(' ')))
  await import('../examples/decode-a-capture.ts')
  vi.restoreAllMocks()
  expect(lines.length).toBeGreaterThan(2)
  expect(README).toContain(`\`\`\`\n${lines.join('\n')}\n\`\`\`\n`)
})

test('every public name says what it is', () => {
  const names = publicNames()
  expect(names.length).toBeGreaterThan(50)
  expect(names.filter(({ isDocumented }) => !isDocumented).map(({ entry, name }) => `${entry} ${name}`)).toEqual([])
})

test('API.md is what the sources say: else run `node scripts/api-reference.ts`', async () => {
  expect(readFileSync(API_FILE, 'utf8')).toBe(await apiReference())
})
