import { request } from 'node:https'
import { setTimeout as pause } from 'node:timers/promises'
import { conversionWebhook, crds } from '@metallb-ts/api'
import { createSpeaker as createRouter } from '@metallb-ts/bgp-fsm'
import { SimNetwork } from '@metallb-ts/bgp-fsm/testing'
import { EventBus } from '@metallb-ts/event-bus'
import { createAccessReviewer, createClient, type KubeResponse, type KubeTransport } from '@metallb-ts/k8s-watch'
import { httpTransport } from '@metallb-ts/k8s-watch/node'
import { startFakeApiServer, type FakeApiServer } from '@metallb-ts/k8s-watch/testing'
import { address } from '@metallb-ts/netip'
import type { Clock } from '@metallb-ts/runtime'
import { REAL_CLOCK } from '@metallb-ts/runtime/node'
import { createPrometheusMetrics, type PrometheusMetrics } from '@metallb-ts/runtime/prometheus'
import { memoryLogger, SimRandom } from '@metallb-ts/runtime/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { readControllerOptions } from '@metallb-ts/controller/options'
import { startWebhooks } from '@metallb-ts/controller/webhooks'
import { createController } from '@metallb-ts/controller/wire'
import { ElectingLan } from '@metallb-ts/speaker/lan/testing/electing-lan'
import { createSpeaker } from '@metallb-ts/speaker/wire'
import { renderChart, type Rendered } from '@metallb-ts/tools/chart/helm'
import { noting, permissionsOf, rulesFor } from './permissions.ts'
import { environment } from './running.ts'
import { containerOf, helm, where } from './support.ts'

const SYSTEM = 'metallb-system'
const NODE = 'n1'
const WEBHOOKS = { controller: { webhookMode: 'enabled' } }
const WEBHOOK_CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations'
const [NODE_ADDRESS, ROUTER_ADDRESS] = [address('198.51.100.1'), address('198.51.100.254')]

const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

describe.skipIf(!helm.ok)(`permissions (${where})`, () => {
  it.each([
    ['lists that are streamed', { streamsLists: true }],
    ['lists that are not', { streamsLists: false }],
    ['a second controller that stands by', { streamsLists: false, values: { controller: { replicas: 2 } } }],
    ['a guard against strangers', { streamsLists: false, values: { speaker: { layer2: { guard: true } } } }],
    ['webhooks', { streamsLists: false, values: WEBHOOKS }],
    ['webhooks that convert', { streamsLists: false, values: { ...WEBHOOKS, crds: { conversionWebhook: true } } }],
  ])(
    '[row 109] the controller and the speaker need what the chart allows them, and nothing more: with %s',
    async (_, { streamsLists, values = {} }: Variant) => {
      const objects = await renderChart({ values })
      const rules = {
        controller: rulesFor(objects, 'metallb-controller'),
        speaker: rulesFor(objects, 'metallb-speaker'),
      }
      const cluster = await startCluster(objects, rules, streamsLists)
      const controller = startController(cluster, objects)
      const speaker = startSpeaker(cluster)
      await live(cluster)
      await Promise.all([controller.stop(), speaker.stop()])

      const refused = [...controller.complaints(), ...speaker.complaints()].filter(text => /forbidden/i.test(text))
      expect(refused).toEqual([])
      // A list that comes as a watch needs no permission to list; servers before 1.34 have none such.
      const compared = (permissions: ReadonlySet<string>): readonly string[] =>
        [...permissions].filter(permission => !streamsLists || !permission.startsWith('list ')).sort()
      expect(compared(controller.used)).toEqual(compared(permissionsOf(rules.controller)))
      expect(compared(speaker.used)).toEqual(compared(permissionsOf(rules.speaker)))
    },
  )
})

interface Variant {
  readonly streamsLists: boolean
  readonly values?: object
}

interface Cluster {
  readonly server: FakeApiServer
  create(collection: string, object: object): void
  patch(path: string, patch: object): void
  remove(path: string): void
  list(kind: string): readonly Record<string, unknown>[]
}

