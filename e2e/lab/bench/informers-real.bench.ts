/**
 * The informers of k8s-watch beside those of `@kubernetes/client-node`, each in a process of its own, against a real
 * kube-apiserver over etcd on the same machine, as JSON on standard output. The same comparison in full size, against the
 * fake server, is `packages/k8s-watch/bench/informers.bench.ts`, whose processes these are. `node --conditions=development
 * bench/informers-real.bench.ts`.
 */
import { execFileSync, fork, type ChildProcess } from 'node:child_process'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findBinaries, startControlPlane } from '@metallb-ts/tools/envtest'

/** What a contestant tells of itself. */
interface Answer {
  readonly syncedMs: number
  readonly peakMiB: number
  readonly longestBlockMs: number
  readonly longestBusyMs: number
  readonly cpuMs: number
  readonly changes: number
}

const WAYS = {
  official: '@kubernetes/client-node',
  'ours-whole': 'ours, whole objects',
  ours: 'ours, projected',
  'ours-small': 'ours, projected, with --max-semi-space-size=4',
} as const
type Way = keyof typeof WAYS

const SERVICES = 2_000
const SLICES = 10_000
const NODES = 200
const ROUNDS = 3
const CHANGES = 5_000
const DOWN_MS = 1_000
const LIMIT_MS = 60_000
/** Of anything that a process is asked for: a machine that takes longer measures nothing. */
const PATIENCE_MS = 600_000
const PROGRAMS = join(import.meta.dirname, '../../../packages/k8s-watch/bench')

const binaries = findBinaries()
if (!binaries.ok) throw new Error(binaries.reason)
const plane = await startControlPlane({ binaries: binaries.folder, controllerManager: false })
const rows: Record<string, string | number>[] = []
const loadBefore = load()
const ways = Object.keys(WAYS) as Way[]
const running = new Set<ChildProcess>()
const began = performance.now()
const filler = run('fill.ts', [plane.kubeconfig, SERVICES, SLICES, NODES].map(String))
try {
  await said(filler)
  const filledMs = Math.round(performance.now() - began)
  await compareSyncs()
  for (const way of ways) await change(way)
  for (const way of ways) await restart(way)
  const tookMs = Math.round(performance.now() - began)
  rows.push({ what: 'filling the server, and all of it', filledMs, tookMs })
} finally {
  for (const child of running) child.kill('SIGKILL')
  await plane.stop()
}
rows.push({ what: 'load of the machine, processes that want to run', before: loadBefore, after: load() })
process.stdout.write(`${JSON.stringify({ benchmark: 'informers-real', rows }, undefined, 2)}\n`)

async function compareSyncs(): Promise<void> {
  const rounds: Record<Way, (Answer & { readonly connections: number })[]> = {
    official: [],
    'ours-whole': [],
    ours: [],
    'ours-small': [],
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const way of ways) {
      const { child, answer } = await started(way)
      rounds[way].push({ ...answer, connections: connectionsOf(child) })
      child.kill()
    }
  }
  const median = (way: Way, figure: keyof (typeof rounds)[Way][number]): number =>
    rounds[way].map(round => round[figure]).sort((a, b) => a - b)[ROUNDS >> 1]!
  const ratio = (way: Way, figure: 'syncedMs' | 'peakMiB'): number =>
    Math.round((median(way, figure) / median('official', figure)) * 100) / 100
  for (const way of ways) {
    rows.push({
      what: `${SERVICES} Services, ${SLICES} EndpointSlices, ${NODES} Nodes of a real server`,
      by: WAYS[way],
      syncedMs: Math.round(median(way, 'syncedMs')),
      ofTheirTime: ratio(way, 'syncedMs'),
      peakMiB: Math.round(median(way, 'peakMiB')),
      ofTheirMemory: ratio(way, 'peakMiB'),
      longestBlockMs: Math.round(median(way, 'longestBlockMs')),
      longestBusyMs: Math.round(median(way, 'longestBusyMs')),
      cpuMs: Math.round(median(way, 'cpuMs')),
      connections: median(way, 'connections'),
    })
  }
}

async function change(way: Way): Promise<void> {
  const { child, answer: first } = await started(way)
  child.send('reset')
  const began = performance.now()
  filler.send({ changes: CHANGES })
  await said(filler)
  const answer = await changesOf(child, first.changes + CHANGES)
  rows.push({
    what: `${CHANGES} changes, as fast as the server takes them`,
    by: WAYS[way],
    seen: answer.changes - first.changes,
    lastSeenMs: Math.round(performance.now() - began),
    longestBlockMs: Math.round(answer.longestBlockMs),
    longestBusyMs: Math.round(answer.longestBusyMs),
    cpuMs: Math.round(answer.cpuMs),
  })
  child.kill()
}

/** The server is killed and comes back: how long until a change made after its return is seen. */
async function restart(way: Way): Promise<void> {
  const { child, answer: first } = await started(way)
  plane.signal('kube-apiserver', 'SIGKILL')
  await sleep(DOWN_MS)
  await plane.restartApiServer()
  const began = performance.now()
  filler.send({ changes: 1 })
  await said(filler)
  const answer = await changesOf(child, first.changes + 1)
  rows.push({
    what: 'the server is killed and comes back',
    by: WAYS[way],
    changesSeen: answer.changes - first.changes,
    seenMsAfterItIsReady: Math.round(performance.now() - began),
  })
  child.kill()
}

async function started(way: Way): Promise<{ readonly child: ChildProcess; readonly answer: Answer }> {
  const child = run(
    'contestant.ts',
    [plane.kubeconfig, way, '3'],
    way === 'ours-small' ? ['--max-semi-space-size=4'] : [],
  )
  return { child, answer: await said<Answer>(child) }
}

async function changesOf(child: ChildProcess, expected: number): Promise<Answer> {
  const until = performance.now() + LIMIT_MS
  for (;;) {
    child.send('report')
    const answer = await said<Answer>(child)
    if (answer.changes >= expected || performance.now() > until) return answer
    await sleep(20)
  }
}

function run(program: string, args: readonly string[], flags: readonly string[] = []): ChildProcess {
  const execArgv = ['--conditions=development', '--disable-warning=ExperimentalWarning', ...flags]
  const child = fork(join(PROGRAMS, program), args, { execArgv })
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

function said<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const exited = (code: number | null): void => reject(new Error(`a process of the benchmark ended with ${code}`))
    const timer = setTimeout(
      () => reject(new Error(`nothing for ${PATIENCE_MS / 60_000} minutes`)),
      PATIENCE_MS,
    ).unref()
    child.once('exit', exited)
    child.once('message', told => {
      clearTimeout(timer)
      child.off('exit', exited)
      resolve(told as T)
    })
  })
}

function connectionsOf({ pid }: ChildProcess): number {
  const port = new URL(plane.url).port
  const lines = execFileSync('ss', ['-tnHp', 'state', 'established', `dport = :${port}`], { encoding: 'utf8' })
  return lines.split('\n').filter(line => line.includes(`pid=${pid},`)).length
}

function load(): number {
  return Math.round(loadavg()[0]! * 10) / 10
}
