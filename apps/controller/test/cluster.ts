import { crds, type Condition, type Service, type ServiceSpec } from '@metallb-ts/api'
import type { KubeRequest, KubeTransport } from '@metallb-ts/k8s-watch'
import { httpTransport } from '@metallb-ts/k8s-watch/node'
import { startFakeApiServer, type FakeApiServer } from '@metallb-ts/k8s-watch/testing'
import { REAL_CLOCK } from '@metallb-ts/runtime/node'
import { createPrometheusMetrics, type PrometheusMetrics } from '@metallb-ts/runtime/prometheus'
import { memoryLogger, SimRandom } from '@metallb-ts/runtime/testing'
import { createController, type Controller, type ControllerInit } from '../src/wire.ts'

export const NAMESPACE = 'metallb-system'

/** An API server in this process with the custom resources in it, and the few objects a controller test writes. */
export class Cluster {
  readonly server: FakeApiServer

  static async start(): Promise<Cluster> {
    const server = await startFakeApiServer({ bookmarkMs: 60_000 })
    const cluster = new Cluster(server)
    for (const definition of crds()) {
      cluster.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition as never)
    }
    for (const name of ['default', NAMESPACE]) cluster.create('/api/v1/namespaces', { metadata: { name } })
    return cluster
  }

  private constructor(server: FakeApiServer) {
    this.server = server
  }

  create(
    collection: string,
    object: { metadata: { name: string; [field: string]: unknown }; [field: string]: unknown },
  ): void {
    const { status, body } = this.server.core.create(this.#target(collection), object)
    if (status >= 300) throw new Error(JSON.stringify(body))
  }

  /** @param manager who writes, as the API server's own record has it */
  patch(path: string, patch: unknown, manager?: string): void {
    const { status, body } = this.server.core.patch(this.#target(path), 'application/merge-patch+json', patch, manager)
    if (status >= 300) throw new Error(JSON.stringify(body))
  }

  delete(path: string): void {
    this.server.core.delete(this.#target(path))
  }

  pool(name: string, addresses: readonly string[], more: object = {}): void {
    this.create(`${POOLS}`, { metadata: { name }, spec: { addresses, ...more } })
  }

  editPool(name: string, spec: object): void {
    this.patch(`${POOLS}/${name}`, { spec })
  }

  deletePool(name: string): void {
    this.delete(`${POOLS}/${name}`)
  }

  poolStatus(name: string): unknown {
    return this.get(`${POOLS}/${name}`)?.['status']
  }

  service(name: string, spec: ServiceSpec = {}, annotations: Record<string, string> = {}, namespace = 'default'): void {
    this.create(`/api/v1/namespaces/${namespace}/services`, {
      metadata: { name, annotations },
      spec: { type: 'LoadBalancer', ports: [{ port: 80 }], ...spec },
    })
  }

  editService(name: string, patch: object): void {
    this.patch(`/api/v1/namespaces/default/services/${name}`, patch)
  }

  deleteService(name: string): void {
    this.delete(`/api/v1/namespaces/default/services/${name}`)
  }

  getService(name: string, namespace = 'default'): Service {
    return this.get(`/api/v1/namespaces/${namespace}/services/${name}`) as unknown as Service
  }

  addressesOf(name: string): readonly string[] {
    return (this.getService(name)?.status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip ?? '?')
  }

  conditionOf(name: string): Condition | undefined {
    return this.getService(name)?.status?.conditions?.find(({ type }) => type === 'metallb.io/AddressAssigned')
  }

  services(): readonly Service[] {
    return this.server.core.store.list('services') as unknown as readonly Service[]
  }

  /** `Normal IPAllocated Assigned IP …`, of one Service, in the order of writing. */
  eventsOf(name: string): readonly string[] {
    const events = this.server.core.store.list('events') as unknown as readonly KubernetesEvent[]
    return events
      .filter(({ involvedObject }) => involvedObject.name === name)
      .sort((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion))
      .map(({ type, reason, message }) => `${type} ${reason} ${message}`)
  }

  /** Writes so far: everything that is no GET. */
  writes(path = ''): readonly string[] {
    return this.server.requests.filter(request => !request.startsWith('GET') && request.includes(path))
  }

  get(path: string): Record<string, unknown> | undefined {
    const { status, body } = this.server.core.get(this.#target(path))
    return status === 200 ? (body as Record<string, unknown>) : undefined
  }

  #target(path: string): NonNullable<ReturnType<FakeApiServer['core']['target']>> {
    const target = this.server.core.target(path)
    if (target === undefined) throw new Error(`nothing is served at ${path}`)
    return target
  }
}

interface KubernetesEvent {
  readonly metadata: { readonly resourceVersion: string }
  readonly involvedObject: { readonly name: string }
  readonly type: string
  readonly reason: string
  readonly message: string
}

const POOLS = `/apis/metallb.io/v1beta1/namespaces/${NAMESPACE}/ipaddresspools`

export interface Running extends AsyncDisposable {
  readonly controller: Controller
  readonly logger: ReturnType<typeof memoryLogger>
  readonly metrics: PrometheusMetrics
  /** As kill -9: from now on nothing of it reaches the server. */
  kill(): Promise<void>
  stop(): Promise<void>
}

export interface RunOptions extends Partial<ControllerInit> {
  /** Asked before each write; dies there, before the server sees it or after. */
  readonly dieAt?: (write: number) => 'before' | 'after' | undefined
}

export function runController(cluster: Cluster, { dieAt, ...init }: RunOptions = {}): Running {
  const http = httpTransport({ server: cluster.server.url })
  const transport = new MortalTransport(http, dieAt ?? (() => undefined))
  const logger = memoryLogger()
  const metrics = createPrometheusMetrics({ processMetrics: false })
  const controller = createController(
    { transport, clock: REAL_CLOCK, random: new SimRandom(1), logger, metrics, onLeaseLost: () => {} },
    {
      namespace: NAMESPACE,
      podName: '',
      loadBalancerClass: '',
      memberSecretName: '',
      deployment: '',
      lease: '',
      identity: 'test',
      ...init,
    },
  )
  controller.start()
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => (stopped ??= controller.stop('test').then(() => http.close()))
  const kill = (): Promise<void> => {
    transport.die()
    return stop()
  }
  return { controller, logger, metrics, kill, stop, [Symbol.asyncDispose]: stop }
}

/** A process that may die in the middle of a request. */
class MortalTransport implements KubeTransport {
  readonly #inner: KubeTransport
  readonly #dieAt: NonNullable<RunOptions['dieAt']>
  #writes = 0
  #isDead = false

  constructor(inner: KubeTransport, dieAt: NonNullable<RunOptions['dieAt']>) {
    this.#inner = inner
    this.#dieAt = dieAt
  }

  die(): void {
    this.#isDead = true
  }

  async request(request: KubeRequest): ReturnType<KubeTransport['request']> {
    const death = request.method === 'GET' || this.#isDead ? undefined : this.#dieAt(this.#writes++)
    if (death === 'before') this.die()
    if (this.#isDead) throw new Error('the process is dead')
    if (death === undefined) return this.#inner.request(request)
    this.die()
    await this.#inner.request(request)
    throw new Error('the process is dead')
  }

  close(): Promise<void> {
    return this.#inner.close()
  }
}

/** Looks again and again until it holds; the last complaint is the failure's. */
export async function eventually(check: () => void, patienceMs = 60_000): Promise<void> {
  const deadline = Date.now() + patienceMs
  for (;;) {
    try {
      return check()
    } catch (error) {
      if (Date.now() > deadline) throw error
      await new Promise(resolve => setTimeout(resolve, 5))
    }
  }
}

/** Lets everything that is under way come to rest. */
export async function quiet(cluster: Cluster, forMs = 150): Promise<void> {
  for (let seen = -1; seen !== cluster.writes().length;) {
    seen = cluster.writes().length
    await new Promise(resolve => setTimeout(resolve, forMs))
  }
}
