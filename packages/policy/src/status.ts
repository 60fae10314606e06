import {
  ANNOTATION_PREFIX,
  POOL_ANNOTATION,
  type Condition,
  type LoadBalancerIngress,
  type Service,
} from '@metallb-ts/api'
import { explain, quotedList, type Ensured } from '@metallb-ts/ipam'
import { equalAddresses, formatAddress, type Address } from '@metallb-ts/netip'
import { explainRequestProblem, type NotOurs, type RequestProblem } from './allocation-request-problem.ts'
import { currentAddresses, type RequestReading } from './allocation-request.ts'
import { withCondition, withoutCondition, type Finding } from './status-condition.ts'
import { eventsOf, type ServiceEvent } from './status-events.ts'

/** The condition that says whether a Service has its addresses, and if not why. */
export const ADDRESS_CONDITION: string = `${ANNOTATION_PREFIX}AddressAssigned`

/** What came of a Service: how it must be shown, and what is to be told about it. */
export interface ServiceOutcome {
  /** Undefined when the Service shows everything already. */
  readonly patch: ServicePatch | undefined
  readonly events: readonly ServiceEvent[]
  readonly finding: Finding | undefined
  /** Somebody else took away or replaced addresses that were written already. */
  readonly isContested: boolean
}

/** A JSON merge patch of the status sub-resource; the resource version makes it fail where somebody wrote meanwhile. */
export interface ServicePatch {
  readonly metadata: {
    readonly resourceVersion?: string
    readonly annotations?: Readonly<Record<string, string | null>>
  }
  readonly status?: {
    readonly loadBalancer?: { readonly ingress: readonly LoadBalancerIngress[] | null }
    readonly conditions?: readonly Condition[] | null
  }
}

/**
 * Desired and actual to a patch and events.
 * @param answer the allocator's, where the reading asked for one
 * @param wallTime milliseconds since 1970
 */
export function serviceOutcome(
  service: Service,
  reading: RequestReading,
  answer: Ensured | undefined,
  wallTime: number,
): ServiceOutcome {
  const finding = findingOf(service, reading, answer)
  if (reading.kind === 'ignore' || !concernsUs(service, reading)) {
    return { patch: undefined, events: [], finding, isContested: false }
  }
  const patch = patchOf(service, reading, answer, finding, wallTime)
  const isNews = !isSaid(service, finding)
  const events = eventsOf(service, { reading, answer, isNews, isChanged: patch !== undefined })
  return { patch, events, finding, isContested: isContested(patch, answer, isNews) }
}

/** What we wrote already is to be written again: addresses that are held, or that there are none. */
function isContested(patch: ServicePatch | undefined, answer: Ensured | undefined, isNews: boolean): boolean {
  if (patch?.status?.loadBalancer === undefined || answer === undefined) return false
  return answer.ok ? answer.how === 'kept' : !isNews && answer.moved === undefined
}

/** Addresses that the status still shows and the Service no longer has: nobody else gets them until that is written. */
export function leavingAddresses(
  service: Service,
  reading: RequestReading,
  answer: Ensured | undefined,
): readonly Address[] {
  if (reading.kind === 'ignore' || reading.kind === 'leave') return []
  const kept = answer?.ok === true ? answer.assignment.addresses : []
  return currentAddresses(service).filter(address => !kept.some(other => equalAddresses(address, other)))
}

function findingOf(service: Service, reading: RequestReading, answer: Ensured | undefined): Finding | undefined {
  switch (reading.kind) {
    case 'ignore':
      return undefined
    case 'give-up':
      return isNotOurs(reading.because) ? undefined : refusedFor(reading.because)
    case 'leave':
      return currentAddresses(service).length > 0 ? keptDespite(reading.because) : refusedFor(reading.because)
    case 'ask':
      return answer && foundBy(answer, reading.problem)
  }
}

