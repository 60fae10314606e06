import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'

const MODULE = new URL('small-heap.ts', import.meta.url).href

/** As a store under much change: twenty thousand objects live, of four hundred thousand. */
const PROGRAM = `
import { getHeapStatistics } from 'node:v8'
import { keepHeapSmall } from ${JSON.stringify(MODULE)}
if (process.argv[1] === 'small') keepHeapSmall()
const kept = new Map()
for (let i = 0; i < 400_000; i++) {
  kept.set(i % 20_000, JSON.parse(JSON.stringify({ i, text: 'x' + i, list: [i, i + 1, i + 2] })))
  if (i % 1_000 === 0) await new Promise(resolve => setImmediate(resolve))
}
console.log(getHeapStatistics().total_heap_size / 2 ** 20)
`

test('a heap that is kept small has less than two thirds of the size', () => {
  expect(megabytes('small')).toBeLessThan((megabytes('as V8 likes it') * 2) / 3)
})

function megabytes(how: string): number {
  const args = ['--max-semi-space-size=4', '--input-type=module', '--eval', PROGRAM, '--', how]
  return Number(execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
}
