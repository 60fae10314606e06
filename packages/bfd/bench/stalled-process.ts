// Sessions on a thread of their own, as in the speaker, beside a main thread that mostly allocates and seldom turns.
import { PerformanceObserver } from 'node:perf_hooks'
import { writeSync } from 'node:fs'
import { Worker } from 'node:worker_threads'

const STALL_MS = 1_000
const TURN_MS = 250
const REPORT_EVERY = 10

const sessions = new Worker(new URL('../test/interop/bfd-process.ts', import.meta.url), {
  execArgv: ['--conditions=development'],
})
sessions.once('exit', code => process.exit(code))

let collectingMs = 0
const collections = new PerformanceObserver(list => {
  for (const { duration } of list.getEntries()) collectingMs += duration
})
collections.observe({ entryTypes: ['gc'] })

let kept: object[] = []
let stalls = 0

function stall(): void {
  for (const end = performance.now() + STALL_MS; performance.now() < end;) {
    kept.push({ text: `${kept.length}`, list: Array.from({ length: 16 }, (_, i) => i) })
    if (kept.length > 400_000) kept = kept.slice(200_000)
  }
  stalls++
  if (stalls % REPORT_EVERY === 0)
    writeSync(1, `${JSON.stringify({ name: 'stalled', stalls, collectingMs: Math.round(collectingMs) })}\n`)
  setTimeout(stall, TURN_MS)
}
stall()
