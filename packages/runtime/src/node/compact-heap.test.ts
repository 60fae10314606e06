import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const MODULE = fileURLToPath(new URL('compact-heap.ts', import.meta.url))

/** What new objects have, in MB: after much work, compacted, and after as much work again. */
const PROGRAM = `
import { getHeapSpaceStatistics } from 'node:v8'
import { compactHeap } from ${JSON.stringify(MODULE)}
const kept = []
function work() {
  for (let round = 0; round < 60; round++) {
    kept.push(Array.from({ length: 20_000 }, (_, i) => ({ i, text: 'x' + i })))
    if (kept.length > 3) kept.shift()
  }
}
function size() {
  return Math.round(getHeapSpaceStatistics().find(space => space.space_name === 'new_space').space_size / 2 ** 20)
}
work()
const sizes = [size()]
compactHeap()
sizes.push(size())
work()
sizes.push(size())
console.log(JSON.stringify(sizes))
`

test('what a start took for new objects is given back, and not taken again', () => {
  const [grown, compacted, later] = sizes()
  expect(grown).toBeGreaterThan(16)
  expect(compacted).toBeLessThanOrEqual(2)
  expect(later).toBeLessThanOrEqual(2)
})

test('where a flag keeps that small, nothing is changed', () => {
  expect(sizes('--max-semi-space-size=1')).toEqual([2, 2, 2])
})

function sizes(...flags: readonly string[]): readonly number[] {
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, '--input-type=module', '--eval', PROGRAM], {
    encoding: 'utf8',
  })
  expect(stderr.replaceAll(/.*ExperimentalWarning.*\n.*\n/g, '')).toBe('')
  return JSON.parse(stdout) as number[]
}
