import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'

const MODULE = new URL('../src/node/free-memory.ts', import.meta.url).href
const MIB = 2 ** 20
const PROGRAM = `
import { releaseFreeMemory } from ${JSON.stringify(MODULE)}
let held = Array.from({ length: 64 * 16 }, () => new Uint8Array(64 * 1024).fill(1)) // from the C library's heap
const last = held.at(-1) // what is freed lies below it
held = undefined
gc()
await new Promise(resolve => setTimeout(resolve, 200)) // they are freed on another thread
const before = process.memoryUsage.rss()
const released = releaseFreeMemory()
console.log(JSON.stringify({ released, before, after: process.memoryUsage.rss(), last: last.at(-1) }))
`
const isGlibc =
  (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header.glibcVersionRuntime !== undefined

test.skipIf(!isGlibc)('memory that was freed is given back to the system', () => {
  const args = ['--conditions=development', '--expose-gc', '--input-type=module', '--eval', PROGRAM]
  const { released, before, after, last } = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as {
    readonly released: boolean
    readonly before: number
    readonly after: number
    readonly last: number
  }
  expect({ released, last }).toEqual({ released: true, last: 1 })
  expect(before - after).toBeGreaterThan(16 * MIB)
})
