import { Cluster, NO_LISTENERS, scenarioOf, World } from '../src/index.ts'
import {
  BGP_ADVERTISEMENTS_PATH,
  L2_ADVERTISEMENTS_PATH,
  POOLS_PATH,
  SERVICES_PATH,
  SLICES_PATH,
} from '../src/objects.ts'

/**
 * What one change of a Service costs the API server, as JSON on standard output: requests, and octets of their bodies
 * and answers, with 1 to 200 speakers, one controller and one router in virtual time. Run with
 * `node --conditions=development bench/speakers.bench.ts [number of speakers ...]`.
 */
const COUNTS = process.argv
  .slice(2)
  .map(Number)
  .filter(count => count > 0)
const REPEATS = 10
const START_MS = 30_000
const SETTLE_MS = 5_000

interface Row {
  readonly what: string
  readonly speakers: number
  readonly requests: number
  readonly writes: number
  readonly kilobytes: number
  readonly bytesASpeaker: number
}

async function bench(speakers: number): Promise<readonly Row[]> {
  const world = new World()
  const tally = { requests: 0, writes: 0, bytes: 0 }
  const scenario = {
    ...scenarioOf(1),
    nodes: speakers,
    routers: 1,
    controllers: 1,
    members: 'none' as const,
    frameLoss: 0,
  }
  const cluster = new Cluster({ ...scenario, holdSeconds: 90, historyLimit: 100_000, apiLatencyMs: [1, 2] }, world, {
    ...NO_LISTENERS,
    onRequest: (_program, { method, body }) => {
      tally.requests++
      if (method !== 'GET') tally.writes++
      tally.bytes += body?.length ?? 0
    },
    onHeard: (_program, _request, text) => {
      tally.bytes += text.length
    },
  })
  const { objects } = cluster
  objects.create(POOLS_PATH, { metadata: { name: 'pool' }, spec: { addresses: ['198.51.100.0/24', '2001:db8::/120'] } })
  objects.create(L2_ADVERTISEMENTS_PATH, { metadata: { name: 'l2' }, spec: {} })
  objects.create(BGP_ADVERTISEMENTS_PATH, { metadata: { name: 'bgp' }, spec: {} })

  async function costOf(what: string, change: (i: number) => void): Promise<Row> {
    Object.assign(tally, { requests: 0, writes: 0, bytes: 0 })
    for (let i = 0; i < REPEATS; i++) {
      change(i)
      await world.advance(SETTLE_MS)
    }
    const each = (total: number): number => Math.round((total / REPEATS) * 10) / 10
    return {
      what,
      speakers,
      requests: each(tally.requests),
      writes: each(tally.writes),
      kilobytes: each(tally.bytes / 1_000),
      bytesASpeaker: Math.round(tally.bytes / REPEATS / speakers),
    }
  }

  cluster.start()
  await world.advance(START_MS)
  const troubles = cluster.programs.flatMap(program => program.troubles)
  if (troubles.length > 0) throw new Error(troubles.join('; '))
  const endpoints = (i: number): readonly object[] =>
    [0, 1].map(k => ({ addresses: [`10.244.0.${k + 1}`], nodeName: `node-${1 + ((i + k) % speakers)}` }))
  return [
    await costOf('nothing, for five seconds', () => {}),
    await costOf('a Service with two endpoints is created', i => {
      objects.create(SLICES_PATH, {
        metadata: { name: `s${i}-1`, labels: { 'kubernetes.io/service-name': `s${i}` } },
        addressType: 'IPv4',
        endpoints: endpoints(i),
      })
      objects.create(SERVICES_PATH, {
        metadata: { name: `s${i}` },
        spec: { type: 'LoadBalancer', ports: [{ port: 80 }] },
      })
    }),
    await costOf('its endpoints move', i => objects.patch(`${SLICES_PATH}/s${i}-1`, { endpoints: endpoints(i + 1) })),
    await costOf('it gets a label', i =>
      objects.patch(`${SERVICES_PATH}/s${i}`, { metadata: { labels: { tier: 'a' } } }),
    ),
    await costOf('it is announced from nodes with an endpoint only', i =>
      objects.patch(`${SERVICES_PATH}/s${i}`, { spec: { externalTrafficPolicy: 'Local' } }),
    ),
    await costOf('it is deleted', i => {
      objects.delete(`${SERVICES_PATH}/s${i}`)
      objects.delete(`${SLICES_PATH}/s${i}-1`)
    }),
  ]
}

const rows: Row[] = []
for (const count of COUNTS.length > 0 ? COUNTS : [1, 10, 50, 100, 200]) rows.push(...(await bench(count)))
process.stdout.write(`${JSON.stringify({ benchmark: 'speakers', rows }, undefined, 2)}\n`)
