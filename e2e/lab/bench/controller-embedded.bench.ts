import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crds } from '@metallb-ts/api'
import { startFakeApiServer, type FakeApiServer } from '@metallb-ts/k8s-watch/testing'
import { pause, SYSTEM } from '../src/index.ts'
import {
  buildController,
  footprint,
  loopbackCertificate,
  quantile,
  startControllerPod,
  stopped,
  type Footprint,
} from './controller-pod.ts'

/**
 * The controller's bundle as a pod against the embedded API server over TLS, as JSON on standard output: the first
 * address, cold start, restart, one Service at a time (quiet, and with deletions beside it), and a full pool that empties.
 * Run with `node --conditions=development bench/controller-embedded.bench.ts [number of Services ...]`.
 */
const COUNTS = process.argv
  .slice(2)
  .map(Number)
  .filter(count => count > 0)
const SINGLES = 200
const SINGLE_EVERY_MS = 50
const STARTS = 5
const SETTLED_MS = 4_000

interface Row {
  readonly what: string
  readonly services: number
  readonly [figure: string]: number | string
}

const rows: Row[] = []

await buildController()
await benchStart()
for (const count of COUNTS.length > 0 ? COUNTS : [1_000, 5_000, 10_000]) await bench(count)
await benchFullPool()
process.stdout.write(`${JSON.stringify({ benchmark: 'controller-embedded', rows }, undefined, 2)}\n`)

async function benchStart(): Promise<void> {
  await using lab = await Lab.start('10.64.0.0/12')
  lab.create('first')
  const times: number[] = []
  for (let i = 0; i < STARTS; i++) {
    lab.clear('first')
    const start = performance.now()
    lab.run()
    await lab.until(() => lab.assigned === 1)
    times.push(performance.now() - start)
    await lab.stop()
  }
  rows.push({ what: 'start to the first address', services: 1, p50Ms: Math.round(quantile(times, 0.5)) })
}

async function bench(services: number): Promise<void> {
  await using lab = await Lab.start('10.64.0.0/12')
  for (let i = 0; i < services; i++) lab.create(`s${i}`)
  const lastAddressMs = await lab.timed(
    () => lab.run(),
    () => lab.assigned === services,
  )
  const { cpuMs } = lab.footprint()
  await lab.quiet()
  rows.push({
    ...{ what: 'cold start', services, lastAddressMs, ...lab.footprint(), cpuMs },
    statusWrites: lab.writes('/services/'),
    events: lab.writes('/events'),
    poolWrites: lab.writes('/ipaddresspools/'),
  })

  await lab.stop()
  lab.create('waits-for-restart')
  const before = lab.writes()
  const servedMs = await lab.timed(
    () => lab.run(),
    () => lab.assigned === services + 1,
  )
  await lab.quiet()
  const writes = lab.writes() - before
  rows.push({ what: 'restart, one Service waiting', services, servedMs, ...lab.footprint(), writes })

  await lab.stop()
  const atRest = lab.writes()
  lab.run()
  await lab.quiet()
  rows.push({ what: 'restart, nothing to do', services, needlessWrites: lab.writes() - atRest })

  rows.push({ what: 'one created at a time', services, ...(await lab.singles('quiet', () => {})) })
  let victim = 0
  const remove = (): void => lab.delete(`s${victim++}`)
  const now = (i: number): void => {
    if (i % 20 === 0) remove()
  }
  rows.push({ what: 'the same, one deleted a second', services, ...(await lab.singles('deletes', now)) })
  rows.push({ what: 'the same, twenty deleted a second', services, ...(await lab.singles('mass', remove)) })
}

async function benchFullPool(): Promise<void> {
  await using lab = await Lab.start('10.64.0.0-10.64.3.231')
  for (let i = 0; i < 1_000; i++) lab.create(`held-${i}`)
  await lab.timed(
    () => lab.run(),
    () => lab.assigned === 1_000,
  )
  for (let i = 0; i < 500; i++) lab.create(`waits-${i}`)
  await lab.quiet()
  const before = lab.writes('/services/')
  const lastServedMs = await lab.timed(
    () => {
      for (let i = 0; i < 1_000; i++) lab.delete(`held-${i}`)
    },
    () => lab.assigned === 500,
  )
  await lab.quiet()
  const statusWrites = lab.writes('/services/') - before
  rows.push({ what: '500 wait, 1 000 are freed', services: 1_500, lastServedMs, statusWrites })
}

