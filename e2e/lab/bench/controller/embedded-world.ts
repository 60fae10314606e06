import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crds } from '@metallb-ts/api'
import { startFakeApiServer, type FakeApiServer } from '@metallb-ts/k8s-watch/testing'
import { pause, SYSTEM } from '../../src/index.ts'
import { quantile } from '../figures.ts'
import { loopbackCertificate } from '../loopback-certificate.ts'
import { footprint, startPod, stopped, type Footprint } from '../pod.ts'
import { SINGLE_EVERY_MS, SINGLES } from './pace.ts'

/** The embedded API server with one pool in it, and the controller as a pod. */
export class EmbeddedWorld implements AsyncDisposable {
  readonly #server: FakeApiServer
  readonly #folder: string
  readonly #assigned = new Set<string>()
  #child: ChildProcess | undefined
  #waiters: (() => void)[] = []

  static async start(addresses: string): Promise<EmbeddedWorld> {
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
    return new EmbeddedWorld(server, folder)
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
    this.#child = startPod('controller', {
      server: this.#server.url,
      caFile: join(this.#folder, 'tls.crt'),
      token: 'anybody',
      flags: ['--port=0', '--health-probe-port=0'],
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
    await pause(GIVEN_BACK_MS)
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
const SETTLED_MS = 4_000
/** V8 gives the system what a collection freed some seconds later. */
const GIVEN_BACK_MS = 12_000
