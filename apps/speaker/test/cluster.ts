import { crds, type Condition } from '@metallb-ts/api'
import {
  createSpeaker as createRouter,
  type PeerInit,
  type Speaker as Router,
  type Transport,
} from '@metallb-ts/bgp-fsm'
import { SimNetwork } from '@metallb-ts/bgp-fsm/testing'
import { EventBus } from '@metallb-ts/event-bus'
import { httpTransport } from '@metallb-ts/k8s-watch/node'
import { startFakeApiServer, type FakeApiServer, type FakeApiServerInit } from '@metallb-ts/k8s-watch/testing'
import { address } from '@metallb-ts/netip'
import { REAL_CLOCK } from '@metallb-ts/runtime/node'
import { createPrometheusMetrics, type PrometheusMetrics } from '@metallb-ts/runtime/prometheus'
import { memoryLogger, SimRandom } from '@metallb-ts/runtime/testing'
import { ElectingLan } from '../src/lan/testing/electing-lan.ts'
import { createSpeaker, type Speaker, type SpeakerInit } from '../src/wire.ts'

export const NAMESPACE = 'metallb-system'
export const NODE_ASN = 64_512
export const ROUTER_ASN = 64_513
export const ROUTER = '198.51.100.254'

type Fields = Readonly<Record<string, unknown>>

/** An API server in this process, nodes and routers on a network of its own, and the few objects a speaker test writes. */
export class Cluster {
  readonly server: FakeApiServer
  readonly network: SimNetwork = new SimNetwork({ clock: REAL_CLOCK, random: new SimRandom(1), latencyMs: [0, 1] })
  readonly #cleanups: (() => Promise<unknown>)[] = []

