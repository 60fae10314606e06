// One way of watching, in a process of its own: `contestant.ts KUBECONFIG ours|ours-whole|official NUMBER_OF_WATCHES`.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { EventBus } from '@metallb-ts/event-bus'
import { REAL_CLOCK, realRandom } from '@metallb-ts/runtime/node'
import {
  createInformer,
  ENDPOINT_SLICES,
  NODES,
  SERVICES,
  type Informer,
  type KubeEvents,
  type KubeObject,
  type Resource,
  type Unread,
} from '../src/index.ts'
import { connect } from '../src/node/index.ts'

export interface Report {
  readonly syncedMs: number
  readonly peakMiB: number
  /** The longest that anybody in the process waited for the event loop. */
  readonly longestBlockMs: number
  /** The longest that the thread of the event loop itself worked without a pause: what other programs do is not in it. */
  readonly longestBusyMs: number
  readonly cpuMs: number
}

/** Both ways speak of what happened in the same words. */
interface Watching {
  readonly changes: () => number
}

const [path = '', way = '', watches = '3'] = process.argv.slice(2)
const resources = Array.from({ length: Number(watches) }, (_, i) => [SERVICES, ENDPOINT_SLICES, NODES][i % 3]!)
const delay = monitorEventLoopDelay({ resolution: 1 })
let longestBusyMs = 0
let cpuBefore = process.cpuUsage()

let startedAt = 0
const watching = way === 'official' ? await official() : await ours(way === 'ours-whole')
report(performance.now() - startedAt)

process.on('SIGINT', () => process.exit(0))
process.on('disconnect', () => process.exit(0))
process.on('message', (question: 'report' | 'reset') => {
  if (question === 'report') report(0)
  else reset()
})

function reset(): void {
  delay.reset()
  longestBusyMs = 0
  cpuBefore = process.cpuUsage()
}

function watchTurns(before = process.threadCpuUsage()): void {
  setTimeout(() => {
    const now = process.threadCpuUsage()
    longestBusyMs = Math.max(longestBusyMs, (now.user + now.system - before.user - before.system) / 1_000)
    watchTurns(now)
  }, 0)
}

function report(syncedMs: number): void {
  const peakMiB = process.resourceUsage().maxRSS / 1_024
  const { user, system } = process.cpuUsage(cpuBefore)
  const longest = { longestBlockMs: delay.max / 1e6, longestBusyMs }
  process.send?.({ syncedMs, peakMiB, ...longest, cpuMs: (user + system) / 1_000, changes: watching.changes() })
}

/** The programs are loaded; from here on it is about watching. */
function begin(): void {
  startedAt = performance.now()
  delay.enable()
  reset()
  watchTurns()
}

async function ours(isWhole: boolean): Promise<Watching> {
  const { transport } = await connect(path, 'bench')
  const events = new EventBus<KubeEvents>({ now: () => REAL_CLOCK.now(), onHandlerError: console.error })
  let [changes, synced] = [0, 0]
  events.subscribe('kube:changed', () => void changes++)
  const seams = { transport, events, clock: REAL_CLOCK, random: realRandom() }
  const stores: Informer<unknown>[] = resources.map(resource =>
    isWhole
      ? createInformer(seams, { resource })
      : createInformer(seams, {
          resource,
          project: facts(resource),
          unread: unreadOf(resource),
          initial: way === 'ours-pages' ? 'pages' : 'stream',
        }),
  )
  begin()
  await new Promise<void>(resolve => {
    events.subscribe('kube:synced', () => ++synced === stores.length && resolve())
    for (const store of stores) store.start()
  })
  return { changes: () => changes }
}

/** What a load balancer reads of each. */
function facts(resource: Resource): (raw: KubeObject & Record<string, unknown>) => unknown {
  if (resource === SERVICES) {
    return ({ metadata: { name, namespace, labels }, spec, status }) => {
      const { type, externalTrafficPolicy } = spec as Record<string, unknown>
      return { name, namespace, labels, type, externalTrafficPolicy, status }
    }
  }
  if (resource === NODES) {
    return ({ metadata: { name, labels }, status }) => ({
      name,
      labels,
      addresses: (status as { addresses: unknown }).addresses,
    })
  }
  return ({ metadata: { labels }, endpoints }) => ({
    service: labels?.['kubernetes.io/service-name'],
    endpoints: (endpoints as { nodeName: string; conditions: unknown }[]).map(({ nodeName, conditions }) => ({
      nodeName,
      conditions,
    })),
  })
}

/** What no `facts` look at. */
function unreadOf(resource: Resource): Unread {
  const metadata = { managedFields: true } as const
  if (resource === SERVICES) return { metadata, spec: { selector: true, ports: true } }
  if (resource === NODES) return { metadata, status: { conditions: true, images: true } }
  return { metadata, ports: true, endpoints: { '*': { addresses: true, targetRef: true } } }
}

async function official(): Promise<Watching> {
  const k8s = await import('@kubernetes/client-node')
  const config = new k8s.KubeConfig()
  config.loadFromFile(path)
  const core = config.makeApiClient(k8s.CoreV1Api)
  const discovery = config.makeApiClient(k8s.DiscoveryV1Api)
  let changes = 0
  const informers = resources.map(resource => {
    const list = (): Promise<never> =>
      (resource === SERVICES
        ? core.listServiceForAllNamespaces()
        : resource === NODES
          ? core.listNode()
          : discovery.listEndpointSliceForAllNamespaces()) as Promise<never>
    const root = resource === ENDPOINT_SLICES ? '/apis/discovery.k8s.io/v1' : '/api/v1'
    const informer = k8s.makeInformer(config, `${root}/${resource.plural}`, list)
    for (const event of ['add', 'update', 'delete'] as const) informer.on(event, () => void changes++)
    // As its documentation says.
    informer.on('error', () => setTimeout(() => void informer.start(), 1_000))
    return informer
  })
  begin()
  await Promise.all(informers.map(informer => informer.start()))
  return { changes: () => changes }
}
