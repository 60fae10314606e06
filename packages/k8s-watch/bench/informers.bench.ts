/**
 * Our informers beside those of `@kubernetes/client-node`, against the same server in a process of its own, as JSON on
 * standard output. Run with `node --conditions=development bench/informers.bench.ts`.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Figures, Order } from './cluster.ts'
import type { Report } from './contestant.ts'

interface Answer extends Report {
  readonly changes: number
}

interface Round extends Answer {
  readonly connections: number
  readonly quietRequests: number
}

const WAYS = ['official', 'ours-whole', 'ours', 'ours-middle', 'ours-small'] as const
type Way = (typeof WAYS)[number]
const NAMES = {
  official: '@kubernetes/client-node',
  'ours-whole': 'ours, whole objects',
  ours: 'ours, projected',
  'ours-middle': 'ours, projected, with --max-semi-space-size=8',
  'ours-small': 'ours, projected, with --max-semi-space-size=4, as our images',
}
/** Of V8's young generation: larger ones take less time, smaller ones less memory and shorter collections. */
const FLAGS: Partial<Record<Way, readonly string[]>> = {
  'ours-middle': ['--max-semi-space-size=8'],
  'ours-small': ['--max-semi-space-size=4'],
}
const ROUNDS = 5
const WATCHES = 12
const BURST = 100_000
const STEADY_MS = 10_000
const DOWN_MS = 3_000
const LIMIT_MS = 60_000

const folder = mkdtempSync(join(tmpdir(), 'informers-'))
const cluster = fork(join(import.meta.dirname, 'cluster.ts'), { execArgv: ['--conditions=development'] })
const { kubeconfig } = await message<{ readonly kubeconfig: string }>(cluster)
const config = join(folder, 'config')
writeFileSync(config, kubeconfig)

const rows: Record<string, string | number>[] = []
const loadBefore = load()
try {
  const rounds: Record<Way, Round[]> = { official: [], 'ours-whole': [], ours: [], 'ours-middle': [], 'ours-small': [] }
  for (let round = 0; round < ROUNDS; round++)
    for (const way of WAYS) rounds[way].push(await synced(way, round === 0 ? STEADY_MS : 0))
  for (const way of WAYS) {
    const [ms, mib] = [median(rounds[way], 'syncedMs'), median(rounds[way], 'peakMiB')]
    // Of rounds one after the other: what a machine does beside it changes from minute to minute.
    const besideTheirs = rounds[way].map(({ syncedMs, peakMiB }, round) => {
      const theirs = rounds.official[round]!
      return { time: syncedMs / theirs.syncedMs, memory: peakMiB / theirs.peakMiB }
    })
    rows.push({
      what: '10 000 Services, 50 000 EndpointSlices, 1 000 Nodes',
      by: NAMES[way],
      syncedMs: Math.round(ms),
      ofTheirTime: rounded(median(besideTheirs, 'time')),
      peakMiB: Math.round(mib),
      ofTheirMemory: rounded(median(besideTheirs, 'memory')),
      longestBlockMs: Math.round(median(rounds[way], 'longestBlockMs')),
      longestBusyMs: Math.round(median(rounds[way], 'longestBusyMs')),
      cpuMs: Math.round(median(rounds[way], 'cpuMs')),
      connections: median(rounds[way], 'connections'),
      requestsInTenQuietSeconds: rounds[way][0]!.quietRequests,
    })
  }
  for (const way of WAYS) await burst(way)
  for (const way of WAYS) await storm(way)
} finally {
  cluster.kill()
  rmSync(folder, { recursive: true })
}
rows.push({ what: 'load of the machine, processes that want to run', before: loadBefore, after: load() })
console.log(JSON.stringify({ benchmark: 'informers', rows }, undefined, 2))

async function synced(way: Way, steadyMs: number): Promise<Round> {
  const before = await ordered({ type: 'figures' })
  const { child, answer } = await started(way, 3)
  const at = await ordered({ type: 'figures' })
  await sleep(steadyMs)
  const later = await ordered({ type: 'figures' })
  child.kill()
  const connections = at.connections - before.connections
  return { ...answer, connections, quietRequests: later.requests - at.requests }
}

async function burst(way: Way): Promise<void> {
  const { child, answer: first } = await started(way, 3)
  child.send('reset')
  const began = performance.now()
  await ordered({ type: 'burst', events: BURST })
  let answer = await asked(child)
  while (answer.changes - first.changes < BURST && performance.now() - began < LIMIT_MS) {
    await sleep(20)
    answer = await asked(child)
  }
  rows.push({
    what: `${BURST} changes at once`,
    by: NAMES[way],
    seen: answer.changes - first.changes,
    lastSeenMs: Math.round(performance.now() - began),
    longestBlockMs: Math.round(answer.longestBlockMs),
    longestBusyMs: Math.round(answer.longestBusyMs),
    cpuMs: Math.round(answer.cpuMs),
  })
  child.kill()
}

async function storm(way: Way): Promise<void> {
  const { child } = await started(way, WATCHES)
  await sleep(2_000)
  let now = await ordered({ type: 'restart', downMs: DOWN_MS })
  const began = performance.now()
  while (now.watches < WATCHES && performance.now() - began < LIMIT_MS) {
    await sleep(20)
    now = await ordered({ type: 'figures' })
  }
  rows.push({
    what: `a server with ${WATCHES} watches is gone for ${DOWN_MS / 1_000} s`,
    by: NAMES[way],
    watchesAgain: now.watches,
    afterMs: Math.round(performance.now() - began),
    requests: now.requests,
  })
  child.kill()
}

async function started(way: Way, watches: number): Promise<{ readonly child: ChildProcess; readonly answer: Answer }> {
  const execArgv = ['--conditions=development', '--disable-warning=ExperimentalWarning', ...(FLAGS[way] ?? [])]
  const child = fork(join(import.meta.dirname, 'contestant.ts'), [config, way, String(watches)], { execArgv })
  return { child, answer: await message<Answer>(child) }
}

function ordered(order: Order): Promise<Figures> {
  cluster.send(order)
  return message<Figures>(cluster)
}

function asked(child: ChildProcess): Promise<Answer> {
  child.send('report')
  return message<Answer>(child)
}

function message<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const exited = (code: number | null): void => reject(new Error(`a process of the benchmark ended with ${code}`))
    child.once('exit', exited)
    child.once('message', told => {
      child.off('exit', exited)
      resolve(told as T)
    })
  })
}

function median<Figure extends string>(rounds: readonly Readonly<Record<Figure, number>>[], figure: Figure): number {
  return rounds.map(round => round[figure]).sort((a, b) => a - b)[rounds.length >> 1]!
}

function rounded(ratio: number): number {
  return Math.round(ratio * 100) / 100
}

function load(): number {
  return Math.round(loadavg()[0]! * 10) / 10
}