/** The API server lets everybody do what the chart says, in a cluster in which there is something to do. */
async function startCluster(
  objects: readonly Rendered[],
  rules: { readonly controller: ReturnType<typeof rulesFor>; readonly speaker: ReturnType<typeof rulesFor> },
  streamsLists: boolean,
): Promise<Cluster> {
  const users = (['controller', 'speaker'] as const).map(name => ({ token: name, name, rules: rules[name] }))
  const server = await startFakeApiServer({ users, streamsLists })
  cleanups.push(() => server.stop())
  const target = (path: string): NonNullable<ReturnType<typeof server.core.target>> => server.core.target(path)!
  const done = ({ status, body }: { status: number; body: unknown }): void => {
    if (status >= 300) throw new Error(JSON.stringify(body))
  }
  const cluster: Cluster = {
    server,
    create: (collection, object) => done(server.core.create(target(collection), object as never)),
    patch: (path, patch) => done(server.core.patch(target(path), 'application/merge-patch+json', patch)),
    remove: path => done(server.core.delete(target(path))),
    list: kind => server.core.store.list(kind) as unknown as readonly Record<string, unknown>[],
  }
  for (const crd of crds()) {
    const isConverted = crd.metadata.name === 'bgppeers.metallb.io'
    const spec = { ...crd.spec, ...(isConverted && { conversion: conversionWebhook(SYSTEM) }) }
    cluster.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { ...crd, spec })
  }
  for (const name of ['default', SYSTEM]) cluster.create('/api/v1/namespaces', { metadata: { name } })
  cluster.create('/api/v1/nodes', {
    metadata: { name: NODE },
    status: { addresses: [{ type: 'InternalIP', address: '198.51.100.1' }] },
  })
  for (const name of ['controller-pod', 'speaker-pod'])
    cluster.create(`/api/v1/namespaces/${SYSTEM}/pods`, { metadata: { name } })
  const deployment = objects.find(({ kind }) => kind === 'Deployment')!
  cluster.create(`/apis/apps/v1/namespaces/${SYSTEM}/deployments`, deployment)
  for (const object of objects) {
    if (object.kind === 'ValidatingWebhookConfiguration') cluster.create(WEBHOOK_CONFIGURATIONS, object)
    if (object.kind === 'Secret') cluster.create(`/api/v1/namespaces/${SYSTEM}/secrets`, object)
  }
  const configuration: readonly (readonly [string, string, object])[] = [
    ['v1beta1', 'ipaddresspools', { addresses: ['192.0.2.0/24'] }],
    ['v1beta1', 'l2advertisements', {}],
    ['v1beta1', 'bgpadvertisements', {}],
    ['v1beta2', 'bgppeers', { myASN: 64_512, peerASN: 64_513, peerAddress: '198.51.100.254' }],
  ]
  for (const [version, plural, spec] of configuration)
    cluster.create(`/apis/metallb.io/${version}/namespaces/${SYSTEM}/${plural}`, { metadata: { name: 'a' }, spec })
  return cluster
}

interface Running {
  /** Permissions that its requests needed. */
  readonly used: ReadonlySet<string>
  complaints(): readonly string[]
  stop(): Promise<void>
}

function startController({ server }: Cluster, objects: readonly Rendered[]): Running {
  const { used, logger, components, ask } = process(server, 'controller')
  const { args, env } = containerOf(objects, 'controller')
  const options = readControllerOptions([...args, '--webhook-port=0'], {
    ...environment(env),
    METALLB_POD_NAME: 'controller-pod',
  })
  if (!options.ok) throw new Error(options.error.code)
  const init = { ...options.value, identity: 'controller-pod' }
  const controller = createController({ ...components, onLeaseLost: () => {} }, init)
  controller.start()
  const webhooks =
    init.webhookMode === 'disabled'
      ? undefined
      : startWebhooks({ ...components, client: createClient(components.transport) }, init)
  return {
    used,
    complaints: () => logger.lines.map(line => JSON.stringify(line)),
    stop: async () => {
      await ask()
      if (webhooks !== undefined) await review(logger)
      await Promise.all([controller.stop('test'), webhooks?.then(started => started.stop())])
    },
  }
}