class Lab implements AsyncDisposable {
  readonly #server: FakeApiServer
  readonly #folder: string
  readonly #assigned = new Set<string>()
  #child: ChildProcess | undefined
  #waiters: (() => void)[] = []

  static async start(addresses: string): Promise<Lab> {
    const folder = mkdtempSync(join(tmpdir(), 'controller-bench-'))
    const server = await startFakeApiServer({ bookmarkMs: 60_000, tls: loopbackCertificate(folder) })
    const create = (path: string, object: object): void =>
      void server.core.create(server.core.target(path)!, object as never)
    for (const crd of crds()) create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd)
    for (const name of ['default', SYSTEM]) create('/api/v1/namespaces', { metadata: { name } })
    create(`/apis/metallb.io/v1beta1/namespaces/${SYSTEM}/ipaddresspools`, {
      metadata: { name: 'p' },
      spec: { addresses: [addresses] },
    })
    return new Lab(server, folder)
  }

  private constructor(server: FakeApiServer, folder: string) {
    this.#server = server
    this.#folder = folder
    server.core.store.listen(({ collection, type, object }) => {
      if (collection !== 'services') return
      const { loadBalancer } = (object['status'] ?? {}) as { loadBalancer?: { ingress?: unknown[] } }
      if (type !== 'DELETED' && (loadBalancer?.ingress?.length ?? 0) > 0) this.#assigned.add(object.metadata.name)
      else this.#assigned.delete(object.metadata.name)
      for (const waiter of this.#waiters.splice(0)) waiter()
    })
  }

  get assigned(): number {
    return this.#assigned.size
  }

  create(name: string): void {
    const spec = { type: 'LoadBalancer', ports: [{ port: 80 }, { port: 443 }] }
    this.#server.core.create(this.#target('/api/v1/namespaces/default/services'), { metadata: { name }, spec })
  }

  delete(name: string): void {
    this.#server.core.delete(this.#target(`${SERVICES}/${name}`))
  }

  /** As if it had never been given anything. */
  clear(name: string): void {
    this.delete(name)
    this.create(name)
  }

  run(): void {
    this.#child = startControllerPod({
      server: this.#server.url,
      caFile: join(this.#folder, 'tls.crt'),
      token: 'anybody',
      flags: ['--health-probe-port=0'],
    })
  }

  async stop(): Promise<void> {
    if (this.#child !== undefined) await stopped(this.#child, 'SIGTERM')
  }

  async timed(begin: () => void, isDone: () => boolean): Promise<number> {
    const start = performance.now()
    begin()
    await this.until(isDone)
    return Math.round(performance.now() - start)
  }

  /** Creates one Service every 50 ms and waits for the address of each. */
  async singles(name: string, beside: (i: number) => void): Promise<Record<string, number>> {
    const waits: number[] = []
    const all: Promise<void>[] = []
    for (let i = 0; i < SINGLES; i++) {
      const service = `${name}-${i}`
      const start = performance.now()
      this.create(service)
      beside(i)
      all.push(this.until(() => this.#assigned.has(service)).then(() => void waits.push(performance.now() - start)))
      await pause(SINGLE_EVERY_MS)
    }
    await Promise.all(all)
    const at = (share: number): number => Math.round(quantile(waits, share) * 10) / 10
    return { p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) }
  }

  /** Everything that is no GET. */
  writes(path = ''): number {
    return this.#server.requests.filter(request => !request.startsWith('GET') && request.includes(path)).length
  }

  footprint(): Footprint {
    return footprint(this.#child!)
  }

  /** No write for long enough that what a start needed has been given back. */
  async quiet(): Promise<void> {
    for (let seen = -1; seen !== this.writes();) {
      seen = this.writes()
      await pause(SETTLED_MS)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    await this.#server.stop()
    rmSync(this.#folder, { recursive: true })
  }

  async until(isDone: () => boolean): Promise<void> {
    while (!isDone()) await new Promise<void>(resolve => this.#waiters.push(resolve))
  }

  #target(path: string): NonNullable<ReturnType<FakeApiServer['core']['target']>> {
    return this.#server.core.target(path)!
  }
}

const SERVICES = '/api/v1/namespaces/default/services'
