import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { crds, IP_ADDRESS_POOLS, type Service } from '@metallb-ts/api'
import { EventBus } from '@metallb-ts/event-bus'
import {
  createClient,
  createInformer,
  NAMESPACES,
  SERVICES,
  type Informer,
  type KubeClient,
  type KubeEvents,
  type KubeObject,
  type KubeTransport,
  type Resource,
} from '@metallb-ts/k8s-watch'
import { httpTransport } from '@metallb-ts/k8s-watch/node'
import { REAL_CLOCK, realRandom } from '@metallb-ts/runtime/node'
import { findBinaries, startControlPlane, type ControlPlane } from '@metallb-ts/tools/envtest'
import { eventually, pause, SYSTEM } from '../src/index.ts'
import { buildController, footprint, quantile, startControllerPod, stopped } from './controller-pod.ts'

/**
 * The controller's bundle against a real kube-apiserver over etcd on the same machine, as JSON on standard output: cold
 * start, restart with everything assigned, one Service at a time, quietly and beside deletions; then, over a small pool,
 * the first address, a pool that empties while others wait, and a standby that takes over. `node
 * --conditions=development bench/controller-real.bench.ts [number of Services ...]`.
 */
const COUNTS = process.argv
  .slice(2)
  .map(Number)
  .filter(count => count > 0)
const SINGLES = 200
const SINGLE_EVERY_MS = 50
const IN_FLIGHT = 32
const COMPACTED_MS = 5_000
const HEALTH_PORT = 17_491
const STARTS = 5
const TAKE_OVERS = 3
const WARM_MS = 4_000
const STANDBY = ['--health-probe-port=0', '--lease=controller']

const CRDS: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}

const rows: Readonly<Record<string, string | number>>[] = []
const binaries = findBinaries()
if (!binaries.ok) throw new Error(binaries.reason)
await buildController()
for (const count of COUNTS.length > 0 ? COUNTS : [1_000, 5_000, 10_000]) await bench(binaries.folder, count)
await benchSmallPool(binaries.folder)
process.stdout.write(`${JSON.stringify({ benchmark: 'controller-real', rows }, undefined, 2)}\n`)
process.exit()

/** A control plane with one pool in it, an observer of its Services, and controllers as pods. */
class World implements AsyncDisposable {
  readonly #plane: ControlPlane
  readonly #transport: KubeTransport
  readonly #client: KubeClient
  readonly #observer: Informer<boolean>
  readonly #assigned = new Set<string>()
  readonly #waiters = new Map<string, () => void>()
  readonly #children = new Set<ChildProcess>()

  static async start(folder: string, addresses: string): Promise<World> {
    const world = new World(await startControlPlane({ binaries: folder, controllerManager: false }))
    await world.#prepare(addresses)
    return world
  }

