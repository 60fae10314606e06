import {
  createSpeaker as createBgpSpeaker,
  type Discovery,
  type Speaker as BgpSpeaker,
  type Transport,
} from '@metallb-ts/bgp-fsm'
import { EventBus, recordEvents } from '@metallb-ts/event-bus'
import {
  createClient,
  createRecorder,
  createWorkQueue,
  DONE,
  spreadStart,
  whenSynced,
  type KubeTransport,
} from '@metallb-ts/k8s-watch'
import { address, type Address } from '@metallb-ts/netip'
import { bfdWatches } from '@metallb-ts/policy'
import { RestAfterWork, type Clock, type Logger, type Metrics, type Random } from '@metallb-ts/runtime'
import { createAnnouncedTracker, isAnnounced } from './announced-here.ts'
import { stateOf } from './debug-state.ts'
import { createDrain } from './drain-node.ts'
import type { SpeakerEvents } from './events.ts'
import type { Lan, LanComponents, LanPeer } from './lan/lan.ts'
import { createLayer2Feed } from './layer2-feed.ts'
import { measureLatencies } from './latencies.ts'
import { createMessageCounter } from './message-counts.ts'
import { observe } from './observe.ts'
import { observeLayer2 } from './observe-layer2.ts'
import { createPaths } from './paths.ts'
import { createConfigReconciler } from './reconcile-config.ts'
import { createServiceReconciler, wantsRoutes, type Surroundings } from './reconcile-service.ts'
import { createSigns } from './signs.ts'
import { createStartup } from './startup.ts'
import { createStores } from './stores.ts'
import { createTakenWriter } from './taken-objects.ts'

export interface SpeakerComponents {
  readonly transport: KubeTransport
  readonly bgpTransport: Transport
  /** Finds unnumbered peers. */
  readonly discovery: Discovery
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
  /** Starts the LAN's thread. */
  readonly startLan: (components: Pick<LanComponents, 'events'>) => Promise<Lan>
}

export interface SpeakerInit {
  readonly node: string
  readonly namespace: string
  readonly podName: string
  readonly loadBalancerClass: string
  readonly ignoreExcludeLabel: boolean
  /** At layer 2 a cordoned node owns nothing. @default false */
  readonly avoidCordoned?: boolean
  /** Addresses that somebody else has are told to the controller. @default false */
  readonly guard?: boolean
  /** Heartbeats decide who is alive; otherwise every node counts. */
  readonly hasMembership: boolean
  /** Identifier for peers that name none, until the node's own address is known. */
  readonly routerId: Address
  readonly bgpListenPort: number
  /** Between the mark on the routes of a drained node and their withdrawal, in milliseconds. @default 10000 */
  readonly drainDelayMs?: number
}

export interface Speaker {
  start(): Promise<void>
  /** Withdraws everything, waits for the wire, and stops. */
  stop(signal: string): Promise<void>
  /** Why it does not work yet, or no longer; empty when it does. */
  readonly troubles: readonly string[]
  /** What is true now, as JSON. */
  state(): unknown
  /** The last things that happened, oldest first. */
  events(): readonly unknown[]
  /** What happens, as it happens. */
  readonly bus: EventBus<SpeakerEvents>
}

