import type { Service } from '@metallb-ts/api'
import type { Publisher } from '@metallb-ts/event-bus'
import { formatAddress } from '@metallb-ts/netip'
import { DONE, type KubeFailure, type LateAnswer, type Outcome } from '@metallb-ts/k8s-watch'
import { serviceOutcome, type RequestRules, type ServiceOutcome, type ServicePatch } from '@metallb-ts/policy'
import type { Clock, Result } from '@metallb-ts/runtime'
import type { AddressBook, Decision } from './address-book.ts'
import { Contest } from './contest.ts'
import type { ServiceEvents } from './events.ts'
import type { ForeignInstallations } from './foreign-installations.ts'
import { OwnWrites } from './own-writes.ts'
import type { KeptService } from './projections.ts'
import type { WaitingServices } from './waiting.ts'
import { outcomeOf } from './write-outcome.ts'

export interface ServiceParts {
  readonly clock: Clock
  readonly services: { get(key: string): KeptService | undefined }
  readonly rules: () => RequestRules
  readonly book: Pick<AddressBook, 'decide' | 'settled' | 'gone' | 'grounds'>
  readonly waiting: WaitingServices
  readonly foreign: ForeignInstallations
  /** Patches the status sub-resource and answers with the object as it is then. */
  readonly write: (service: KeptService, patch: ServicePatch) => Promise<Result<LateAnswer<KeptService>, KubeFailure>>
  readonly events: Publisher<ServiceEvents>
}

export interface ServiceReconciler {
  /** Makes one Service's status say what is so. */
  reconcile(key: string): Promise<Outcome>
  /** Whether the store has nothing new: our own write came back. True once for each write. */
  isOver(key: string): boolean
}

export function createServiceReconciler(parts: ServiceParts): ServiceReconciler {
  const { clock, services, rules, book, waiting, foreign, write, events } = parts
  const written = new OwnWrites<KeptService>()
  const contest = new Contest(clock)
  /** Whole answers that are written and have not come back, with the grounds they were given on. */
  const settled = new Map<string, number>()

  function isEcho(key: string, stored: KeptService | undefined): boolean {
    return settled.get(key) === book.grounds && written.isEcho(key, stored)
  }

  function isOver(key: string): boolean {
    if (!isEcho(key, services.get(key))) return false
    settled.delete(key)
    written.forget(key)
    events.publish('service:reconciled', { service: key, failed: false })
    return true
  }

  async function reconcile(key: string): Promise<Outcome> {
    const stored = services.get(key)
    const isSeen = isEcho(key, stored)
    settled.delete(key)
    const service = written.latest(key, stored)
    if (service === undefined) return gone(key)
    if (isSeen) return DONE
    const startedAt = clock.now()
    const decision = book.decide(key, service, rules())
    if (decision.reading.kind === 'ask' && service.addressesBy !== undefined) foreign.look(key, service.addressesBy)
    const outcome = serviceOutcome(service, decision.reading, decision.answer, clock.wallTime())
    if (lacksSomething(outcome, decision)) waiting.add(key)
    const delayMs = outcome.isContested ? contested(key, service) : undefined
    if (delayMs !== undefined) return { kind: 'later', ms: delayMs }
    const problem = outcome.patch && (await patched(key, service, outcome.patch))
    if (problem !== undefined) return outcomeOf(problem)
    book.settled(key)
    if (outcome.patch !== undefined && !lacksSomething(outcome, decision)) settled.set(key, book.grounds)
    tell(key, service, decision, outcome, startedAt)
    return DONE
  }

  function contested(key: string, { status }: Service): number | undefined {
    const delayMs = contest.delayMs(key)
    const shown = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? '')
    events.publish('service:contested', { service: key, shown, givesIn: delayMs !== undefined })
    return delayMs
  }

  async function patched(key: string, service: KeptService, patch: ServicePatch): Promise<KubeFailure | undefined> {
    const result = await write(service, patch)
    if (!result.ok) return result.error
    written.remember(key, service, result.value)
    return undefined
  }

  function gone(key: string): Outcome {
    book.gone(key)
    waiting.done(key)
    events.publish('service:released', { service: key })
    return DONE
  }

  function tell(
    key: string,
    service: Service,
    decision: Decision,
    { patch, finding, events: told }: ServiceOutcome,
    startedAt: number,
  ): void {
    const since = lacksSomething({ finding }, decision) ? startedAt : (waiting.done(key) ?? startedAt)
    if (patch !== undefined) {
      if (finding?.status === 'False') {
        events.publish('service:pending', { service: key, code: finding.code, sentence: finding.message })
      } else if (decision.answer?.ok === true) {
        const { pool, addresses } = decision.answer.assignment
        events.publish('service:assigned', {
          service: key,
          pool,
          addresses: addresses.map(formatAddress),
          waitedMs: clock.now() - since,
        })
      } else events.publish('service:released', { service: key })
    }
    for (const event of told) events.publish('service:told', { service, event })
  }

  return {
    isOver,
    reconcile: async key => {
      const outcome = await reconcile(key)
      events.publish('service:reconciled', { service: key, failed: outcome.kind !== 'done' })
      return outcome
    },
  }
}

/** Whether something freed elsewhere may help this Service. */
function lacksSomething({ finding }: Pick<ServiceOutcome, 'finding'>, { answer }: Decision): boolean {
  return finding?.status === 'False' || (answer?.ok === true && answer.incomplete !== undefined)
}
