import { CONFIGURATION_STATES, SERVICE_L2_STATUSES } from '@metallb-ts/api'
import { EventBus } from '@metallb-ts/event-bus'
import {
  createClient,
  createLeader,
  createRecorder,
  createWorkQueue,
  objectKey,
  SERVICES,
  whenSynced,
  type KubeEvents,
  type KubeTransport,
  type Leader,
} from '@metallb-ts/k8s-watch'
import { formatAddress } from '@metallb-ts/netip'
import type { Clock, Logger, Metrics, Random } from '@metallb-ts/runtime'
import { AddressBook } from './address-book.ts'
import { createConfigurationStateReconciler } from './configuration-state.ts'
import { EventsBehind } from './events-behind.ts'
import type { ConfigEvents, InstallationEvents, ProcessEvents, ServiceEvents } from './events.ts'
import { FirstPass } from './first-pass.ts'
import { ForeignInstallations } from './foreign-installations.ts'
import { ensureMemberSecret } from './member-secret.ts'
import { observe } from './observe.ts'
import { PoolCounters } from './pool-counters.ts'
import { takenAddresses } from './quarantine.ts'
import { createPoolReconciler } from './reconcile-pools.ts'
import { createServiceReconciler } from './reconcile-service.ts'
import { createStatusWrites } from './status-writes.ts'
import { createStores } from './stores.ts'
import { WaitingServices, whoWaitsFirst } from './waiting.ts'
import { outcomeOf } from './write-outcome.ts'

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
  /** Addresses that speakers find to be a stranger's are given to nobody. @default false */
  readonly guard?: boolean
}

export interface Controller {
  start(): void
  /** Resolves when nothing is being written any more. */
  stop(signal: string): Promise<void>
  /** Why it does not work yet, or no longer; empty when it does. */
  readonly troubles: readonly string[]
  readonly bus: EventBus<ControllerEvents>
}

export type ControllerEvents = KubeEvents & ServiceEvents & ConfigEvents & InstallationEvents & ProcessEvents

