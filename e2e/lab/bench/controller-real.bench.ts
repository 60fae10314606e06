import type { ChildProcess } from 'node:child_process'
import { findBinaries } from '@metallb-ts/tools/envtest'
import { eventually, pause } from '../src/index.ts'
import { countsGiven, quantile, report } from './figures.ts'
import { buildProgram, footprint, stopped } from './pod.ts'
import { HEALTH_PORT, RealWorld } from './controller/real-world.ts'

/**
 * The controller's bundle against a real kube-apiserver over etcd on the same machine, as JSON on standard output: cold
 * start, restart with everything assigned, one Service at a time, quietly and beside deletions; then, over a small pool,
 * the first address, a pool that empties while others wait, and a standby that takes over. `node
 * --conditions=development bench/controller-real.bench.ts [number of Services ...]`.
 */
const SETTLED_MS = 15_000
const STARTS = 5
const TAKE_OVERS = 3
const WARM_MS = 4_000
const STANDBY = ['--health-probe-port=0', '--lease=controller']

const rows: Readonly<Record<string, string | number>>[] = []
const binaries = findBinaries()
if (!binaries.ok) throw new Error(binaries.reason)
await buildProgram('controller')
for (const count of countsGiven([1_000, 5_000, 10_000])) await bench(binaries.folder, count)
await benchSmallPool(binaries.folder)
report('controller-real', rows)
process.exit()

async function bench(folder: string, services: number): Promise<void> {
  await using world = await RealWorld.start(folder, '10.64.0.0/12')
  await Promise.all(Array.from({ length: services - 1 }, (_, i) => world.create(`s${i + 1}`)))
  await world.synced(services)
  let before = await world.quiet()
  const poolWrites = await world.writes('ipaddresspools')
  let from = performance.now()
  let child = world.run()
  await eventually('every address', () => world.assigned >= services, 300_000)
  const coldMs = Math.round(performance.now() - from)
  const cold = (await world.quiet()) - before
  rows.push({
    what: 'cold start',
    services,
    'last address ms': coldMs,
    'writes a Service': Math.round((cold / services) * 100) / 100,
    'pool writes': (await world.writes('ipaddresspools')) - poolWrites,
    ...(await memory(child)),
  })

  await stopped(child, 'SIGTERM')
  await world.create('waits')
  before = await world.quiet()
  from = performance.now()
  child = world.run()
  await eventually('the one that waits', () => world.has('waits'), 60_000)
  const servedMs = Math.round(performance.now() - from)
  await eventually('ready', isReady)
  const readyMs = Math.round(performance.now() - from)
  const writes = (await world.quiet()) - before
  rows.push({
    what: 'restart, one Service waiting',
    ...{ services, 'served ms': servedMs, 'ready ms': readyMs, writes, ...(await memory(child)) },
  })

  await stopped(child, 'SIGTERM')
  before = await world.quiet()
  child = world.run()
  await eventually('ready', isReady)
  rows.push({ what: 'restart, nothing to do', services, 'needless writes': (await world.quiet()) - before })

  rows.push({ what: 'one created at a time', services, ...(await world.singles('quiet', () => {})) })
  let victim = 0
  const remove = (): void => void world.remove(`s${victim++}`).catch(() => {})
  const now = (i: number): void => {
    if (i % 20 === 0) remove()
  }
  rows.push({ what: 'the same, one deleted a second', services, ...(await world.singles('some', now)) })
  rows.push({ what: 'the same, twenty deleted a second', services, ...(await world.singles('mass', remove)) })
}

/** A thousand addresses. */
async function benchSmallPool(folder: string): Promise<void> {
  await using world = await RealWorld.start(folder, '10.64.0.0-10.64.3.231')
  await world.synced(1)
  const starts: number[] = []
  for (let i = 0; i < STARTS; i++) {
    const from = performance.now()
    const child = world.run()
    await eventually('the first address', () => world.has(`s${i}`))
    starts.push(performance.now() - from)
    await stopped(child, 'SIGTERM')
    await world.create(`s${i + 1}`)
  }
  rows.push({ what: 'start to the first address', services: 1, 'p50 ms': Math.round(quantile(starts, 0.5)) })
  await benchTakeOver(world)
  await benchWaiting(world)
}

/** How long a Service that is created at that moment waits for its address. */
async function benchTakeOver(world: RealWorld): Promise<void> {
  for (const [what, signal] of [
    ['leader stopped', 'SIGTERM'],
    ['leader killed with -9', 'SIGKILL'],
  ] as const) {
    const waits: number[] = []
    for (let i = 0; i < TAKE_OVERS; i++) {
      const name = `${signal.toLowerCase()}-${i}`
      const first = world.run(STANDBY)
      await world.create(`${name}-before`)
      await eventually('a leader', () => world.has(`${name}-before`), 30_000)
      const second = world.run(STANDBY)
      await pause(WARM_MS)
      const from = performance.now()
      await Promise.all([stopped(first, signal), world.create(name)])
      await eventually('the standby', () => world.has(name), 60_000)
      waits.push(performance.now() - from)
      await stopped(second, 'SIGTERM')
    }
    const [least, most] = [Math.min(...waits), Math.max(...waits)].map(Math.round)
    rows.push({ what: `standby takes over: ${what}`, rounds: TAKE_OVERS, 'least ms': least!, 'most ms': most! })
  }
}

async function benchWaiting(world: RealWorld): Promise<void> {
  const child = world.run()
  await Promise.all(Array.from({ length: 1_000 }, (_, i) => world.create(`held-${i}`)))
  await eventually('a full pool', () => world.assigned >= 1_000, 120_000)
  await Promise.all(Array.from({ length: 500 }, (_, i) => world.create(`waits-${i}`)))
  await world.quiet()
  const [writes, conflicts] = [await world.writes('services'), await world.conflicts()]
  const from = performance.now()
  await Promise.all(Array.from({ length: 1_000 }, (_, i) => world.remove(`held-${i}`)))
  const deletedMs = Math.round(performance.now() - from)
  await eventually(
    'all who wait',
    () => Array.from({ length: 500 }, (_, i) => world.has(`waits-${i}`)).every(Boolean),
    60_000,
  )
  const servedMs = Math.round(performance.now() - from)
  await world.quiet()
  rows.push({
    what: '500 wait, 1 000 are freed',
    'last delete ms': deletedMs,
    'last served ms': servedMs,
    'status writes': (await world.writes('services')) - writes - 1_000,
    conflicts: (await world.conflicts()) - conflicts,
  })
  await stopped(child, 'SIGTERM')
}

/** Now, and at its worst. */
async function memory(child: ChildProcess): Promise<Record<string, number>> {
  await pause(SETTLED_MS)
  const { rssMb, peakRssMb } = footprint(child)
  return { 'RSS MB': rssMb, 'peak RSS MB': peakRssMb }
}

function isReady(): Promise<boolean> {
  return fetch(`http://127.0.0.1:${HEALTH_PORT}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  )
}
