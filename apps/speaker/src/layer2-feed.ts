import type { EventBus } from '@metallb-ts/event-bus'
import { DONE, type Outcome, type WorkQueue } from '@metallb-ts/k8s-watch'
import type { OwnerFacts } from '@metallb-ts/policy'
import type { Clock } from '@metallb-ts/runtime'
import type { SpeakerEvents } from './events.ts'
import type { Lan } from './lan/lan.ts'
import type { ServiceReconciler } from './reconcile-service.ts'

export interface Layer2FeedParts {
  readonly clock: Clock
  readonly events: EventBus<SpeakerEvents>
  readonly lan: () => Lan | undefined
  readonly services: Pick<ServiceReconciler, 'contestedLayer2' | 'contesting'>
  /** Decides on Services. */
  readonly queue: () => Pick<WorkQueue, 'length' | 'addEvery'>
  /** Has `apply` called soon. */
  readonly onDue: () => void
}

/** What goes to the LAN's thread from all Services, and what comes of it back to them. */
export interface Layer2Feed {
  /** By canonical text of the contested address: what the thread has said last. */
  readonly owners: ReadonlyMap<string, OwnerFacts>
  /** Some Service wants others to be held. */
  changed(): void
  /** No Service waits for a decision. */
  decided(): void
  /**
   * The thread is told everything at once: where more Services are about to say what they want, later, of all of them.
   */
  apply(): Outcome
}

export function createLayer2Feed({ clock, events, lan, services, queue, onDue }: Layer2FeedParts): Layer2Feed {
  const owners = new Map<string, OwnerFacts>()
  /** Services of whose addresses the thread has said something else. */
  const moved = new Set<string>()
  let changedAt: number | undefined

  events.subscribe('l2:owners', ({ detail }) => {
    for (const gone of detail.uncontested) owners.delete(gone)
    for (const { address, ...facts } of detail.owners) {
      owners.set(address, facts)
      for (const service of services.contesting(address)) moved.add(service)
    }
    queue().addEvery('moved', emptied(moved)) // the thread has acted already: who waits for a decision goes first
  })

  return {
    owners,
    changed: () => {
      if (changedAt !== undefined) return
      changedAt = clock.now()
      onDue()
    },
    decided: () => {
      if (changedAt !== undefined) onDue()
    },
    apply: () => {
      if (changedAt === undefined) return DONE
      const ms = changedAt + GATHERED_MS - clock.now()
      if (queue().length > 0 && ms > 0) return { kind: 'later', ms }
      changedAt = undefined
      lan()?.apply(services.contestedLayer2())
      return DONE
    },
  }
}

/** What changes in a walk over all Services waits so long at the most. */
const GATHERED_MS = 100

/** Who takes them reads one ahead: a key is gone when the next is asked for. */
function* emptied(keys: Set<string>): Generator<string> {
  for (const key of keys) {
    yield key
    keys.delete(key)
  }
}
