import type { Condition, Service } from '@metallb-ts/api'
import type { EventBus } from '@metallb-ts/event-bus'
import {
  createWorkQueue,
  DONE,
  isNewer,
  SERVICES,
  type Informer,
  type KubeClient,
  type Outcome,
  type WorkQueue,
} from '@metallb-ts/k8s-watch'
import { ANNOUNCED_CONDITION, announcedCondition, withCondition, type Finding, type Spoken } from '@metallb-ts/policy'
import type { Clock, Logger, Random } from '@metallb-ts/runtime'
import type { AnnouncedTracker } from './announced-here.ts'
import type { SpeakerEvents } from './events.ts'
import { permitted } from './permissions.ts'

export interface ConditionParts {
  readonly client: KubeClient
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly events: EventBus<SpeakerEvents>
  readonly services: Pick<Informer<Service>, 'get'>
  readonly announced: AnnouncedTracker
  readonly isAlive: (node: string) => boolean
  /** Living nodes in the order in which they speak for the Service. */
  readonly order: (service: Service) => readonly string[]
  readonly mayRetract: () => boolean
  /** This node said of the Service that nobody announces it. */
  readonly onRefusal: (service: string, finding: Finding) => void
}

export interface ConditionWriter {
  start(): void
  everything(): void
  /** Services that are worked on, or wait for that. */
  readonly length: number
  stop(): Promise<void>
}

/**
 * Says on each Service whether it is announced, and if not why. Every speaker knows the sentence, one says it: who comes
 * later in the order waits its turn, and finds it said.
 */
export function createConditionWriter(parts: ConditionParts, { node }: { readonly node: string }): ConditionWriter {
  const { client, clock, random, logger, events, services, announced, isAlive, order, mayRetract, onRefusal } = parts
  const waiting = new Map<string, number>()
  const takeovers = new Map<string, number>()
  const written = new Map<string, Service>()

  const queue: WorkQueue = createWorkQueue(
    { clock, random },
    {
      name: 'conditions',
      urgency: 'backlog',
      concurrency: AT_ONCE,
      reconcile: permitted({ clock, logger }, reconcile),
      onOutcome: (service, outcome) => {
        if (outcome.kind === 'retry') logger.debug('condition-retried', { service, error: String(outcome.error) })
      },
      backoff: { baseMs: 200, maxMs: 60_000 },
    },
  )

  async function reconcile(key: string): Promise<Outcome> {
    const service = latest(key)
    const spoken = service === undefined ? undefined : saying(key, service)
    const conditions = spoken && next(service!, spoken)
    if (service === undefined || spoken === undefined || conditions === undefined) return forget(key)
    const ms = remaining(key, spoken)
    if (ms > 0) return { kind: 'later', ms }
    waiting.delete(key)
    if (spoken.isTakeover) takeovers.set(key, (takeovers.get(key) ?? 0) + 1)
    const { name, namespace } = service.metadata
    const body = { metadata: { name, namespace }, status: conditions.length > 0 ? { conditions } : {} }
    written.set(key, await client.patch<Service>(SERVICES, key, body, APPLY))
    if (spoken.finding !== 'gone' && spoken.finding.status === 'False') onRefusal(key, spoken.finding)
    return DONE
  }

  function saying(key: string, service: Service): Spoken | undefined {
    const here = announced.of(key) ?? { interfaces: [], peers: [], silences: [] }
    const current = conditionOf(service)
    if (!mayRetract() && current?.status === 'True') return undefined
    const spoken = announcedCondition({
      node,
      isAlive,
      order: () => order(service),
      current,
      here,
      silences: here.silences,
    })
    const isSettled = here.interfaces.length + here.peers.length + here.silences.length > 0
    return spoken !== undefined && (mayRetract() || isTrue(spoken)) && isSettled ? spoken : undefined
  }

  /** Our own condition as it should be; undefined where it is. */
  function next(service: Service, { finding }: Spoken): readonly Condition[] | undefined {
    const current = conditionOf(service)
    if (finding === 'gone') return current === undefined ? undefined : []
    return withCondition(current === undefined ? [] : [current], ANNOUNCED_CONDITION, finding, clock.wallTime())
  }

  /** What was written is known before the watch shows it. */
  function latest(key: string): Service | undefined {
    const stored = services.get(key)
    const own = written.get(key)
    if (stored === undefined || own === undefined) return stored
    if (isNewer(own.metadata.resourceVersion ?? '', stored.metadata.resourceVersion ?? '')) return own
    written.delete(key)
    return stored
  }

  function remaining(key: string, spoken: Spoken): number {
    const since = waiting.get(key) ?? clock.now()
    waiting.set(key, since)
    const turn = Math.min(spoken.turn, MOST_TURNS)
    const before = isTrue(spoken) ? 0 : REFUSAL_AFTER_MS
    return since + before + patience(key, spoken) + turn * TURN_MS - clock.now()
  }

  /** Two that take each other for dead would write for ever: each time the word is taken back, it takes twice as long. */
  function patience(key: string, { isTakeover }: Spoken): number {
    return isTakeover ? Math.min(TAKEOVER_AFTER_MS * 2 ** (takeovers.get(key) ?? 0), MOST_TAKEOVER_AFTER_MS) : 0
  }

  function forget(key: string): Outcome {
    waiting.delete(key)
    if (services.get(key) !== undefined) return DONE
    written.delete(key)
    takeovers.delete(key)
    return DONE
  }

  events.subscribe('service:judged', ({ detail: { service } }) => queue.add(service))
  events.subscribe('service:reconciled', ({ detail: { service } }) => queue.add(service, { priority: 'backlog' }))

  return {
    start: () => queue.start(),
    everything: () => queue.addEvery('announced', announced.services()),
    get length() {
      return queue.length
    },
    stop: () => queue.stop(),
  }
}

const AT_ONCE = 4
/** Nobody is told of what is over in a moment. */
const REFUSAL_AFTER_MS = 1_000
/** Longer than a write takes to be seen by the others. */
const TURN_MS = 1_500
const MOST_TURNS = 20
/** A node that died has said nothing false for so long as another announces; one that is only not heard is left its word. */
const TAKEOVER_AFTER_MS = 5_000
const MOST_TAKEOVER_AFTER_MS = 3_600_000
const APPLY = { type: 'apply', subresource: 'status', fieldManager: 'metallb-speaker', force: true } as const

function conditionOf({ status }: Service): Condition | undefined {
  return status?.conditions?.find(({ type }) => type === ANNOUNCED_CONDITION)
}

function isTrue({ finding }: Spoken): boolean {
  return finding !== 'gone' && finding.status === 'True'
}