function foundBy(answer: Ensured, problem: RequestProblem | undefined): Finding {
  if (!answer.ok) {
    return problem === undefined
      ? { status: 'False', code: answer.error.code, message: explain(answer.error) }
      : refusedFor(problem)
  }
  const { pool, addresses } = answer.assignment
  const held = `${quotedList(addresses)} from pool ${pool}`
  if (problem !== undefined) return { ...keptDespite(problem), message: `${held}; ${explainRequestProblem(problem)}` }
  const rest = answer.incomplete === undefined ? '' : `; without the second family: ${explain(answer.incomplete)}`
  return { status: 'True', code: 'assigned', message: held + rest }
}

function refusedFor(problem: RequestProblem): Finding {
  return { status: 'False', code: problem.code, message: explainRequestProblem(problem) }
}

function keptDespite(problem: RequestProblem): Finding {
  return { status: 'True', code: problem.code, message: explainRequestProblem(problem) }
}

function isNotOurs(because: NotOurs | RequestProblem): because is NotOurs {
  return because.code === 'not-a-load-balancer' || because.code === 'another-class'
}

/** A Service of another type is only touched where it still shows something of ours. */
function concernsUs({ metadata, status }: Service, reading: RequestReading): boolean {
  if (reading.kind !== 'give-up' || !isNotOurs(reading.because)) return true
  const isMarked = metadata.annotations !== undefined && POOL_ANNOTATION in metadata.annotations
  return isMarked || status?.conditions?.some(({ type }) => type === ADDRESS_CONDITION) === true
}

function patchOf(
  service: Service,
  reading: RequestReading,
  answer: Ensured | undefined,
  finding: Finding | undefined,
  wallTime: number,
): ServicePatch | undefined {
  const { metadata, status = {} } = service
  const shown = reading.kind === 'leave' ? undefined : shownPart(service, answer)
  const conditions =
    finding === undefined
      ? withoutCondition(status.conditions, ADDRESS_CONDITION)
      : withCondition(status.conditions, ADDRESS_CONDITION, finding, wallTime)
  if (shown === undefined && conditions === undefined) return undefined
  return {
    metadata: {
      ...(metadata.resourceVersion !== undefined && { resourceVersion: metadata.resourceVersion }),
      ...(shown?.annotations && { annotations: shown.annotations }),
    },
    ...((shown?.ingress !== undefined || conditions !== undefined) && {
      status: {
        ...(shown?.ingress !== undefined && { loadBalancer: { ingress: shown.ingress } }),
        ...(conditions !== undefined && { conditions }),
      },
    }),
  }
}

/** Ingress and annotation, each only where it differs. */
function shownPart(
  service: Service,
  answer: Ensured | undefined,
):
  | {
      readonly ingress?: readonly LoadBalancerIngress[] | null
      readonly annotations?: Readonly<Record<string, string | null>>
    }
  | undefined {
  const assignment = answer?.ok === true ? answer.assignment : undefined
  const pool = service.metadata.annotations?.[POOL_ANNOTATION]
  const ingress = ingressFor(service, assignment?.addresses ?? [])
  const annotations = pool === assignment?.pool ? undefined : { [POOL_ANNOTATION]: assignment?.pool ?? null }
  if (ingress === undefined && annotations === undefined) return undefined
  return { ...(ingress !== undefined && { ingress }), ...(annotations && { annotations }) }
}

/**
 * Undefined when the status shows exactly these addresses. What the API server or others keep beside an address, ipMode
 * above all, stays with it.
 */
function ingressFor(
  { status }: Service,
  addresses: readonly Address[],
): readonly LoadBalancerIngress[] | null | undefined {
  const current = status?.loadBalancer?.ingress ?? []
  const texts = addresses.map(formatAddress)
  if (current.length === texts.length && current.every(({ ip }, i) => ip === texts[i])) return undefined
  if (texts.length === 0) return null
  return texts.map(ip => current.find(entry => entry.ip === ip) ?? { ip })
}

/** Whether the Service's condition says this already, so that nobody is told twice. */
function isSaid({ status }: Service, finding: Finding | undefined): boolean {
  const said = status?.conditions?.find(({ type }) => type === ADDRESS_CONDITION)
  return said?.status === finding?.status && said?.message === finding?.message
}
