import {
  BGP_SESSION_STATES,
  CONFIGURATION_STATES,
  SERVICE_BGP_STATUSES,
  SERVICE_L2_STATUSES,
  type Node,
} from '@metallb-ts/api'
import type { EventBus } from '@metallb-ts/event-bus'
import type { KubeClient, Lister } from '@metallb-ts/k8s-watch'
import type { Logger } from '@metallb-ts/runtime'
import type { SpeakerEvents } from './events.ts'

export interface DepartedParts {
  readonly client: KubeClient
  readonly logger: Logger
  readonly events: EventBus<SpeakerEvents>
  readonly nodes: Pick<Lister<Node>, 'get'>
  readonly speaksFor: (name: string) => boolean
}

/**
 * A node that was deleted takes its statuses with it: one of the others removes them. What belongs to a pod the cluster
 * removes with that; this is for the rest, and for clusters whose garbage is not collected.
 */
export function removeDeparted(
  { client, logger, events, nodes, speaksFor }: DepartedParts,
  { namespace }: { readonly namespace: string },
): void {
  async function remove(node: string): Promise<void> {
    for (const [resource, label] of KINDS) {
      const { items } = await client.list(resource, { namespace, labelSelector: `${label}=${node}` })
      for (const { metadata } of items) await client.remove(resource, `${namespace}/${metadata.name}`)
    }
  }

  events.subscribe('kube:changed', ({ detail: { kind, key, change } }) => {
    if (kind !== 'Node' || change !== 'deleted' || !speaksFor(key)) return
    void remove(key).catch((error: unknown) => {
      if (nodes.get(key) === undefined) logger.warn('statuses-left', { node: key, error: String(error) })
    })
  })
}

const KINDS = [
  [SERVICE_L2_STATUSES, 'metallb.io/node'],
  [SERVICE_BGP_STATUSES, 'metallb.io/node'],
  [BGP_SESSION_STATES, 'metallb.io/node'],
  [CONFIGURATION_STATES, 'metallb.io/node-name'],
] as const
