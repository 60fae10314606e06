import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Cluster, NAMESPACE } from '../test/cluster.ts'

/**
 * The controller as a process against the embedded API server, as JSON on standard output: cold start, restart, one
 * Service at a time (quiet, and with deletions beside it), and a full pool that empties. Run with
 * `node --conditions=development bench/controller.bench.ts [number of Services ...]`.
 */
const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const COUNTS = process.argv
  .slice(2)
  .map(Number)
  .filter(count => count > 0)
const SINGLES = 200

interface Row {
  readonly what: string
  readonly services: number
  readonly [figure: string]: number | string
}

const rows: Row[] = []

async function bench(services: number): Promise<void> {
  await using lab = await Lab.start()
  lab.cluster.pool('p', ['10.64.0.0/12'])
  for (let i = 0; i < services; i++) lab.cluster.service(`s${i}`, { ports: [{ port: 80 }, { port: 443 }] })
  const cold = await lab.timed(
    () => lab.run(),
    () => lab.assigned === services,
  )
  await lab.quiet()
  rows.push({
    what: 'cold start',
    services,
    lastAddressMs: cold,
    ...lab.figures(),
    statusWrites: lab.writes('/services/'),
  })

  await lab.stop()
  lab.cluster.service('waits-for-restart')
  const before = lab.writes()
  const restart = await lab.timed(
    () => lab.run(),
    () => lab.assigned === services + 1,
  )
  await lab.quiet(1_500)
  rows.push({
    what: 'restart, one Service waiting',
    services,
    servedMs: restart,
    writes: lab.writes() - before,
    ...lab.figures(),
  })

  rows.push({ what: 'one created at a time', services, ...(await lab.singles('quiet', () => {})) })
  let victim = 0
  const remove = (): void => lab.cluster.deleteService(`s${victim++}`)
  rows.push({
    what: 'the same, one deleted a second',
    services,
    ...(await lab.singles('deletes', i => i % 20 === 0 && remove())),
  })
  rows.push({ what: 'the same, twenty deleted a second', services, ...(await lab.singles('mass', remove)) })
}

async function benchFullPool(): Promise<void> {
  await using lab = await Lab.start()
  lab.cluster.pool('p', ['10.64.0.0-10.64.3.231'])
  for (let i = 0; i < 1_000; i++) lab.cluster.service(`held-${i}`)
  await lab.timed(
    () => lab.run(),
    () => lab.assigned === 1_000,
  )
  for (let i = 0; i < 500; i++) lab.cluster.service(`waits-${i}`)
  await lab.quiet()
  const before = lab.writes('/services/')
  const served = await lab.timed(
    () => {
      for (let i = 0; i < 1_000; i++) lab.cluster.deleteService(`held-${i}`)
    },
    () => lab.assigned === 500,
  )
  await lab.quiet()
  rows.push({
    what: '500 wait, 1 000 are freed',
    services: 1_500,
    lastServedMs: served,
    statusWrites: lab.writes('/services/') - before,
  })
}

class Lab implements AsyncDisposable {
  readonly cluster: Cluster
  readonly #folder = mkdtempSync(join(tmpdir(), 'controller-bench-'))
  readonly #assigned = new Set<string>()
  #child: ChildProcess | undefined
  #waiters: (() => void)[] = []

  static async start(): Promise<Lab> {
    return new Lab(await Cluster.start())
  }

  private constructor(cluster: Cluster) {
    this.cluster = cluster
    const user = {
      clusters: [{ name: 'c', cluster: { server: cluster.server.url, 'insecure-skip-tls-verify': true } }],
    }
    const context = { contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }], 'current-context': 'c' }
    writeFileSync(
      join(this.#folder, 'config'),
      JSON.stringify({ apiVersion: 'v1', kind: 'Config', ...user, users: [{ name: 'u', user: {} }], ...context }),
    )
    cluster.server.core.store.listen(({ collection, type, object }) => {
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

  run(): void {
    const args = ['--conditions=development', MAIN, `--kubeconfig=${join(this.#folder, 'config')}`]
    const ports = ['--health-probe-port=0', '--port=0', `--namespace=${NAMESPACE}`, '--log-level=warn']
    this.#child = spawn(process.execPath, [...args, ...ports], { stdio: ['ignore', 'ignore', 'inherit'] })
  }

  async stop(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null) return
    const exit = new Promise(resolve => child.on('exit', resolve))
    child.kill('SIGTERM')
    await exit
  }

  async timed(begin: () => void, isDone: () => boolean): Promise<number> {
    const start = performance.now()
    begin()
    while (!isDone()) await this.#change()
    return Math.round(performance.now() - start)
  }

  /** Creates one Service every 50 ms and waits for the address of each. */
  async singles(name: string, beside: (i: number) => void): Promise<Record<string, number>> {
    const waits: number[] = []
    const all: Promise<void>[] = []
    for (let i = 0; i < SINGLES; i++) {
      const service = `${name}-${i}`
      const start = performance.now()
      this.cluster.service(service)
      beside(i)
      all.push(this.#until(() => this.#assigned.has(service)).then(() => void waits.push(performance.now() - start)))
      await sleep(50)
    }
    await Promise.all(all)
    waits.sort((a, b) => a - b)
    const at = (share: number): number =>
      Math.round(waits[Math.min(waits.length - 1, Math.floor(share * waits.length))]! * 10) / 10
    return { p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) }
  }

  writes(path = ''): number {
    return this.cluster.writes(path).length
  }

  figures(): { rssMb: number; cpuMs: number } {
    const pid = this.#child?.pid ?? 0
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    return {
      rssMb: Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_024),
      cpuMs: (Number(stat[11]) + Number(stat[12])) * 10,
    }
  }

  async quiet(ms = 500): Promise<void> {
    for (let seen = -1; seen !== this.writes();) {
      seen = this.writes()
      await sleep(ms)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    await this.cluster.server.stop()
    rmSync(this.#folder, { recursive: true })
  }

  async #until(isDone: () => boolean): Promise<void> {
    while (!isDone()) await this.#change()
  }

  #change(): Promise<void> {
    return new Promise(resolve => {
      this.#waiters.push(resolve)
    })
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

for (const count of COUNTS.length > 0 ? COUNTS : [1_000, 5_000, 10_000]) await bench(count)
await benchFullPool()
process.stdout.write(`${JSON.stringify({ benchmark: 'controller-embedded', rows }, undefined, 2)}\n`)