  static async start({
    nodes = ['n1'],
    ...init
  }: FakeApiServerInit & { nodes?: readonly string[] } = {}): Promise<Cluster> {
    const cluster = new Cluster(await startFakeApiServer({ bookmarkMs: 60_000, ...init }))
    for (const crd of crds()) cluster.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd as never)
    for (const name of ['default', NAMESPACE]) cluster.create('/api/v1/namespaces', { metadata: { name } })
    for (const [i, name] of nodes.entries()) cluster.node(name, nodeAddress(i))
    return cluster
  }

  private constructor(server: FakeApiServer) {
    this.server = server
    this.#cleanups.push(() => server.stop())
  }

  async stop(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup()
  }

  node(name: string, internal: string): void {
    const addresses = [{ type: 'InternalIP', address: internal }]
    this.create('/api/v1/nodes', { metadata: { name, labels: { name } }, status: { addresses } })
  }

  /** Of the configuration: `bgppeers`, `ipaddresspools` and so on. */
  configure(plural: string, name: string, spec: object = {}): void {
    this.create(collection(plural), { metadata: { name }, spec })
  }

  edit(plural: string, name: string, spec: object): void {
    this.patch(`${collection(plural)}/${name}`, { spec })
  }

  /** A Service with an address, and a pod on every node named. */
  service(
    name: string,
    ip: string,
    { endpoints = ['n1'], ...spec }: Fields & { endpoints?: readonly string[] } = {},
  ): void {
    this.create('/api/v1/namespaces/default/services', {
      metadata: { name },
      spec: { type: 'LoadBalancer', ports: [{ port: 80 }], ...spec },
      status: { loadBalancer: { ingress: [{ ip }] } },
    })
    this.patch(`/api/v1/namespaces/default/services/${name}/status`, {
      status: { loadBalancer: { ingress: [{ ip }] } },
    })
    this.create('/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', {
      metadata: { name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      endpoints: endpoints.map(nodeName => ({ nodeName, addresses: ['10.0.0.1'], conditions: { ready: true } })),
      ports: [{ port: 80 }],
    })
  }

  endpoints(name: string, nodes: readonly string[]): void {
    this.patch(`/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/${name}-1`, {
      endpoints: nodes.map(nodeName => ({ nodeName, addresses: ['10.0.0.1'], conditions: { ready: true } })),
    })
  }

  condition(service: string): Condition | undefined {
    const { status } = this.get(`/api/v1/namespaces/default/services/${service}`) as {
      status?: { conditions?: readonly Condition[] }
    }
    return status?.conditions?.find(({ type }) => type === 'metallb.io/Announced')
  }

  /** `Warning announceFailed …`, of one object. */
  eventsOf(name: string): readonly string[] {
    const events = this.list('events') as readonly {
      involvedObject: { name: string }
      type: string
      reason: string
      message: string
    }[]
    return events
      .filter(({ involvedObject }) => involvedObject.name === name)
      .map(({ type, reason, message }) => `${type} ${reason} ${message}`)
  }

  /** Statuses of one of our kinds. */
  statuses(plural: string): readonly Fields[] {
    return this.list(`${plural}.metallb.io`).map(({ status }) => (status ?? {}) as Fields)
  }

  writes(): readonly string[] {
    return this.server.requests.filter(request => !request.startsWith('GET'))
  }

  list(store: string): readonly Fields[] {
    return this.server.core.store.list(store) as unknown as readonly Fields[]
  }

  get(path: string): unknown {
    const { status, body } = this.server.core.get(this.#target(path))
    return status === 200 ? body : undefined
  }

  create(path: string, object: { readonly metadata: Fields; readonly [field: string]: unknown }): void {
    done(this.server.core.create(this.#target(path), object as never))
  }

  patch(path: string, patch: object): void {
    done(this.server.core.patch(this.#target(path), 'application/merge-patch+json', patch))
  }

  delete(path: string): void {
    done(this.server.core.delete(this.#target(path)))
  }

  /** A router that waits for the nodes; what it is told is in its log of routes. */
  async router(at: string, asn: number, peers: readonly PeerInit[]): Promise<Router> {
    const events = new EventBus<never>({ now: () => REAL_CLOCK.now(), onHandlerError: console.error })
    const router = createRouter(
      {
        clock: REAL_CLOCK,
        random: new SimRandom(2),
        transport: this.network.host(address(at)).transport,
        events: events as never,
      },
      { asn, routerId: address('192.0.2.254') },
    )
    for (const peer of peers) router.addPeer(peer)
    await router.listen()
    this.#cleanups.push(() => router.stop({ deadlineMs: 100 }))
    return router
  }

  /** @param bgpTransport in place of the network of this cluster */
  async speaker(node = 'n1', init: Partial<SpeakerInit> = {}, token = '', bgpTransport?: Transport): Promise<Running> {
    const running = await runSpeaker(this, node, init, token, bgpTransport)
    this.#cleanups.push(() => running.stop())
    return running
  }

  #target(path: string): NonNullable<ReturnType<FakeApiServer['core']['target']>> {
    const target = this.server.core.target(path)
    if (target === undefined) throw new Error(`nothing is served at ${path}`)
    return target
  }
}

export interface Running {
  readonly speaker: Speaker
  readonly logger: ReturnType<typeof memoryLogger>
  readonly metrics: PrometheusMetrics
  readonly lan: ElectingLan
  stop(): Promise<void>
}

async function runSpeaker(
  cluster: Cluster,
  node: string,
  init: Partial<SpeakerInit>,
  token: string,
  bgpTransport: Transport | undefined,
): Promise<Running> {
  const logger = memoryLogger()
  const metrics = createPrometheusMetrics({ processMetrics: false })
  const transport = httpTransport({
    server: cluster.server.url,
    ...(token !== '' && { authorization: () => `Bearer ${token}` }),
  })
  const lan = new ElectingLan(node, REAL_CLOCK)
  const i = Number(node.slice(1)) - 1
  const speaker = createSpeaker(
    {
      transport,
      bgpTransport: bgpTransport ?? cluster.network.host(address(nodeAddress(i))).transport,
      discovery: { watch: () => ({ stop: () => {} }) },
      clock: REAL_CLOCK,
      random: new SimRandom(3 + i),
      logger,
      metrics,
      startLan: ({ events }) => {
        lan.events = events
        return Promise.resolve(lan)
      },
    },
    {
      node,
      namespace: NAMESPACE,
      podName: '',
      loadBalancerClass: '',
      ignoreExcludeLabel: false,
      hasMembership: false,
      routerId: address(nodeAddress(i)),
      bgpListenPort: 0,
      ...init,
    },
  )
  await speaker.start()
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => (stopped ??= speaker.stop('test').then(() => transport.close()))
  return { speaker, logger, metrics, lan, stop }
}

export function nodeAddress(i: number): string {
  return `198.51.100.${i + 1}`
}

/** Looks again and again until it holds; the last complaint is the failure's. */
export async function eventually(check: () => void, patienceMs = 15_000): Promise<void> {
  const deadline = Date.now() + patienceMs
  for (;;) {
    try {
      return check()
    } catch (error) {
      if (Date.now() > deadline) throw error
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }
}

/** Waits until nothing is written any more. */
export async function quiet(cluster: Cluster, forMs = 5_000): Promise<void> {
  for (let seen = -1; seen !== cluster.writes().length;) {
    seen = cluster.writes().length
    await new Promise(resolve => setTimeout(resolve, forMs))
  }
}

function collection(plural: string): string {
  const version = plural === 'bgppeers' ? 'v1beta2' : 'v1beta1'
  return `/apis/metallb.io/${version}/namespaces/${NAMESPACE}/${plural}`
}

function done({ status, body }: { readonly status: number; readonly body: unknown }): void {
  if (status >= 300) throw new Error(JSON.stringify(body))
}
