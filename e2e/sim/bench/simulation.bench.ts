import { availableParallelism } from 'node:os'
import { performance } from 'node:perf_hooks'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { play } from '../src/index.ts'

/**
 * Ten thousand seeds of the whole cluster, or `SEEDS` of them from `SEED` on, over every processor; JSON on standard
 * output. Fails, naming the seeds, when one of them breaks a promise.
 */
const SEEDS = Number(process.env['SEEDS'] ?? 10_000)
const FIRST = Number(process.env['SEED'] ?? 1)

interface Share {
  readonly first: number
  readonly step: number
  readonly last: number
}

interface Tally {
  readonly events: number
  readonly virtualMs: number
  readonly broken: readonly string[]
}

if (isMainThread) await bench()
else parentPort!.postMessage(await playAll(workerData as Share))

async function bench(): Promise<void> {
  const threads = Math.min(availableParallelism(), SEEDS)
  const startedAt = performance.now()
  const tallies = await Promise.all(
    Array.from({ length: threads }, (_, i) => played({ first: FIRST + i, step: threads, last: FIRST + SEEDS - 1 })),
  )
  const sum = (of: (tally: Tally) => number): number => tallies.reduce((total, tally) => total + of(tally), 0)
  const broken = tallies.flatMap(tally => tally.broken)
  for (const line of broken) process.stderr.write(`${line}\n`)
  const row = {
    seeds: SEEDS,
    broken: broken.length,
    virtualHours: Math.round(sum(tally => tally.virtualMs) / 3_600_000),
    events: sum(tally => tally.events),
    seconds: Math.round((performance.now() - startedAt) / 1_000),
    threads,
  }
  process.stdout.write(`${JSON.stringify({ benchmark: 'simulation', rows: [row] }, undefined, 2)}\n`)
  if (broken.length > 0) process.exitCode = 1
}

function played(share: Share): Promise<Tally> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: share })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

async function playAll({ first, step, last }: Share): Promise<Tally> {
  const broken: string[] = []
  let [events, virtualMs] = [0, 0]
  for (let seed = first; seed <= last; seed += step) {
    const played = await play(seed)
    events += played.events
    virtualMs += played.virtualMs
    for (const { invariant, what, at } of played.broken.slice(0, 1))
      broken.push(`seed ${seed}, at ${at.toFixed(1)} ms: ${invariant}: ${what}`)
  }
  return { events, virtualMs, broken }
}
