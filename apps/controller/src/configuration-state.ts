import { CONFIGURATION_STATES, type ConfigurationState, type OwnerReference } from '@metallb-ts/api'
import { PODS, type KubeClient, type KubeFailure } from '@metallb-ts/k8s-watch'
import { configurationStatus, type ConfigProblem, type ForeignInstallation } from '@metallb-ts/policy'
import type { Clock, Logger, Result } from '@metallb-ts/runtime'
import { OwnWrites } from './own-writes.ts'
import { attempted } from './write-outcome.ts'

export interface ConfigurationStateParts {
  readonly clock: Clock
  readonly client: KubeClient
  readonly logger: Logger
  readonly states: { get(key: string): ConfigurationState | undefined }
  readonly problems: () => readonly ConfigProblem[]
  readonly foreign: () => readonly ForeignInstallation[]
}

/** Keeps the object in which people read what is wrong with the configuration; one that is deleted comes back. */
export function createConfigurationStateReconciler(
  { clock, client, logger, states, problems, foreign }: ConfigurationStateParts,
  { namespace, podName }: { readonly namespace: string; readonly podName: string },
): () => Promise<KubeFailure | undefined> {
  const key = `${namespace}/${NAME}`
  const written = new OwnWrites<ConfigurationState>()

  async function reconcile(): Promise<KubeFailure | undefined> {
    const found = written.latest(key, states.get(key))
    const state = found === undefined ? await created() : ({ ok: true, value: found } as const)
    if (!state.ok) return state.error.code === 'already-exists' ? undefined : state.error
    const status = configurationStatus(state.value, CONDITION, problems(), clock.wallTime(), foreign())
    if (status === undefined) return undefined
    const { resourceVersion } = state.value.metadata
    const body = { metadata: { resourceVersion }, status }
    const patched = await attempted(
      client.patchLate<ConfigurationState>(CONFIGURATION_STATES, key, body, { type: 'merge', subresource: 'status' }),
    )
    if (!patched.ok) return patched.error
    written.remember(key, state.value, patched.value)
    return undefined
  }

  async function created(): Promise<Result<ConfigurationState, KubeFailure>> {
    const metadata = { name: NAME, namespace, labels: LABELS, ownerReferences: await owners() }
    return attempted(client.create<ConfigurationState>(CONFIGURATION_STATES, { metadata }))
  }

  async function owners(): Promise<readonly OwnerReference[]> {
    if (podName === '') return []
    const pod = await attempted(client.get(PODS, `${namespace}/${podName}`))
    if (pod.ok) return [{ apiVersion: 'v1', kind: 'Pod', name: podName, uid: pod.value.metadata.uid ?? '' }]
    logger.warn('pod-not-read', { pod: podName, error: pod.error.message })
    return []
  }

  return reconcile
}

const NAME = 'controller'
const CONDITION = 'poolReconcilerValid'
const LABELS = { 'metallb.io/component-type': 'controller' }
