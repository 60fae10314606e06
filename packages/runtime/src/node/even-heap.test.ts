import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'

const MODULE = new URL('even-heap.ts', import.meta.url).href

const HEAD = `
import { getHeapStatistics } from 'node:v8'
import { compactHeap, growHeapSlowly } from ${JSON.stringify(MODULE)}
const kept = new Map()
const asked = process.argv[1] === 'asked'
async function put(count, keyOf) {
  for (let i = 0; i < count; i++) {
    kept.set(keyOf(i), JSON.parse(JSON.stringify({ i, text: 'x' + i, list: [i, i + 1, i + 2] })))
    if (i % 1_000 === 0) await new Promise(resolve => setImmediate(resolve))
  }
}
`
const TAIL = 'console.log(getHeapStatistics().total_heap_size / 2 ** 20)'

test('a heap that grows slowly has less than three quarters of the size under much change', () => {
  const program = `${HEAD}
    if (asked) growHeapSlowly()
    await put(200_000, i => i % 40_000)
    ${TAIL}`
  expect(megabytes(program, 'asked')).toBeLessThan(megabytes(program, 'not') * 0.75)
})

test('a heap with holes everywhere becomes smaller when it is compacted', () => {
  const program = `${HEAD}
    growHeapSlowly()
    await put(200_000, i => i)
    for (const i of kept.keys()) if (i % 5 > 2) kept.delete(i)
    const end = asked ? compactHeap() : () => {}
    for (let i = 0; i < 8; i++) globalThis.gc({ type: 'major' })
    end()
    ${TAIL}`
  expect(megabytes(program, 'asked')).toBeLessThan(megabytes(program, 'not') * 0.9)
})

function megabytes(program: string, how: 'asked' | 'not'): number {
  const args = ['--expose-gc', '--max-semi-space-size=4', '--input-type=module', '--eval', program, '--', how]
  return Number(execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
}
