import {
  SERVICE_BGP_STATUSES,
  SERVICE_L2_STATUSES,
  type OwnerReference,
  type ServiceBGPStatus,
  type ServiceL2Status,
} from '@metallb-ts/api'
import type { EventBus } from '@metallb-ts/event-bus'
import {
  createInformer,
  createWorkQueue,
  DONE,
  isSameJson,
  splitKey,
  whenSynced,
  type Informer,
  type KubeClient,
  type KubeObject,
  type KubeTransport,
  type Outcome,
  type Resource,
  type WorkQueue,
} from '@metallb-ts/k8s-watch'
import type { Clock, Logger, Random } from '@metallb-ts/runtime'
import type { AnnouncedTracker } from './announced-here.ts'
import type { Protocol, SpeakerEvents } from './events.ts'
import { permitted } from './permissions.ts'
import type { Desired } from './reconcile-service.ts'
import { stableName } from './stable-name.ts'
import { createTimeSlices } from './time-slices.ts'

export interface StatusParts {
  readonly client: KubeClient
  readonly transport: KubeTransport
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly events: EventBus<SpeakerEvents>
  readonly announced: AnnouncedTracker
  readonly desired: (service: string) => Desired | undefined
  readonly owner: () => Promise<readonly OwnerReference[]>
  /** False while the process is so young that what is missing may still come. */
  readonly mayRetract: () => boolean
  /** An object was made where there was none: this node announces the Service since now. */
  readonly onFirst: (service: string, protocol: Protocol) => void
}

export interface StatusWriter {
  start(): void
  /** Looks at every Service and object again. */
  everything(): void
  /** Leaves the objects: those of a pod that is deleted go with it, and a process that comes back finds them true. */
  stop(): Promise<void>
}

/** Keeps one ServiceL2Status and one ServiceBGPStatus per Service that this node announces, and none that it does not. */
export function createStatusWriter(
  parts: StatusParts,
  { node, namespace }: { readonly node: string; readonly namespace: string },
): StatusWriter {
  const { client, clock, random, logger, events, announced, desired, transport, owner, mayRetract, onFirst } = parts
  const seams = { transport, clock, random, events }
  const own = {
    namespace,
    labelSelector: `metallb.io/node=${node}`,
    indexes: { service: (object: KubeObject) => [serviceOf(object)] },
  }
  const l2 = createInformer<ServiceL2Status>(seams, { resource: SERVICE_L2_STATUSES, ...own, project })
  const routes = createInformer<ServiceBGPStatus>(seams, { resource: SERVICE_BGP_STATUSES, ...own, project })
  const kinds: readonly StatusKind[] = [
    {
      resource: SERVICE_L2_STATUSES,
      prefix: 'l2',
      protocol: 'layer2',
      informer: l2,
      wanted: service => {
        if ((announced.of(service)?.addresses.length ?? 0) === 0) return undefined
        const [first] = desired(service)?.layer2 ?? []
        const interfaces = first === undefined || first.interfaces === 'all' ? [] : first.interfaces
        return { interfaces: interfaces.map(name => ({ name })) }
      },
    },
    {
      resource: SERVICE_BGP_STATUSES,
      prefix: 'bgp',
      protocol: 'bgp',
      informer: routes,
      wanted: service => {
        const { peers = [] } = announced.of(service) ?? {}
        return peers.length === 0 ? undefined : { peers }
      },
    },
  ]

  const hasTime = createTimeSlices(clock)
  const queue: WorkQueue = createWorkQueue(
    { clock, random },
    {
      name: 'statuses',
      concurrency: AT_ONCE,
      reconcile: permitted({ clock, logger }, async service => {
        await hasTime()
        for (const kind of kinds) await reconcile(kind, service)
        return DONE
      }),
      onOutcome: (service, outcome: Outcome) => {
        if (outcome.kind === 'retry') logger.debug('status-retried', { service, error: String(outcome.error) })
      },
      backoff: { baseMs: 200, maxMs: 60_000 },
    },
  )

  async function reconcile(kind: StatusKind, service: string): Promise<void> {
    const { resource, prefix, protocol, informer } = kind
    const wanted = kind.wanted(service)
    const [first, ...twins] = informer.by('service', service)
    if (wanted === undefined && !mayRetract()) return
    for (const object of wanted === undefined && first !== undefined ? [first, ...twins] : twins) {
      await client.remove(resource, `${namespace}/${object.metadata.name}`)
    }
    if (wanted === undefined) return
    const { namespace: serviceNamespace = '', name: serviceName } = splitKey(service)
    const status = { node, serviceName, serviceNamespace, ...wanted }
    if (isSameJson(first?.status, status)) return
    const name = first?.metadata.name ?? stableName([prefix], [node, serviceNamespace, serviceName])
    if (first === undefined) {
      const labels = {
        'metallb.io/node': node,
        'metallb.io/service-name': serviceName,
        'metallb.io/service-namespace': serviceNamespace,
      }
      const metadata = { name, namespace, labels, ownerReferences: await owner() }
      await client.patch(resource, `${namespace}/${name}`, { metadata }, APPLY)
    }
    const body = { metadata: { name, namespace }, status }
    await client.patch(resource, `${namespace}/${name}`, body, { ...APPLY, subresource: 'status' })
    if (first === undefined) onFirst(service, protocol)
  }

  function everything(): void {
    for (const [service] of announced.entries()) queue.add(service, { priority: 'backlog' })
    for (const { informer } of kinds)
      for (const { metadata } of informer.list()) queue.add(serviceOf({ metadata }), { priority: 'backlog' })
  }

  events.subscribe('service:judged', ({ detail: { service } }) => queue.add(service))
  events.subscribe('kube:changed', ({ detail: { kind, change, initial } }) => {
    const isOurs = kind === SERVICE_L2_STATUSES.kind || kind === SERVICE_BGP_STATUSES.kind
    if (isOurs && change === 'deleted' && !initial) everything()
  })

  return {
    start: () => {
      l2.start()
      routes.start()
      whenSynced(events, [l2, routes], () => queue.start())
    },
    everything,
    stop: async () => {
      l2.stop()
      routes.stop()
      await queue.stop()
    },
  }
}

interface StatusKind {
  readonly resource: Resource
  readonly prefix: string
  readonly protocol: Protocol
  readonly informer: Informer<KubeObject & { readonly status?: unknown }>
  /** The part of the status that is not who and what; undefined where there should be no object. */
  readonly wanted: (service: string) => Readonly<Record<string, unknown>> | undefined
}

const AT_ONCE = 4
const APPLY = { type: 'apply', fieldManager: 'metallb-speaker', force: true } as const

/** What deciding reads of an object, without its managed fields. */
function project<T extends KubeObject & { readonly status?: unknown }>({ metadata, status }: T): T {
  const { name, namespace, labels } = metadata as T['metadata'] & { readonly labels?: object }
  return { metadata: { name, namespace, labels }, status } as unknown as T
}

function serviceOf({ metadata }: KubeObject): string {
  const { labels = {} } = metadata as { readonly labels?: Readonly<Record<string, string>> }
  return `${labels['metallb.io/service-namespace'] ?? ''}/${labels['metallb.io/service-name'] ?? ''}`
}
