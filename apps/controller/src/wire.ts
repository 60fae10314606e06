import {
  COMMUNITIES,
  CONFIGURATION_STATES,
  IP_ADDRESS_POOLS,
  type Community,
  type ConfigurationState,
  type IPAddressPool,
  type Namespace,
  type Node,
  type Service,
} from '@metallb-ts/api'
import { EventBus } from '@metallb-ts/event-bus'
import {
  createClient,
  createInformer,
  createLeader,
  createRecorder,
  createWorkQueue,
  NAMESPACES,
  NODES,
  SERVICES,
  whenSynced,
  type Informer,
  type KubeEvents,
  type KubeTransport,
} from '@metallb-ts/k8s-watch'
import type { Clock, Logger, Metrics, Random } from '@metallb-ts/runtime'
import { AddressBook } from './address-book.ts'
import { createConfigurationStateReconciler } from './configuration-state.ts'
import { EventsBehind } from './events-behind.ts'
import type { ConfigEvents, ProcessEvents, ServiceEvents } from './events.ts'
import { ensureMemberSecret } from './member-secret.ts'
import { observe } from './observe.ts'
import { PoolCounters } from './pool-counters.ts'
import { projectNamespace, projectNode, projectService } from './projections.ts'
import { createPoolReconciler } from './reconcile-pools.ts'
import { createServiceReconciler } from './reconcile-service.ts'
import { WaitingServices } from './waiting.ts'
import { attempted, outcomeOf } from './write-outcome.ts'

export interface ControllerComponents {
  readonly transport: KubeTransport
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
  /** The lease went to another: this process must end. */
  readonly onLeaseLost: () => void
}

export interface ControllerInit {
  readonly namespace: string
  readonly podName: string
  readonly loadBalancerClass: string
  /** Empty: none is created. */
  readonly memberSecretName: string
  readonly deployment: string
  /** Name of the Lease that decides which of several controllers acts. Empty: this one does. */
  readonly lease: string
  /** Who we are among the candidates for it. */
  readonly identity: string
}

export interface Controller {
  start(): void
  /** Resolves when nothing is being written any more. */
  stop(signal: string): Promise<void>
  /** Why it does not work yet, or no longer; empty when it does. */
  readonly troubles: readonly string[]
  readonly bus: EventBus<ControllerEvents>
}

export type ControllerEvents = KubeEvents & ServiceEvents & ConfigEvents & ProcessEvents

