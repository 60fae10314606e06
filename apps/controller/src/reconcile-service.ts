import type { Service } from '@metallb-ts/api'
import type { Publisher } from '@metallb-ts/event-bus'
import { formatAddress } from '@metallb-ts/netip'
import { serviceOutcome, type RequestRules, type ServiceOutcome, type ServicePatch } from '@metallb-ts/policy'
import type { Clock, Result } from '@metallb-ts/runtime'
import type { AddressBook, Decision } from './address-book.ts'
import type { ServiceEvents } from './events.ts'
import { OwnWrites } from './own-writes.ts'
import type { WaitingServices } from './waiting.ts'

export interface ServiceParts<Problem> {
  readonly clock: Clock
  readonly services: { get(key: string): Service | undefined }
  readonly rules: () => RequestRules
  readonly book: AddressBook
  readonly waiting: WaitingServices
  /** Patches the status sub-resource and answers with the object as it is then. */
  readonly write: (service: Service, patch: ServicePatch) => Promise<Result<Service, Problem>>
  readonly events: Publisher<ServiceEvents>
}

/** Makes one Service's status say what is so. Answers with what kept it from being written, which is worth a retry. */
export function createServiceReconciler<Problem>(
  parts: ServiceParts<Problem>,
): (key: string) => Promise<Problem | undefined> {
  const { clock, services, rules, book, waiting, write, events } = parts
  const written = new OwnWrites<Service>()

  async function reconcile(key: string): Promise<Problem | undefined> {
    const service = written.latest(key, services.get(key))
    if (service === undefined) return gone(key)
    const startedAt = clock.now()
    const decision = book.decide(key, service, rules())
    const outcome = serviceOutcome(service, decision.reading, decision.answer, clock.wallTime())
    if (lacksSomething(outcome, decision)) waiting.add(key)
    const problem = outcome.patch && (await patched(key, service, outcome.patch))
    if (problem !== undefined) return problem
    book.settled(key)
    tell(key, service, decision, outcome, startedAt)
    return undefined
  }

  async function patched(key: string, service: Service, patch: ServicePatch): Promise<Problem | undefined> {
    const result = await write(service, patch)
    if (!result.ok) return result.error
    written.remember(key, service, result.value)
    return undefined
  }

  function gone(key: string): undefined {
    book.gone(key)
    waiting.done(key)
    events.publish('service:released', { service: key })
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

  return async key => {
    const problem = await reconcile(key)
    events.publish('service:reconciled', { service: key, failed: problem !== undefined })
    return problem
  }
}

/** Whether something freed elsewhere may help this Service. */
function lacksSomething({ finding }: Pick<ServiceOutcome, 'finding'>, { answer }: Decision): boolean {
  return finding?.status === 'False' || (answer?.ok === true && answer.incomplete !== undefined)
}
