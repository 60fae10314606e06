import { execFileSync } from 'node:child_process'
import { platform } from 'node:os'
import { expect, test } from 'vitest'

const MODULE = new URL('../src/node/program-pages.ts', import.meta.url).href
const PROGRAM = `
import { readFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { releaseProgramPages } from ${JSON.stringify(MODULE)}
const work = () => createHash('sha256').update(JSON.stringify(Array.from({ length: 10_000 }, (_, i) => i))).digest('hex')
const ofFiles = () => Number(/RssFile:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))[1])
const before = { work: work(), kilobytes: ofFiles() }
const released = await releaseProgramPages()
const kilobytes = ofFiles()
console.log(JSON.stringify({ before, released, after: { work: work(), kilobytes } }))
`

test.skipIf(platform() !== 'linux')('pages of the program are given back, and it goes on', () => {
  const args = ['--conditions=development', '--input-type=module', '--eval', PROGRAM]
  const { before, released, after } = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as {
    readonly before: { readonly work: string; readonly kilobytes: number }
    readonly released: number
    readonly after: { readonly work: string; readonly kilobytes: number }
  }
  expect(released).toBeGreaterThan(8 * 2 ** 20)
  expect(after.kilobytes).toBeLessThan(before.kilobytes / 2)
  expect(after.work).toBe(before.work)
})