/** The only file that knows every package. */
export function createSpeaker(components: SpeakerComponents, init: SpeakerInit): Speaker {
  const { clock, random, logger, metrics, transport } = components
  const bus = new EventBus<SpeakerEvents>({
    now: () => clock.now(),
    onHandlerError: (error, { name }) => logger.error('handler-failed', { name, error }),
  })
  const trace = recordEvents(bus)
  const client = createClient(transport, { writesInFlight: WRITES_IN_FLIGHT, clock })
  const recorder = createRecorder({ client, clock }, { component: 'metallb-speaker', host: init.node })
  const stores = createStores({ transport, clock, random, events: bus }, init.namespace)
  const messages = createMessageCounter()
  const bgp: BgpSpeaker = createBgpSpeaker(
    {
      clock,
      random,
      transport: components.bgpTransport,
      discovery: components.discovery,
      events: bus,
      onMessage: message => messages.count(message),
    },
    { asn: UNUSED_ASN, routerId: init.routerId, isRestarting: true, initialSyncMs: INITIAL_SYNC_MS },
  )
  const members = new Set<string>() // this node too joins only when it has listened for the others
  let lan: Lan | undefined
  let saidOfPaths = ''
  let interfaces = ''

  const config = createConfigReconciler(
    { resources: () => stores.config(), bgp, events: bus, isDraining: () => drain.view.isLowered },
    init,
  )
  const surroundings = (): Surroundings => ({
    ...init,
    config: config.config,
    problems: config.problems,
    nodes: config.nodes,
    members: init.hasMembership ? members : 'all',
    owners: layer2.owners,
    interfaces: new Set(lan?.links().map(({ name }) => name)),
    drain: drain.view,
  })
  const services = createServiceReconciler({
    stores,
    bgp,
    events: bus,
    surroundings,
    onLayer2Changed: () => layer2.changed(),
  })
  const layer2 = createLayer2Feed({
    ...{ clock, events: bus, services, lan: () => lan },
    queue: () => serviceQueue,
    onDue: () => work.add('layer2'),
  })
  const seams = { client, clock, random, transport, events: bus, logger }
  const announced = createAnnouncedTracker({ ...seams, services, bgp, links: () => lan?.links() ?? [] }, init)
  const drain = createDrain(
    {
      ...seams,
      announced: () => [...announced.entries()].filter(([, one]) => isAnnounced(one)).map(([service]) => service),
      wanted: () => [...services.services()].filter(service => wantsRoutes(services.desired(service))),
      isAlive: node => (init.hasMembership ? members.has(node) : config.nodes.has(node)),
      onChanged: () => work.add('config'),
    },
    { ...init, delayMs: init.drainDelayMs ?? DRAIN_DELAY_MS },
  )
  const signs = createSigns(
    { ...seams, recorder, stores, bgp, lan: () => lan, config, services, announced, drain, surroundings },
    init,
  )
  const starting = new AbortController()
  const start = createStartup({ bus, clock, bgp, stores, onReady: () => signs.start() })
  const taken = createTakenWriter(seams, init)
  const rest = new RestAfterWork({
    clock,
    isBusy: () => serviceQueue.length + signs.waiting > 0,
    flush: ms => recorder.flush(ms),
    onRest: () => bus.publish('process:rests', {}),
  })

  const tasks = {
    config: () => {
      config.reconcile()
      drain.wish(config.nodes.get(init.node)?.drain ?? 'no')
      for (const task of ['heartbeats', 'paths', 'everyService']) work.add(task) // each has a turn of its own
    },
    heartbeats: () => lan?.setPeers(heartbeatPeers()),
    paths: watchPaths,
    layer2: layer2.apply,
    everyService,
  }
  const work = createWorkQueue(components, {
    name: 'tasks',
    reconcile: task => tasks[task as keyof typeof tasks]() ?? DONE,
    onOutcome: (task, outcome) => {
      if (outcome.kind !== 'done' && outcome.kind !== 'later') logger.error('task-failed', { task, outcome })
    },
  })
  const serviceQueue = createWorkQueue(components, {
    name: 'services',
    reconcile: key => {
      services.reconcile(key)
      return DONE
    },
    onOutcome: (key, outcome) => {
      if (outcome.kind !== 'done') logger.error('service-failed', { service: key, outcome })
      if (serviceQueue.length > 0) return
      layer2.decided()
      start.worked()
    },
  })

  observe({ bus, logger, metrics, node: init.node, bgp, announced, messages, lan: () => lan })
  measureLatencies({ bus, metrics, clock, serviceOfSlice: key => stores.serviceOfSlice(key) })
  observeLayer2({ bus, metrics, recorder, services: stores.services, lan: () => lan })

  whenSynced(bus, stores.all, () => work.add('config'))
  bus.subscribe('kube:changed', ({ detail: { kind, key, initial } }) => {
    if (initial || !isConfigured()) return
    if (kind === 'Service') serviceQueue.add(key)
    else if (kind === 'EndpointSlice') serviceQueue.add(stores.serviceOfSlice(key) ?? key)
    else if (stores.isNews(kind, key)) work.add('config')
  })
  for (const name of ['member:joined', 'member:left'] as const) {
    bus.subscribe(name, ({ detail: { node } }) => {
      if (name === 'member:joined') members.add(node)
      else members.delete(node)
    })
  }
  const paths = createPaths(bus, bgp)
  bus.subscribe('bgp:state-changed', ({ detail: { peer } }) => {
    if (bgp.peers.get(peer)?.init.interface !== undefined) work.add('paths') // it was found, or found elsewhere
  })
  bus.subscribe('link:changed', () => {
    const names = (lan?.links() ?? []).map(({ name }) => name).join()
    if (names === interfaces || !isConfigured()) return
    interfaces = names
    work.add('everyService')
  })
  bus.subscribe('service:judged', () => {
    drain.announcedChanged()
    rest.did()
  })
  bus.subscribe('process:works', () => rest.did())

  function everyService(): void {
    serviceQueue.addEvery('services', serviceKeys())
    serviceQueue.start()
    if (stores.services.size === 0) start.worked()
  }

  function* serviceKeys(): Generator<string> {
    for (const [key] of stores.services.entries()) yield key
  }

  function isConfigured(): boolean {
    return stores.all.every(({ isSynced }) => isSynced)
  }

  function watchPaths(): void {
    const here = config.nodes.get(init.node)
    const where = (peer: string): Address | undefined => bgp.peers.get(peer)?.remote
    const { watches, refusals, cautions } =
      here === undefined ? { watches: [], refusals: [], cautions: [] } : bfdWatches(config.config, here, where)
    const said = JSON.stringify([refusals, cautions])
    if (said !== saidOfPaths) {
      for (const refusal of refusals) logger.error('bfd-refused', { ...refusal })
      for (const caution of cautions) logger.warn('bfd-caution', { ...caution })
    }
    saidOfPaths = said
    paths.setWatches(watches)
    lan?.setBfd(watches)
  }

  function readAll(): void {
    for (const store of stores.all) store.start()
  }

  function heartbeatPeers(): readonly LanPeer[] {
    return [...config.nodes.values()].flatMap(({ name, addresses }) => {
      const to = addresses.ipv4 ?? addresses.ipv6
      return to === undefined ? [] : [{ node: name, address: to }]
    })
  }

  return {
    bus,
    get troubles() {
      return start.troubles()
    },
    start: async () => {
      void spreadStart({ transport, clock, random }, { signal: starting.signal }).then(readAll, () => {})
      lan = await components.startLan({ events: bus })
      if (init.bgpListenPort !== 0) await bgp.listen(init.bgpListenPort)
      work.start() // what has been read meanwhile waits for it
      announced.start()
      if (init.guard === true) taken.start()
    },
    stop: async signal => {
      bus.publish('process:draining', { signal })
      starting.abort()
      drain.stop()
      rest.stop()
      for (const store of stores.all) store.stop()
      const written = signs.stop() // the network hears of it, whether the API server answers or not
      await Promise.all([serviceQueue.stop(), work.stop(), announced.stop()])
      const over = bgp.stop({ reason: `speaker of ${init.node} stops` })
      await Promise.all([over, lan?.stop(over)])
      await Promise.all([written, taken.stop(), recorder.flush(FLUSH_MS)])
    },
    state: () => stateOf({ init, members, lan, config, bgp, announced, drain, start }),
    events: () => trace.events(),
  }
}

const WRITES_IN_FLIGHT = 8
const UNUSED_ASN = 65_535 // every BGPPeer names ours; this one is reserved (RFC 7300)
const DRAIN_DELAY_MS = 10_000
const FLUSH_MS = 1_000
/** After a start, routers with graceful restart wait this long for the end of our routes at the most. */
const INITIAL_SYNC_MS = 60_000

/** The identifier of a speaker that knows none of its addresses: documentation space, told to be changed by routerID. */
export const FALLBACK_ROUTER_ID: Address = address('192.0.2.1')
