import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { crds, IP_ADDRESS_POOLS, type Service } from '@metallb-ts/api'
import { EventBus } from '@metallb-ts/event-bus'
import {
  createClient,
  createInformer,
  CUSTOM_RESOURCE_DEFINITIONS,
  NAMESPACES,
  SERVICES,
  type Informer,
  type KubeClient,
  type KubeEvents,
  type KubeObject,
  type KubeTransport,
} from '@metallb-ts/k8s-watch'
import { httpTransport } from '@metallb-ts/k8s-watch/node'
import { REAL_CLOCK, realRandom } from '@metallb-ts/runtime/node'
import { startControlPlane, type ControlPlane } from '@metallb-ts/tools/envtest'
import { eventually, pause, SYSTEM } from '../../src/index.ts'
import { quantile } from '../figures.ts'
import { startPod } from '../pod.ts'
import { SINGLE_EVERY_MS, SINGLES } from './pace.ts'

export const HEALTH_PORT = 17_491

/** A control plane with one pool in it, an observer of its Services, and controllers as pods. */
export class RealWorld implements AsyncDisposable {
  readonly #plane: ControlPlane
  readonly #transport: KubeTransport
  readonly #client: KubeClient
  readonly #observer: Informer<boolean>
  readonly #assigned = new Set<string>()
  readonly #waiters = new Map<string, () => void>()
  readonly #children = new Set<ChildProcess>()

  static async start(folder: string, addresses: string): Promise<RealWorld> {
    const world = new RealWorld(await startControlPlane({ binaries: folder, controllerManager: false }))
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
    const child = startPod('controller', { server, caFile, token, flags: ['--port=0', ...flags] })
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
    for (const crd of crds()) await this.#client.create(CUSTOM_RESOURCE_DEFINITIONS, crd as never)
    await this.#client.create(NAMESPACES, { metadata: { name: SYSTEM } } as never)
    const pool = { metadata: { name: 'p', namespace: SYSTEM }, spec: { addresses: [addresses] } }
    await eventually('the definitions', () => this.#client.create(IP_ADDRESS_POOLS, pool as never).then(() => true))
    await eventually('cluster addresses', () => this.create('s0').then(() => true))
  }
}

const IN_FLIGHT = 32