  private constructor(plane: ControlPlane) {
    this.#plane = plane
    this.#transport = httpTransport({
      server: plane.url,
      tls: { ca: readFileSync(plane.caFile) },
      authorization: () => `Bearer ${plane.adminToken}`,
    })
    this.#client = createClient(this.#transport, { writesInFlight: IN_FLIGHT })
    const events = new EventBus<KubeEvents>({ now: () => REAL_CLOCK.now(), onHandlerError: console.error })
    this.#observer = createInformer<KubeObject & Service, boolean>(
      { transport: this.#transport, clock: REAL_CLOCK, random: realRandom(), events },
      {
        resource: SERVICES,
        namespace: 'default',
        project: ({ status }) => (status?.loadBalancer?.ingress ?? []).length > 0,
      },
    )
    events.subscribe('kube:changed', ({ detail: { key } }) => {
      if (this.#observer.get(key) !== true) return void this.#assigned.delete(key)
      this.#assigned.add(key)
      this.#waiters.get(key)?.()
    })
    process.once('exit', () => this.#killAll())
  }

  get assigned(): number {
    return this.#assigned.size
  }

  has(name: string): boolean {
    return this.#assigned.has(`default/${name}`)
  }

  run(flags: readonly string[] = [`--health-probe-port=${HEALTH_PORT}`]): ChildProcess {
    const { url: server, caFile, adminToken: token } = this.#plane
    const child = startControllerPod({ server, caFile, token, flags })
    this.#children.add(child)
    return child
  }

  create(name: string): Promise<unknown> {
    const ports = [
      { name: 'a', port: 80 },
      { name: 'b', port: 443 },
    ]
    const spec = { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, ports }
    return this.#client.create(SERVICES, { metadata: { name, namespace: 'default' }, spec } as never)
  }

  remove(name: string): Promise<void> {
    return this.#client.remove(SERVICES, `default/${name}`)
  }

  /** Requests that changed something, leases left out; of one resource, or of all. */
  async writes(resource?: string): Promise<number> {
    return this.#count(`verb="(?:POST|PUT|PATCH|APPLY|DELETE)"`, labels => {
      return (
        !labels.includes('resource="leases"') && (resource === undefined || labels.includes(`resource="${resource}"`))
      )
    })
  }

  /** Writes that were refused because somebody else wrote first. */
  async conflicts(): Promise<number> {
    return this.#count(`code="409"`, labels => labels.includes('resource="services"'))
  }

  async quiet(): Promise<number> {
    for (let before = -1, now = await this.writes(); ;) {
      if (now === before) return now
      await pause(1_000)
      ;[before, now] = [now, await this.writes()]
    }
  }

  async synced(services: number): Promise<void> {
    this.#observer.start()
    await eventually('the observer', () => this.#observer.isSynced && this.#observer.size >= services)
  }

  async singles(prefix: string, beside: (i: number) => void): Promise<Record<string, number>> {
    const waits: number[] = []
    const creates: number[] = []
    const shares: number[] = []
    const all: Promise<unknown>[] = []
    for (let i = 0; i < SINGLES; i++) {
      const from = performance.now()
      const name = `${prefix}-${i}`
      const shown = new Promise<void>(resolve => this.#waiters.set(`default/${name}`, resolve)).then(() =>
        performance.now(),
      )
      beside(i)
      await this.create(name)
      const created = performance.now()
      creates.push(created - from)
      all.push(
        shown.then(at => {
          waits.push(at - from)
          shares.push(at - created)
        }),
      )
      await pause(SINGLE_EVERY_MS)
    }
    await Promise.all(all)
    const at = (times: readonly number[], share: number): number => Math.round(quantile(times, share))
    return {
      'p50 ms': at(waits, 0.5),
      'p95 ms': at(waits, 0.95),
      'p99 ms': at(waits, 0.99),
      'of it, the create p50 ms': at(creates, 0.5),
      'after its answer p50 ms': at(shares, 0.5),
      'after its answer p99 ms': at(shares, 0.99),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#killAll()
    this.#observer.stop()
    await this.#transport.close()
    await this.#plane.stop()
  }

  #killAll(): void {
    for (const child of this.#children) child.kill('SIGKILL')
  }

  async #count(labels: string, counts: (labels: string) => boolean): Promise<number> {
    const page = await (await this.#transport.request({ method: 'GET', path: '/metrics' })).text()
    const lines = page.matchAll(new RegExp(`^apiserver_request_total\\{([^}]*${labels}[^}]*)\\} (\\S+)$`, 'gm'))
    return [...lines].filter(([, found]) => counts(found!)).reduce((sum, [, , count]) => sum + Number(count), 0)
  }

  async #prepare(addresses: string): Promise<void> {
    for (const crd of crds()) await this.#client.create(CRDS, crd as never)
    await this.#client.create(NAMESPACES, { metadata: { name: SYSTEM } } as never)
    const pool = { metadata: { name: 'p', namespace: SYSTEM }, spec: { addresses: [addresses] } }
    await eventually('the definitions', () => this.#client.create(IP_ADDRESS_POOLS, pool as never).then(() => true))
    await eventually('cluster addresses', () => this.create('s0').then(() => true))
  }
}

async function bench(folder: string, services: number): Promise<void> {
  await using world = await World.start(folder, '10.64.0.0/12')
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
  await using world = await World.start(folder, '10.64.0.0-10.64.3.231')
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
async function benchTakeOver(world: World): Promise<void> {
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

async function benchWaiting(world: World): Promise<void> {
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

/** Now, and at its worst: after a start the heap is compacted. */
async function memory(child: ChildProcess): Promise<Record<string, number>> {
  await pause(COMPACTED_MS)
  const { rssMb, peakRssMb } = footprint(child)
  return { 'RSS MB': rssMb, 'peak RSS MB': peakRssMb }
}

function isReady(): Promise<boolean> {
  return fetch(`http://127.0.0.1:${HEALTH_PORT}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  )
}