/** The only file that knows every package. */
export function createController(components: ControllerComponents, init: ControllerInit): Controller {
  const { clock, random, logger, metrics, transport } = components
  const { namespace } = init
  const bus = new EventBus<ControllerEvents>({
    now: () => clock.now(),
    onHandlerError: (error, { name }) => logger.error('handler-failed', { name, error }),
  })
  const leader =
    init.lease === ''
      ? undefined
      : createLeader(
          { client: createClient(transport), clock, random },
          {
            namespace,
            name: init.lease,
            identity: init.identity,
            onBegan: () => {
              logger.info('controller-leads', { lease: init.lease })
              act()
            },
            onEnded: why => {
              logger.warn('controller-leads-no-more', { lease: init.lease, why })
              if (why === 'lost') components.onLeaseLost()
            },
          },
        )
  const mayWrite = (): boolean => leader?.check() ?? true
  const client = createClient(transport, { writesInFlight: WRITES_IN_FLIGHT, mayWrite })
  const recorder = createRecorder({ client, clock }, { component: 'metallb-controller', host: init.podName })

  const eventsBehind = new EventsBehind({ recorder, isBusy: () => serviceQueue.length > WRITES_IN_FLIGHT })

  const seams = { transport, clock, random, events: bus }
  const services = createInformer(seams, { resource: SERVICES, project: projectService })
  const pools = createInformer<IPAddressPool>(seams, { resource: IP_ADDRESS_POOLS, namespace })
  const communities = createInformer<Community>(seams, { resource: COMMUNITIES, namespace })
  const namespaces = createInformer<Namespace>(seams, { resource: NAMESPACES, project: projectNamespace })
  const nodes = createInformer<Node>(seams, { resource: NODES, project: projectNode })
  const states = createInformer<ConfigurationState>(seams, {
    resource: CONFIGURATION_STATES,
    namespace,
    fieldSelector: 'metadata.name=controller',
  })
  const decisive: readonly Informer<unknown>[] = [services, pools, communities, namespaces, nodes]

  const waiting = new WaitingServices({ clock, wake: key => serviceQueue.add(key, { priority: 'backlog' }) })
  const book = new AddressBook(() => waiting.freed())
  const poolReconciler = createPoolReconciler(
    {
      pools: () => pools.list(),
      communities: () => communities.list(),
      namespaces: () => namespaces.list(),
      nodes: () => nodes.list(),
      services: () => services.list(),
      book,
      events: bus,
    },
    init,
  )
  const reconcileService = createServiceReconciler({
    clock,
    services,
    rules: () => poolReconciler.rules,
    book,
    waiting,
    write: async (service, patch) => {
      const key = `${service.metadata.namespace}/${service.metadata.name}`
      const options = { type: 'merge', subresource: 'status' } as const
      const written = await attempted(client.patch<Service>(SERVICES, key, patch, options))
      return written.ok ? { ok: true, value: projectService(written.value) } : written
    },
    events: bus,
  })
  const counters = new PoolCounters({
    clock,
    pools: { get: name => pools.get(`${namespace}/${name}`) },
    usage: () => book.usage(),
    write: async (pool, status) => {
      const key = `${namespace}/${pool.metadata.name}`
      const options = { type: 'merge', subresource: 'status' } as const
      const written = await attempted(client.patch<IPAddressPool>(IP_ADDRESS_POOLS, key, { status }, options))
      return written.ok ? written.value : undefined
    },
  })
  const reconcileState = createConfigurationStateReconciler(
    { clock, client, logger, states, problems: () => poolReconciler.problems },
    init,
  )

  let firstPass: Set<string> | undefined
  const serviceQueue = createWorkQueue(components, {
    name: 'services',
    concurrency: WRITES_IN_FLIGHT,
    reconcile: reconcileService,
    onOutcome: (key, outcome) => {
      counters.changed()
      eventsBehind.look()
      if (outcome.kind === 'failed') logger.error('status-refused', { service: key, error: outcome.error })
      if (outcome.kind === 'later') logger.warn('status-not-written', { service: key, retryMs: outcome.ms })
      firstPassDid(key)
    },
  })
  const configQueue = createWorkQueue(components, {
    name: 'configuration',
    reconcile: key => tasks[key as keyof typeof tasks](),
    onOutcome: (task, outcome) => {
      if (outcome.kind !== 'done') logger.error('task-failed', { task, outcome })
    },
  })
  const tasks = {
    pools: () => {
      poolReconciler.reconcile()
      counters.changed()
      return outcomeOf(undefined)
    },
    state: async () => outcomeOf(await reconcileState()),
    secret: async () => {
      const { memberSecretName: name, deployment } = init
      const problem = await ensureMemberSecret(client, { namespace, name, deployment })
      return problem?.code === 'not-found' ? { kind: 'retry' as const, error: problem } : outcomeOf(problem)
    },
  }

  observe({ bus, logger, metrics, recorder, eventsBehind, usage: () => book.usage(), waiting: () => waiting.size })

  bus.subscribe('kube:changed', ({ detail: { kind, key, initial } }) => {
    if (initial) return
    if (kind === SERVICES.kind) serviceQueue.add(key)
    else if (kind === CONFIGURATION_STATES.kind) configQueue.add('state')
    else if (isWorking()) configQueue.add('pools')
  })
  whenSynced(bus, [states], () => configQueue.add('state'))
  whenSynced(bus, decisive, () => configQueue.add('pools'))
  bus.subscribe('config:judged', () => {
    if (states.isSynced) configQueue.add('state')
  })
  bus.subscribe('config:applied', () => {
    const keys = services.list().map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
    firstPass ??= new Set(keys)
    for (const key of keys) serviceQueue.add(key, { priority: 'backlog' })
    serviceQueue.start()
    firstPassDid()
  })

  const startedAt = clock.now()
  let works = false
  let acts = false

  function act(): void {
    acts = true
    configQueue.start()
    if (init.memberSecretName !== '') configQueue.add('secret')
  }

  function isWorking(): boolean {
    return firstPass !== undefined
  }

  /** Everything that was there at the start has been looked at once, and written where it had to be. */
  function firstPassDid(key?: string): void {
    if (works || firstPass === undefined) return
    if (key !== undefined) firstPass.delete(key)
    if (firstPass.size > 0) return
    works = true
    bus.publish('process:works', { services: services.size, sinceStartMs: Math.round(clock.now() - startedAt) })
  }

  return {
    bus,
    get troubles() {
      const behind = decisive
        .filter(({ isSynced }) => !isSynced)
        .map(({ resource }) => `${resource.plural}: not read yet`)
      const lost = decisive.flatMap(({ resource, trouble }) =>
        trouble === undefined ? [] : [`${resource.plural}: ${trouble}`],
      )
      // One that stands by is ready when it could take over.
      if (works || (!acts && leader !== undefined)) return [...behind, ...lost]
      return [...behind, ...lost, 'the first pass over all Services is not done']
    },
    start: () => {
      for (const informer of [...decisive, states]) informer.start()
      if (leader === undefined) act()
      else leader.start()
    },
    stop: async signal => {
      bus.publish('process:draining', { signal })
      for (const informer of [...decisive, states]) informer.stop()
      waiting.stop()
      counters.stop()
      await Promise.all([serviceQueue.stop(), configQueue.stop()])
      eventsBehind.release()
      await recorder.flush(FLUSH_MS)
      await leader?.stop()
    },
  }
}

const WRITES_IN_FLIGHT = 16
const FLUSH_MS = 2_000
