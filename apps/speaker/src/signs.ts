import type { Speaker as BgpSpeaker } from '@metallb-ts/bgp-fsm'
import type { EventBus } from '@metallb-ts/event-bus'
import type { EventRecorder, KubeClient, KubeTransport } from '@metallb-ts/k8s-watch'
import { speakingOrder } from '@metallb-ts/policy'
import type { Clock, Logger, Random } from '@metallb-ts/runtime'
import type { AnnouncedTracker } from './announced-here.ts'
import { createConfigurationStateWriter } from './configuration-state.ts'
import type { Drain } from './drain-node.ts'
import type { SpeakerEvents } from './events.ts'
import { createKubernetesEvents } from './kubernetes-events.ts'
import type { Lan } from './lan/lan.ts'
import { createOwner } from './owner-reference.ts'
import type { ConfigInForce } from './reconcile-config.ts'
import type { ServiceReconciler, Surroundings } from './reconcile-service.ts'
import { createConditionWriter } from './service-conditions.ts'
import { createSessionStateWriter } from './session-states.ts'
import { createStatusWriter } from './status-objects.ts'
import { removeDeparted } from './departed-nodes.ts'
import type { Stores } from './stores.ts'

export interface SignParts {
  readonly client: KubeClient
  readonly transport: KubeTransport
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly events: EventBus<SpeakerEvents>
  readonly recorder: EventRecorder
  readonly stores: Stores
  readonly bgp: BgpSpeaker
  readonly lan: () => Lan | undefined
  readonly config: ConfigInForce
  readonly services: ServiceReconciler
  readonly announced: AnnouncedTracker
  readonly drain: Drain
  readonly surroundings: () => Surroundings
}

/** Everything that this speaker shows in the cluster: conditions, statuses and Events. Nothing of it is read to decide. */
export interface Signs {
  /** Once the process is ready: what it says before would be taken back. */
  start(): void
  /** Of Services, what is yet to be shown. */
  readonly waiting: number
  stop(): Promise<void>
}

export function createSigns(
  parts: SignParts,
  init: { readonly node: string; readonly namespace: string; readonly podName: string },
): Signs {
  const { client, clock, events, recorder, stores, bgp, lan, config, services, drain, surroundings } = parts
  const { node, namespace } = init
  const owner = createOwner(client, init)
  let isOld = false
  let isStopped = false
  const mayRetract = (): boolean => isOld

  const isAlive = (one: string): boolean => {
    const { nodes, members } = surroundings()
    return nodes.has(one) && (members === 'all' || members.has(one))
  }
  /** The first of the living by name's own order speaks of what all see alike. */
  const speaksFor = (name: string): boolean => {
    const alive = [...surroundings().nodes.keys()].filter(isAlive).sort()
    return alive.length === 0 || alive[nameNumber(name) % alive.length] === node
  }
  const said = createKubernetesEvents(
    {
      bus: events,
      recorder,
      services: stores.services,
      resource: object => stores.resource(object),
      nodeObject: () => stores.nodes.get(node),
      bgp,
      speaksFor,
    },
    init,
  )
  const statuses = createStatusWriter(
    {
      ...parts,
      desired: service => services.desired(service),
      owner,
      mayRetract,
      onFirst: (service, protocol) => said.announced(service, protocol),
    },
    init,
  )
  const conditions = createConditionWriter(
    {
      ...parts,
      services: stores.services,
      isAlive,
      order: service => {
        const slices = stores.slices.by('service', `${service.metadata.namespace ?? ''}/${service.metadata.name}`)
        return speakingOrder({ ...surroundings(), service, slices })
      },
      mayRetract,
      onRefusal: (service, finding) => said.refused(service, finding),
    },
    init,
  )
  const sessions = createSessionStateWriter(
    {
      ...parts,
      bfd: peer =>
        lan()
          ?.counters()
          .bfd.find(one => one.peer === peer),
      owner,
    },
    init,
  )
  const configuration = createConfigurationStateWriter(
    {
      ...parts,
      problems: () => (config.isRead ? config.problems : undefined),
      drain: () => drain.finding(),
      owner,
    },
    init,
  )
  const writers = [statuses, conditions, sessions, configuration]
  removeDeparted({ ...parts, nodes: stores.nodes, speaksFor }, { namespace })

  return {
    start: () => {
      if (isStopped) return
      for (const writer of writers) writer.start()
      clock.setTimer(RETRACT_AFTER_MS, () => {
        if (isStopped) return
        isOld = true
        statuses.everything()
        conditions.everything()
      })
    },
    get waiting() {
      return statuses.length + conditions.length
    },
    stop: async () => {
      isStopped = true
      await Promise.all(writers.map(writer => writer.stop()))
    },
  }
}

/** What was true before a restart mostly is so again soon after it. */
const RETRACT_AFTER_MS = 3_000

function nameNumber(name: string): number {
  let sum = 0
  for (let i = 0; i < name.length; i++) sum = (Math.imul(sum, 31) + name.charCodeAt(i)) >>> 0
  return sum
}