/** Asks the webhooks what an API server asks, when somebody writes a pool. */
async function review(logger: ReturnType<typeof memoryLogger>): Promise<void> {
  const served = (): number => {
    const line = logger.lines.find(({ event }) => event === 'webhooks-served')
    return Number(line?.fields?.['port'] ?? 0)
  }
  await vi.waitFor(() => expect(served()).not.toBe(0), WAIT)
  const object = { metadata: { name: 'b', namespace: SYSTEM }, spec: { addresses: ['203.0.113.0/24'] } }
  const body = JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: { uid: '1', operation: 'CREATE', namespace: SYSTEM, name: 'b', object, oldObject: null },
  })
  const answer = await new Promise<string>((resolve, reject) => {
    const path = '/validate-metallb-io-v1beta1-ipaddresspool'
    const options = { host: '127.0.0.1', port: served(), path, method: 'POST', rejectUnauthorized: false }
    request(options, response => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => (text += part))
      response.on('end', () => resolve(text))
    })
      .on('error', reject)
      .end(body)
  })
  expect(JSON.parse(answer)).toMatchObject({ response: { uid: '1', allowed: true } })
}

/** It holds its elections alone, its router is a speaker of the same kind. */
function startSpeaker({ server }: Cluster): Running {
  const { used, logger, components, ask } = process(server, 'speaker')
  const network = new SimNetwork({ clock: REAL_CLOCK, random: new SimRandom(1) })
  const events = new EventBus<never>({ now: () => REAL_CLOCK.now(), onHandlerError: error => console.error(error) })
  const router = createRouter(
    {
      clock: REAL_CLOCK,
      random: new SimRandom(2),
      transport: network.host(ROUTER_ADDRESS).transport,
      events: events as never,
    },
    { asn: 64_513, routerId: ROUTER_ADDRESS },
  )
  router.addPeer({ name: NODE, remote: NODE_ADDRESS, peerAsn: 64_512, passive: true })
  const lan = new ElectingLan(NODE, REAL_CLOCK)
  const speaker = createSpeaker(
    {
      ...components,
      bgpTransport: network.host(NODE_ADDRESS).transport,
      discovery: { watch: () => ({ stop: () => {} }) },
      startLan: ({ events }) => {
        lan.events = events
        return Promise.resolve(lan)
      },
    },
    {
      node: NODE,
      namespace: SYSTEM,
      podName: 'speaker-pod',
      loadBalancerClass: '',
      ignoreExcludeLabel: false,
      hasMembership: false,
      routerId: NODE_ADDRESS,
      bgpListenPort: 0,
    },
  )
  const started = router.listen().then(() => speaker.start())
  return {
    used,
    complaints: () => logger.lines.map(line => JSON.stringify(line)),
    stop: async () => {
      await started
      await ask()
      await Promise.all([speaker.stop('test'), router.stop()])
    },
  }
}

interface ProgramParts {
  readonly used: Set<string>
  readonly logger: ReturnType<typeof memoryLogger>
  readonly components: {
    readonly transport: KubeTransport
    readonly clock: Clock
    readonly random: SimRandom
    readonly logger: ReturnType<typeof memoryLogger>
    readonly metrics: PrometheusMetrics
  }
  /** What a scrape makes it ask. */
  ask(): Promise<unknown>
}

/** Of who asks for metrics: the fake server reviews nobody. */
const REVIEWED: KubeResponse = {
  status: 201,
  headers: {},
  text: () =>
    Promise.resolve(JSON.stringify({ status: { authenticated: true, user: { username: 'a' }, allowed: true } })),
  lines: () => {
    throw new Error('a review is read whole')
  },
}

