import { SERVICE_BGP_STATUSES, SERVICE_L2_STATUSES, type ServiceBGPStatus, type ServiceL2Status } from '@metallb-ts/api'
import type { Speaker as BgpSpeaker } from '@metallb-ts/bgp-fsm'
import type { EventBus } from '@metallb-ts/event-bus'
import {
  createInformer,
  createWorkQueue,
  DONE,
  isCode,
  PODS,
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
import type { SpeakerEvents } from './events.ts'
import type { BfdView } from './lan/lan.ts'
import type { Announced } from './reconcile-service.ts'

export interface StatusParts {
  readonly client: KubeClient
  readonly transport: KubeTransport
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly events: EventBus<SpeakerEvents>
  readonly announced: () => ReadonlyMap<string, Announced>
  readonly bgp: BgpSpeaker
  readonly bfd: () => readonly BfdView[]
}

export interface StatusWriter {
  start(): void
  /** Leaves the objects: those of a pod that is deleted go with it, and a process that comes back finds them true. */
  stop(): Promise<void>
}

/** Keeps one ServiceL2Status and one ServiceBGPStatus per Service that this node announces, and none that it does not. */
export function createStatusWriter(
  parts: StatusParts,
  init: { readonly node: string; readonly namespace: string; readonly podName: string },
): StatusWriter {
  const { client, clock, random, logger, events, announced, bgp, bfd, transport } = parts
  const { node, namespace, podName } = init
  const seams = { transport, clock, random, events }
  const own = {
    namespace,
    labelSelector: `metallb.io/node=${node}`,
    indexes: { service: (object: KubeObject) => [serviceOf(object)] },
  }
  const l2 = createInformer<ServiceL2Status>(seams, { resource: SERVICE_L2_STATUSES, ...own })
  const routes = createInformer<ServiceBGPStatus>(seams, { resource: SERVICE_BGP_STATUSES, ...own })
  const kinds: readonly StatusKind[] = [
    {
      resource: SERVICE_L2_STATUSES,
      prefix: 'l2-',
      informer: l2,
      desired: service => {
        const addresses = announced().get(service)?.layer2 ?? []
        if (addresses.length === 0) return undefined
        const [{ interfaces }] = addresses as [(typeof addresses)[0]]
        return { interfaces: interfaces === 'all' ? [] : interfaces.map(name => ({ name })) }
      },
    },
    {
      resource: SERVICE_BGP_STATUSES,
      prefix: 'bgp-',
      informer: routes,
      desired: service => {
        const prefixes = new Set(announced().get(service)?.bgp ?? [])
        const told = [...bgp.peers.values()].filter(peer => [...prefixes].some(prefix => peer.isAdvertised(prefix)))
        if (told.length === 0) return undefined
        const peers = told.map(({ init: { name } }) => name).sort()
        const watched = bfd()
          .filter(({ peer }) => peers.includes(peer))
          .map(({ peer, state, seen }) => ({ peer, state, ...(state !== 'up' && { seen }) }))
        return { peers, ...(watched.length > 0 && { bfd: watched }) }
      },
    },
  ]
  let owner: Promise<readonly object[]> | undefined

  const queue: WorkQueue = createWorkQueue(
    { clock, random },
    {
      name: 'statuses',
      reconcile: async service => {
        for (const kind of kinds) await reconcile(kind, service)
        return DONE
      },
      onOutcome: (service, outcome: Outcome) => {
        if (outcome.kind === 'retry') logger.debug('status-retried', { service, error: String(outcome.error) })
      },
      backoff: { baseMs: 200, maxMs: 60_000 },
    },
  )

  async function reconcile({ resource, prefix, informer, desired }: StatusKind, service: string): Promise<void> {
    const wanted = desired(service)
    const [first, ...twins] = informer.by('service', service)
    for (const object of wanted === undefined && first !== undefined ? [first, ...twins] : twins) {
      await client.remove(resource, `${namespace}/${object.metadata.name}`)
    }
    if (wanted === undefined) return
    const { namespace: serviceNamespace = '', name: serviceName } = splitKey(service)
    const status = { node, serviceName, serviceNamespace, ...wanted }
    const existing = first ?? (await created(resource, prefix, serviceName, serviceNamespace))
    if (JSON.stringify((existing as { status?: unknown }).status) === JSON.stringify(status)) return
    await client
      .patch(resource, `${namespace}/${existing.metadata.name}`, { status }, { type: 'merge', subresource: 'status' })
      .catch((error: unknown) => {
        if (!isCode(error, 'not-found')) throw error
      })
  }

  /** A name of its own per node and Service: a create whose answer was lost is found again, not made twice. */
  async function created(
    resource: Resource,
    prefix: string,
    serviceName: string,
    serviceNamespace: string,
  ): Promise<KubeObject> {
    const name = `${prefix}${await digest(`${node}/${serviceNamespace}/${serviceName}`)}`
    const labels = {
      'metallb.io/node': node,
      'metallb.io/service-name': serviceName,
      'metallb.io/service-namespace': serviceNamespace,
    }
    owner ??= ownerReferences()
    try {
      return await client.create(resource, {
        metadata: { name, namespace, labels, ownerReferences: await owner } as never,
      })
    } catch (error) {
      if (!isCode(error, 'already-exists')) throw error
      return client.get(resource, `${namespace}/${name}`)
    }
  }

  async function ownerReferences(): Promise<readonly object[]> {
    if (podName === '') return []
    const pod = await client.get(PODS, `${namespace}/${podName}`).catch(() => undefined)
    return pod?.metadata.uid === undefined
      ? []
      : [{ apiVersion: 'v1', kind: 'Pod', name: podName, uid: pod.metadata.uid }]
  }

  function everything(): void {
    for (const service of announced().keys()) queue.add(service, { priority: 'backlog' })
    for (const { informer } of kinds)
      for (const object of informer.list()) queue.add(serviceOf(object), { priority: 'backlog' })
  }

  events.subscribe('service:reconciled', ({ detail: { service } }) => queue.add(service))
  for (const name of ['bgp:advertised', 'bgp:withdrawn', 'bgp:closed', 'bfd:state-changed', 'bfd:closed'] as const)
    events.subscribe(name, () => scheduleAll())
  whenSynced(events, [l2, routes], () => queue.start())
  events.subscribe('process:works', () => everything())
  events.subscribe('kube:changed', ({ detail: { kind, change, initial } }) => {
    if (kind.endsWith('Status') && change === 'deleted' && !initial) scheduleAll()
  })

  let scheduled = false
  function scheduleAll(): void {
    if (scheduled) return
    scheduled = true
    clock.setTimer(SETTLE_MS, () => {
      scheduled = false
      everything()
    })
  }

  return {
    start: () => {
      l2.start()
      routes.start()
    },
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
  readonly informer: Informer<
    KubeObject & { readonly metadata: { readonly labels?: Readonly<Record<string, string>> } }
  >
  /** The part of the status that is not who and what; undefined where there should be no object. */
  readonly desired: (service: string) => Readonly<Record<string, unknown>> | undefined
}

const SETTLE_MS = 100

function serviceOf({ metadata: { labels = {} } }: KubeObject): string {
  return `${labels['metallb.io/service-namespace'] ?? ''}/${labels['metallb.io/service-name'] ?? ''}`
}

async function digest(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
  return [...bytes.subarray(0, 6)].map(byte => byte.toString(16).padStart(2, '0')).join('')
}
