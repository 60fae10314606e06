import { EmbeddedWorld } from './controller/embedded-world.ts'
import { countsGiven, quantile, report } from './figures.ts'
import { buildProgram } from './pod.ts'

/**
 * The controller's bundle as a pod against the embedded API server over TLS, as JSON on standard output: the first
 * address, cold start, restart, one Service at a time (quiet, and with deletions beside it), and a full pool that empties.
 * Run with `node --conditions=development bench/controller-embedded.bench.ts [number of Services ...]`.
 */
const STARTS = 5

interface Row {
  readonly what: string
  readonly services: number
  readonly [figure: string]: number | string
}

const rows: Row[] = []

await buildProgram('controller')
await benchStart()
for (const count of countsGiven([1_000, 5_000, 10_000])) await bench(count)
await benchFullPool()
report('controller-embedded', rows)

async function benchStart(): Promise<void> {
  await using world = await EmbeddedWorld.start('10.64.0.0/12')
  world.create('first')
  const times: number[] = []
  for (let i = 0; i < STARTS; i++) {
    world.clear('first')
    const start = performance.now()
    world.run()
    await world.until(() => world.assigned === 1)
    times.push(performance.now() - start)
    await world.stop()
  }
  rows.push({ what: 'start to the first address', services: 1, p50Ms: Math.round(quantile(times, 0.5)) })
}

async function bench(services: number): Promise<void> {
  await using world = await EmbeddedWorld.start('10.64.0.0/12')
  for (let i = 0; i < services; i++) world.create(`s${i}`)
  const lastAddressMs = await world.timed(
    () => world.run(),
    () => world.assigned === services,
  )
  const { cpuMs } = world.footprint()
  await world.quiet()
  rows.push({
    ...{ what: 'cold start', services, lastAddressMs, ...world.footprint(), cpuMs },
    statusWrites: world.writes('/services/'),
    events: world.writes('/events'),
    poolWrites: world.writes('/ipaddresspools/'),
  })

  await world.stop()
  world.create('waits-for-restart')
  const before = world.writes()
  const servedMs = await world.timed(
    () => world.run(),
    () => world.assigned === services + 1,
  )
  await world.quiet()
  const writes = world.writes() - before
  rows.push({ what: 'restart, one Service waiting', services, servedMs, ...world.footprint(), writes })

  await world.stop()
  const atRest = world.writes()
  world.run()
  await world.quiet()
  rows.push({ what: 'restart, nothing to do', services, needlessWrites: world.writes() - atRest })

  rows.push({ what: 'one created at a time', services, ...(await world.singles('quiet', () => {})) })
  let victim = 0
  const remove = (): void => world.delete(`s${victim++}`)
  const now = (i: number): void => {
    if (i % 20 === 0) remove()
  }
  rows.push({ what: 'the same, one deleted a second', services, ...(await world.singles('deletes', now)) })
  rows.push({ what: 'the same, twenty deleted a second', services, ...(await world.singles('mass', remove)) })
}

async function benchFullPool(): Promise<void> {
  await using world = await EmbeddedWorld.start('10.64.0.0-10.64.3.231')
  for (let i = 0; i < 1_000; i++) world.create(`held-${i}`)
  await world.timed(
    () => world.run(),
    () => world.assigned === 1_000,
  )
  for (let i = 0; i < 500; i++) world.create(`waits-${i}`)
  await world.quiet()
  const before = world.writes('/services/')
  const lastServedMs = await world.timed(
    () => {
      for (let i = 0; i < 1_000; i++) world.delete(`held-${i}`)
    },
    () => world.assigned === 500,
  )
  await world.quiet()
  const statusWrites = world.writes('/services/') - before
  rows.push({ what: '500 wait, 1 000 are freed', services: 1_500, lastServedMs, statusWrites })
}
