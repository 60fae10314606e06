import { SERVICE_L2_STATUSES, TAKEN } from '@metallb-ts/api'
import type { EventBus } from '@metallb-ts/event-bus'
import { createWorkQueue, DONE, isCode, type KubeClient, type KubeObject } from '@metallb-ts/k8s-watch'
import type { Clock, Logger, Random, Timer } from '@metallb-ts/runtime'
import type { SpeakerEvents } from './events.ts'

export interface TakenParts {
  readonly client: KubeClient
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly events: EventBus<SpeakerEvents>
}

export interface TakenWriter {
  start(): void
  stop(): Promise<void>
}

/**
 * Tells the controller which addresses strangers have: one ServiceL2Status each, with a label of its own and without a
 * status, since nobody announces it. It is there for as long as the address is found to be taken.
 */
export function createTakenWriter(
  { client, clock, random, logger, events }: TakenParts,
  { node, namespace }: { readonly node: string; readonly namespace: string },
): TakenWriter {
  const taken = new Map<string, { readonly mac: string; readonly interface: string }>()
  const forgetting = new Map<string, Timer>()
  const queue = createWorkQueue(
    { clock, random },
    {
      name: 'taken-addresses',
      reconcile: async address => {
        const found = taken.get(address)
        if (address === STARTED) await removeThoseOfBefore()
        else if (found === undefined) await client.remove(SERVICE_L2_STATUSES, `${namespace}/${nameOf(node, address)}`)
        else await create(address, found)
        return DONE
      },
      onOutcome: (address, outcome) => {
        if (outcome.kind === 'retry') logger.debug('taken-retried', { address, error: String(outcome.error) })
      },
      backoff: { baseMs: 200, maxMs: 60_000 },
    },
  )

  /** Its Service has another address by now, and nobody asks for this one: it may be tried again. */
  function forget(address: string): void {
    forgetting.get(address)?.cancel()
    forgetting.delete(address)
    if (taken.delete(address)) queue.add(address)
  }

  async function create(address: string, found: { readonly mac: string; readonly interface: string }): Promise<void> {
    const annotations = { [TAKEN.address]: address, [TAKEN.mac]: found.mac, [TAKEN.interface]: found.interface }
    const metadata = { name: nameOf(node, address), namespace, labels: { [TAKEN.label]: node }, annotations }
    await client.create(SERVICE_L2_STATUSES, { metadata } as unknown as KubeObject).catch((error: unknown) => {
      if (!isCode(error, 'already-exists')) throw error
    })
  }

  async function removeThoseOfBefore(): Promise<void> {
    const { items } = await client.list<KubeObject>(SERVICE_L2_STATUSES, {
      namespace,
      labelSelector: `${TAKEN.label}=${node}`,
    })
    const wanted = new Set([...taken.keys()].map(address => nameOf(node, address)))
    for (const { metadata } of items) {
      if (!wanted.has(metadata.name)) await client.remove(SERVICE_L2_STATUSES, `${namespace}/${metadata.name}`)
    }
  }

  events.subscribe('l2:taken', ({ detail: { address, ...found } }) => {
    if (taken.size >= MOST_TAKEN) return
    taken.set(address, found)
    queue.add(address)
    forgetting.get(address)?.cancel()
    forgetting.set(
      address,
      clock.setTimer(REMEMBERED_MS, () => forget(address)),
    )
  })
  events.subscribe('l2:gained', ({ detail: { address } }) => {
    forget(address)
  })

  return {
    start: () => {
      queue.add(STARTED)
      queue.start()
    },
    stop: () => {
      for (const timer of forgetting.values()) timer.cancel()
      return queue.stop()
    },
  }
}

const STARTED = ''
const MOST_TAKEN = 4_096
const REMEMBERED_MS = 3_600_000

/** A name of Kubernetes: letters, digits, dashes and dots. */
function nameOf(node: string, address: string): string {
  return `taken-${address.replaceAll(':', '-').replace(/-$/, '-0')}-on-${node}`.slice(0, 253)
}