/** The seams of one program, whose requests are noted. */
function process(server: FakeApiServer, name: string): ProgramParts {
  const used = new Set<string>()
  const inner = httpTransport({ server: server.url, authorization: () => `Bearer ${name}` })
  cleanups.push(() => inner.close())
  const transport = noting(inner, SYSTEM, used)
  const logger = memoryLogger()
  const metrics = createPrometheusMetrics({ processMetrics: false })
  const reviewing = noting({ ...inner, request: () => Promise.resolve(REVIEWED) }, SYSTEM, used)
  const reviewer = createAccessReviewer({ client: createClient(reviewing), clock: REAL_CLOCK })
  return {
    used,
    logger,
    components: { transport, clock: REAL_CLOCK, random: new SimRandom(3), logger, metrics },
    ask: () => reviewer.mayGet('Bearer prometheus', '/metrics'),
  }
}

/** An address is given and announced, taken back and given again; a status of the speaker's is hidden from it. */
async function live(cluster: Cluster): Promise<void> {
  cluster.create('/api/v1/namespaces/default/services', {
    metadata: { name: 'web' },
    spec: { type: 'LoadBalancer', ports: [{ port: 80 }] },
  })
  cluster.create('/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', {
    metadata: { name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: true }, nodeName: NODE }],
    ports: [{ port: 80 }],
  })
  await statuses(cluster, 1)
  cluster.patch(WEB, { spec: { type: 'ClusterIP' } })
  await statuses(cluster, 0)
  cluster.patch(WEB, { spec: { type: 'LoadBalancer' } })
  await statuses(cluster, 1)
  await vi.waitFor(() => expect(conditions(cluster)).toContain('metallb.io/Announced'), WAIT)
  const peers = `/apis/metallb.io/v1beta2/namespaces/${SYSTEM}/bgppeers`
  await vi.waitFor(() => expect(cluster.list('bgpsessionstates.metallb.io')).toHaveLength(1), WAIT)
  cluster.remove(`${peers}/a`)
  await vi.waitFor(() => expect(cluster.list('bgpsessionstates.metallb.io')).toHaveLength(0), WAIT)
  await departed(cluster)
  const counted = (): number => cluster.list('events').filter(event => Number(event['count']) > 1).length
  await vi.waitFor(() => expect(counted()).toBeGreaterThanOrEqual(2), WAIT)
}

function statusObjects(cluster: Cluster): readonly { readonly plural: string; readonly name: string }[] {
  return ['servicel2statuses', 'servicebgpstatuses'].flatMap(plural =>
    cluster.list(`${plural}.metallb.io`).map(({ metadata }) => ({ plural, name: (metadata as { name: string }).name })),
  )
}

async function statuses(cluster: Cluster, ofEach: number): Promise<void> {
  await vi.waitFor(() => expect(statusObjects(cluster)).toHaveLength(2 * ofEach), WAIT)
}

function conditions(cluster: Cluster): readonly string[] {
  const [web] = cluster.list('services') as readonly { status?: { conditions?: readonly { type: string }[] } }[]
  return (web?.status?.conditions ?? []).map(({ type }) => type)
}

/** A node goes, and what its speaker had said of it. */
async function departed(cluster: Cluster): Promise<void> {
  cluster.create('/api/v1/nodes', { metadata: { name: 'n2' } })
  cluster.create(`/apis/metallb.io/v1beta1/namespaces/${SYSTEM}/configurationstates`, {
    metadata: { name: 'speaker-n2', labels: { 'metallb.io/node-name': 'n2' } },
  })
  const states = (): readonly unknown[] => cluster.list('configurationstates.metallb.io')
  const before = states().length
  await pause(500)
  cluster.remove('/api/v1/nodes/n2')
  await vi.waitFor(() => expect(states()).toHaveLength(before - 1), WAIT)
}

const WEB = '/api/v1/namespaces/default/services/web'
const WAIT = { timeout: 20_000, interval: 50 }