/** The only file that knows every package. */
export function createController(components: ControllerComponents, init: ControllerInit): Controller {
  const { clock, random, logger, metrics, transport } = components
  const { namespace } = init
  // The API server notes it beside what we write: it tells installations apart.
  const fieldManager = `metallb-ts-controller.${namespace}`
  const startedAt = clock.now()
  const bus = new EventBus<ControllerEvents>({
    now: () => clock.now(),
    onHandlerError: (error, { name }) => logger.error('handler-failed', { name, error }),
  })

  const leader = createCandidate(components, init, act)
  const mayWrite = (): boolean => leader?.check() ?? true
  const client = createClient(transport, { writesInFlight: WRITES_IN_FLIGHT, mayWrite, clock })
  const recorder = createRecorder({ client, clock }, { component: 'metallb-controller', host: init.podName })
  const eventsBehind = new EventsBehind({ recorder, isBusy: () => serviceQueue.length > WRITES_IN_FLIGHT })
  const writes = createStatusWrites(client, fieldManager)
  const stores = createStores({ transport, clock, random, events: bus }, { ...init, fieldManager })
  const { services, pools, states, taken } = stores

  const waiting = new WaitingServices({ clock, wake: key => serviceQueue.add(key, { priority: 'backlog' }) })
  const book = new AddressBook(() => waiting.freed())
  const foreign = new ForeignInstallations({ clock, events: bus })
  const poolReconciler = createPoolReconciler({ stores, book, events: bus }, init)
  const serviceReconciler = createServiceReconciler({
    ...{ clock, services, book, waiting, foreign, events: bus },
    rules: () => poolReconciler.rules,
    write: writes.service,
  })
  const counters = new PoolCounters({
    clock,
    pools: { get: name => pools.get(`${namespace}/${name}`) },
    usage: () => book.usage(),
    write: writes.pool,
  })
  const reconcileState = createConfigurationStateReconciler(
    { ...{ clock, client, logger, states }, problems: () => poolReconciler.problems, foreign: () => foreign.all },
    init,
  )
  const firstPass = new FirstPass(() => {
    bus.publish('process:works', { services: services.size, sinceStartMs: Math.round(clock.now() - startedAt) })
  })

  const serviceQueue = createWorkQueue(components, {
    name: 'services',
    concurrency: WRITES_IN_FLIGHT,
    reconcile: serviceReconciler.reconcile,
    onOutcome: (key, outcome) => {
      counters.changed()
      eventsBehind.look()
      if (outcome.kind === 'failed') logger.error('status-refused', { service: key, error: outcome.error })
      if (outcome.kind === 'later') logger.warn('status-not-written', { service: key, retryMs: outcome.ms })
      firstPass.did(key)
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
      if (!firstPass.hasBegun) foreign.begin(services.list().flatMap(({ addressesBy }) => addressesBy ?? []))
      poolReconciler.reconcile()
      counters.changed()
      return outcomeOf(undefined)
    },
    quarantine: () => {
      const entries = takenAddresses(taken.list())
      for (const { address, reason } of entries) {
        logger.warn('address-quarantined', { address: formatAddress(address), reason })
      }
      for (const key of book.setQuarantine(entries)) serviceQueue.add(key)
      return outcomeOf(undefined)
    },
    state: async () => outcomeOf(await reconcileState()),
    secret: async () => {
      const { memberSecretName: name, deployment } = init
      const problem = await ensureMemberSecret(client, { namespace, name, deployment })
      return problem?.code === 'not-found' ? { kind: 'retry' as const, error: problem } : outcomeOf(problem)
    },
  }

  observe({
    ...{ bus, logger, metrics, recorder, eventsBehind },
    usage: () => book.usage(),
    waiting: () => waiting.size,
    service: key => services.get(key),
  })

  bus.subscribe('kube:changed', ({ detail: { kind, key, initial } }) => {
    if (initial) return
    if (kind === SERVICES.kind) {
      if (!serviceReconciler.isOver(key)) serviceQueue.add(key)
    } else if (kind === SERVICE_L2_STATUSES.kind) configQueue.add('quarantine')
    else if (kind === CONFIGURATION_STATES.kind) configQueue.add('state')
    else if (firstPass.hasBegun) configQueue.add('pools')
  })
  if (init.guard === true) whenSynced(bus, stores.decisive, () => configQueue.add('quarantine'))
  const stateChanged = (): void => {
    if (states.isSynced) configQueue.add('state')
  }
  whenSynced(bus, [states], stateChanged)
  whenSynced(bus, stores.decisive, () => configQueue.add('pools'))
  bus.subscribe('config:judged', stateChanged)
  bus.subscribe('installation:foreign', stateChanged)
  bus.subscribe('installation:quiet', stateChanged)
  bus.subscribe('config:applied', () => {
    const keys = whoWaitsFirst(services.list()).map(objectKey)
    for (const key of keys) serviceQueue.add(key, { priority: 'backlog' })
    serviceQueue.start()
    firstPass.begin(keys)
  })

  let acts = false

  function act(): void {
    acts = true
    configQueue.start()
    if (init.memberSecretName !== '') configQueue.add('secret')
  }

  return {
    bus,
    get troubles() {
      // One that stands by is ready when it could take over.
      const isReady = firstPass.isDone || (!acts && leader !== undefined)
      return [...stores.troubles, ...(isReady ? [] : ['the first pass over all Services is not done'])]
    },
    start: () => {
      stores.start()
      if (leader === undefined) act()
      else leader.start()
    },
    stop: async signal => {
      bus.publish('process:draining', { signal })
      stores.stop()
      waiting.stop()
      counters.stop()
      foreign.stop()
      await Promise.all([serviceQueue.stop(), configQueue.stop()])
      eventsBehind.release()
      await recorder.flush(FLUSH_MS)
      await leader?.stop()
    },
  }
}

/** One of several candidates for the Lease, where there is one. */
function createCandidate(
  { transport, clock, random, logger, onLeaseLost }: ControllerComponents,
  { namespace, lease, identity }: ControllerInit,
  onBegan: () => void,
): Leader | undefined {
  if (lease === '') return undefined
  return createLeader(
    { client: createClient(transport), clock, random },
    {
      ...{ namespace, name: lease, identity, retryMs: LOOK_AT_LEASE_MS },
      onBegan: () => {
        logger.info('controller-leads', { lease })
        onBegan()
      },
      onEnded: why => {
        logger.warn('controller-leads-no-more', { lease, why })
        if (why === 'lost') onLeaseLost()
      },
    },
  )
}

const WRITES_IN_FLIGHT = 32
const FLUSH_MS = 2_000
/** A standby acts within this of a clean stop, and within this and the 15 s of the Lease of a kill. */
const LOOK_AT_LEASE_MS = 1_500
