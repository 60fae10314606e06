import { crds } from '@metallb-ts/api'
import { SimNetwork } from '@metallb-ts/bgp-fsm/testing'
import { httpTransport } from '@metallb-ts/k8s-watch/node'
import { startFakeApiServer, type FakeApiServer } from '@metallb-ts/k8s-watch/testing'
import { SimNode, SimSegment } from '@metallb-ts/l2-announcer/testing'
import { address, mac } from '@metallb-ts/netip'
import { REAL_CLOCK } from '@metallb-ts/runtime/node'
import { createPrometheusMetrics } from '@metallb-ts/runtime/prometheus'
import { memoryLogger, SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { LanCore } from './lan/lan-core.ts'
import type { Lan, LanComponents } from './lan/lan.ts'
import { createSpeaker, type Speaker } from './wire.ts'

/** The whole speaker but for the thread: an API server in this process, and the LAN's core on a simulated segment. */
const SYSTEM = 'metallb-system'
const NODE = 'n1'
const WAIT = { timeout: 10_000, interval: 50 }

let server: FakeApiServer
let transport: ReturnType<typeof httpTransport>
let logger: ReturnType<typeof memoryLogger>
let speaker: Speaker

beforeEach(async () => {
  server = await startFakeApiServer()
  for (const definition of crds()) create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition)
  for (const name of ['default', SYSTEM]) create('/api/v1/namespaces', { metadata: { name } })
  create('/api/v1/nodes', { metadata: { name: NODE, labels: {} } })
  custom('ipaddresspools', { metadata: { name: 'lan' }, spec: { addresses: ['192.0.2.0/24', '2001:db8::/64'] } })
  custom('l2advertisements', { metadata: { name: 'lan' }, spec: {} })
  transport = httpTransport({ server: server.url })
  logger = memoryLogger()
  speaker = createSpeaker(
    {
      transport,
      bgpTransport: new SimNetwork({ clock: REAL_CLOCK, random: new SimRandom(1) }).host(address('198.51.100.1'))
        .transport,
      discovery: { watch: () => ({ stop: () => {} }) },
      clock: REAL_CLOCK,
      random: new SimRandom(2),
      logger,
      metrics: createPrometheusMetrics({ processMetrics: false }),
      startLan: ({ events }) => Promise.resolve(simulatedLan(events)),
    },
    {
      node: NODE,
      namespace: SYSTEM,
      podName: '',
      loadBalancerClass: '',
      ignoreExcludeLabel: false,
      hasMembership: false,
      routerId: address('198.51.100.1'),
      bgpListenPort: 0,
    },
  )
  await speaker.start()
})

afterEach(async () => {
  await speaker.stop('test')
  await transport.close()
  await server.stop()
})

const SERVICES = '/api/v1/namespaces/default/services'
const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'

it('[row 44] a Service is announced when the LAN says that it is, and its status object goes with its endpoints', async () => {
  createService('web', '192.0.2.10')
  await vi.waitFor(() => expect(statuses()).toMatchObject([{ status: { node: NODE, serviceName: 'web' } }]), WAIT)
  const events = logger.lines.map(({ event }) => event)
  expect(events.indexOf('address-gained')).toBeGreaterThan(-1)
  expect(speaker.state()).toMatchObject({
    services: { 'default/web': { addresses: ['192.0.2.10'], interfaces: ['eth0'] } },
  })
  patch(`${SLICES}/web-1`, { endpoints: [] })
  await vi.waitFor(() => expect(statuses()).toEqual([]), WAIT)
  await vi.waitFor(() => expect(logger.lines.some(({ event }) => event === 'address-lost')).toBe(true), WAIT)
})

it('a stranger that claims an address is told of on the Service that has it, and on no other', async () => {
  createService('web', '192.0.2.10', '2001:db8::10')
  createService('other', '192.0.2.11')
  await vi.waitFor(() => expect(statuses()).toHaveLength(2), WAIT)
  for (const claimed of ['192.0.2.10', '2001:db8::10'])
    speaker.bus.publish('l2:conflict', { address: claimed, interface: 'eth0', mac: '02:00:00:00:00:bb' })
  const told = (): readonly string[] =>
    (server.core.store.list('events') as unknown as readonly { reason: string; involvedObject: { name: string } }[])
      .filter(({ reason }) => reason === 'addressConflict')
      .map(({ involvedObject }) => involvedObject.name)
  await vi.waitFor(() => expect(told()).toEqual(['web', 'web']), WAIT)
})

function createService(name: string, ...addresses: readonly string[]): void {
  create(SERVICES, { metadata: { name }, spec: { type: 'LoadBalancer', ports: [{ port: 80 }] } })
  create(SLICES, {
    metadata: { name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [],
    endpoints: [{ addresses: ['10.0.0.1'], nodeName: NODE, conditions: { ready: true } }],
  })
  patch(`${SERVICES}/${name}/status`, { status: { loadBalancer: { ingress: addresses.map(ip => ({ ip })) } } })
}

function simulatedLan(events: LanComponents['events']): Lan {
  const clock = new SimClock()
  const random = new SimRandom(3)
  const host = new SimNode(clock)
  host.plug(new SimSegment({ clock, random }), { name: 'eth0', mac: mac('02:00:00:00:00:01') })
  const core = new LanCore(
    {
      clock,
      random,
      links: host,
      monitor: host,
      arpIgnore: () => 0,
      end: () => {},
      post: message => {
        if (message.type === 'events')
          for (const { name, detail } of message.events) events.publish(name, detail as never)
      },
    },
    { node: NODE },
  )
  core.start()
  clock.advance(1)
  return {
    apply: desired => {
      core.onMessage({ type: 'apply', desired })
      clock.advance(1)
    },
    setPeers: () => {},
    setBfd: () => {},
    counters: () => ({ addresses: {}, ignored: {}, sendFailures: 0, bfd: [] }),
    links: () => [],
    stop: () => Promise.resolve(core.onMessage({ type: 'stop' })),
  }
}

function statuses(): readonly unknown[] {
  return server.core.store.list('servicel2statuses.metallb.io') as readonly unknown[]
}

function custom(plural: string, object: object): void {
  create(`/apis/metallb.io/v1beta1/namespaces/${SYSTEM}/${plural}`, object)
}

function create(collection: string, object: object): void {
  const { status, body } = server.core.create(server.core.target(collection)!, object as never)
  if (status >= 300) throw new Error(JSON.stringify(body))
}

function patch(path: string, change: object): void {
  const { status, body } = server.core.patch(server.core.target(path)!, 'application/merge-patch+json', change)
  if (status >= 300) throw new Error(JSON.stringify(body))
}
