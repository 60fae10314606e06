import { CONFIGURATION_STATES, type ConfigurationState } from '@metallb-ts/api'
import {
  configurationStatus,
  withCondition,
  withoutCondition,
  type ConfigProblem,
  type Finding,
} from '@metallb-ts/policy'
import { createOwnObjects, type OwnObjectParts, type Wanted } from './own-objects.ts'

export interface ConfigurationStateParts extends OwnObjectParts {
  /** Undefined until the configuration was read. */
  readonly problems: () => readonly ConfigProblem[] | undefined
  /** How far the drain of this node has come; undefined where it is not drained. */
  readonly drain: () => Finding | undefined
}

export interface ConfigurationStateWriter {
  start(): void
  stop(): Promise<void>
}

/** Keeps `speaker-<node>`, in which people read what this speaker could not use, and whether the node may be rebooted. */
export function createConfigurationStateWriter(
  parts: ConfigurationStateParts,
  { node, namespace }: { readonly node: string; readonly namespace: string },
): ConfigurationStateWriter {
  const { clock, events, problems, drain } = parts
  const name = `speaker-${node}`
  const objects = createOwnObjects<ConfigurationState>(parts, {
    name: 'configuration-state',
    namespace,
    kinds: [
      {
        resource: CONFIGURATION_STATES,
        selection: { fieldSelector: `metadata.name=${name}` },
        keyOf: () => node,
        nameOf: () => name,
        labelsOf: () => ({ 'metallb.io/component-type': 'speaker', 'metallb.io/node-name': node }),
        wanted: (_, before) => wanted(before),
      },
    ],
    onSynced: judge,
  })

  function wanted(before: Status | undefined): Wanted<Status> {
    const found = problems()
    if (found === undefined) return 'undecided'
    const finding = drain()
    const drained =
      finding === undefined
        ? withoutCondition(before?.conditions, DRAIN_CONDITION)
        : withCondition(before?.conditions, DRAIN_CONDITION, finding, clock.wallTime())
    const conditions = (drained === undefined ? before?.conditions : drained) ?? []
    const status = { ...before, conditions }
    const state = { metadata: { name, namespace }, status }
    return { status: configurationStatus(state, CONDITION, found, clock.wallTime()) ?? status }
  }

  function judge(): void {
    objects.add(node)
  }

  for (const event of ['config:judged', 'config:applied', 'drain:moved'] as const) events.subscribe(event, judge)

  return { start: () => objects.start(), stop: () => objects.stop() }
}

type Status = NonNullable<ConfigurationState['status']>

const CONDITION = 'configReconcilerValid'
/** True: the node may be rebooted. */
const DRAIN_CONDITION = 'drained'
