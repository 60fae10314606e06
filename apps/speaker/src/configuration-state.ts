import { CONFIGURATION_STATES, type ConfigurationState, type OwnerReference } from '@metallb-ts/api'
import type { EventBus } from '@metallb-ts/event-bus'
import {
  createInformer,
  createWorkQueue,
  DONE,
  whenSynced,
  type KubeClient,
  type KubeTransport,
  type Outcome,
} from '@metallb-ts/k8s-watch'
import {
  configurationStatus,
  withCondition,
  withoutCondition,
  type ConfigProblem,
  type Finding,
} from '@metallb-ts/policy'
import type { Clock, Logger, Random } from '@metallb-ts/runtime'
import type { SpeakerEvents } from './events.ts'
import { permitted } from './permissions.ts'

export interface ConfigurationStateParts {
  readonly client: KubeClient
  readonly transport: KubeTransport
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly events: EventBus<SpeakerEvents>
  /** Undefined until the configuration was read. */
  readonly problems: () => readonly ConfigProblem[] | undefined
  /** How far the drain of this node has come; undefined where it is not drained. */
  readonly drain: () => Finding | undefined
  readonly owner: () => Promise<readonly OwnerReference[]>
}

export interface ConfigurationStateWriter {
  start(): void
  changed(): void
  stop(): Promise<void>
}

/** Keeps `speaker-<node>`, in which people read what this speaker could not use, and whether the node may be rebooted. */
export function createConfigurationStateWriter(
  parts: ConfigurationStateParts,
  { node, namespace }: { readonly node: string; readonly namespace: string },
): ConfigurationStateWriter {
  const { client, transport, clock, random, logger, events, problems, drain, owner } = parts
  const name = `speaker-${node}`
  const key = `${namespace}/${name}`
  const states = createInformer<ConfigurationState>(
    { transport, clock, random, events },
    { resource: CONFIGURATION_STATES, namespace, fieldSelector: `metadata.name=${name}` },
  )
  const queue = createWorkQueue(
    { clock, random },
    {
      name: 'configuration-state',
      reconcile: permitted({ clock, logger }, reconcile),
      onOutcome: (_, outcome: Outcome) => {
        if (outcome.kind === 'retry') logger.debug('configuration-state-retried', { error: String(outcome.error) })
      },
      backoff: { baseMs: 200, maxMs: 60_000 },
    },
  )

  async function reconcile(): Promise<Outcome> {
    const found = problems()
    if (found === undefined) return DONE
    const known = states.get(key)
    const status = desiredStatus(known, found)
    if (status === undefined) return DONE
    if (known === undefined) {
      const labels = { 'metallb.io/component-type': 'speaker', 'metallb.io/node-name': node }
      const metadata = { name, namespace, labels, ownerReferences: await owner() }
      await client.patch(CONFIGURATION_STATES, key, { metadata }, APPLY)
    }
    await client.patch(CONFIGURATION_STATES, key, { metadata: { name, namespace }, status }, APPLY_STATUS)
    return DONE
  }

  function desiredStatus(known: ConfigurationState | undefined, found: readonly ConfigProblem[]): Status | undefined {
    const before = known?.status?.conditions
    const finding = drain()
    const drained =
      finding === undefined
        ? withoutCondition(before, DRAIN_CONDITION)
        : withCondition(before, DRAIN_CONDITION, finding, clock.wallTime())
    const conditions = drained === undefined ? (before ?? []) : (drained ?? [])
    const state = { ...known, status: { ...known?.status, conditions } } as ConfigurationState
    const judged = configurationStatus(state, CONDITION, found, clock.wallTime())
    if (judged !== undefined) return judged
    return drained === undefined ? undefined : { ...known?.status, conditions }
  }

  for (const event of ['config:judged', 'config:applied', 'drain:moved'] as const)
    events.subscribe(event, () => queue.add(name))
  events.subscribe('kube:changed', ({ detail: { kind, change, initial } }) => {
    if (kind === CONFIGURATION_STATES.kind && change === 'deleted' && !initial) queue.add(name)
  })

  return {
    start: () => {
      states.start()
      whenSynced(events, [states], () => {
        queue.start()
        queue.add(name)
      })
    },
    changed: () => queue.add(name),
    stop: async () => {
      states.stop()
      await queue.stop()
    },
  }
}

type Status = NonNullable<ConfigurationState['status']>

const CONDITION = 'configReconcilerValid'
/** True: the node may be rebooted. */
const DRAIN_CONDITION = 'drained'
const APPLY = { type: 'apply', fieldManager: 'metallb-speaker', force: true } as const
const APPLY_STATUS = { ...APPLY, subresource: 'status' } as const
