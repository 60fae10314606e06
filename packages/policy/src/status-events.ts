import { LEGACY_ANNOTATION_PREFIX, type Service } from '@metallb-ts/api'
import { explain, explainMove, quotedList, type Ensured } from '@metallb-ts/ipam'
import { equalAddresses, formatAddress, parseAddress } from '@metallb-ts/netip'
import { explainRequestProblem, type RequestProblem } from './allocation-request-problem.ts'
import { currentAddresses, type RequestReading } from './allocation-request.ts'

/** A Kubernetes Event as a value. Reasons and openings are MetalLB's: people filter by them. */
export interface ServiceEvent {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

export interface EventFacts {
  readonly reading: RequestReading
  readonly answer: Ensured | undefined
  /** The Service's condition does not say it yet. */
  readonly isNews: boolean
  /** Something is about to be written. */
  readonly isChanged: boolean
}

export function eventsOf(
  service: Service,
  { reading, answer, isNews, isChanged }: EventFacts,
): readonly ServiceEvent[] {
  const events: ServiceEvent[] = []
  const problem = problemOf(reading)
  if (isChanged) events.push(...unreadableStatusEvents(service))
  if (isNews && problem !== undefined && answer?.ok !== false) events.push(...problemEvents(problem))
  if (answer !== undefined) {
    events.push(...departureEvents(service, answer))
    events.push(
      ...(answer.ok ? gainEvents(answer, isNews) : isNews ? refusalEvents(service, reading, answer.error) : []),
    )
  }
  if (isChanged) events.push(...deprecatedAnnotations(service).map(deprecated))
  return events
}

function problemOf(reading: RequestReading): RequestProblem | undefined {
  switch (reading.kind) {
    case 'ask':
      return reading.problem
    case 'leave':
      return reading.because
    case 'give-up':
      return reading.because.code === 'not-a-load-balancer' || reading.because.code === 'another-class'
        ? undefined
        : reading.because
    case 'ignore':
      return undefined
  }
}

function problemEvents(problem: RequestProblem): readonly ServiceEvent[] {
  const message = explainRequestProblem(problem)
  switch (problem.code) {
    case 'not-enough-cluster-ips':
      return [warning('not enough clusterips', message)]
    case 'bad-cluster-ips':
      return [warning('noclusterIPsIPFamily', message)]
    case 'addresses-asked-twice':
    case 'bad-address-annotation':
    case 'bad-address-field':
      return [warning('LoadBalancerFailed', `invalid requested loadbalancer IPs: ${message}`)]
    case 'no-cluster-ip':
    case 'pool-misconfigured':
      return [warning('AllocationFailed', message)]
  }
}

/** What the Service shows and may not keep. Only a refusal by the configuration is told, as in MetalLB. */
function departureEvents(service: Service, answer: Ensured): readonly ServiceEvent[] {
  const current = currentAddresses(service)
  const kept = answer.ok ? answer.assignment.addresses : []
  const isLost =
    !(answer.ok && answer.how === 'kept') &&
    current.length > 0 &&
    !current.some(address => kept.some(other => equalAddresses(address, other)))
  if (!isLost) return []
  if (answer.moved !== undefined && answer.moved.because.code !== 'no-longer-allowed') return []
  const why =
    answer.moved === undefined
      ? explain({ code: 'address-not-in-pools', addresses: current })
      : explainMove(answer.moved.because)
  const sentence = `current IP for ${name(service)} not allowed by config, will attempt for new IP assignment: ${why}`
  return [{ type: 'Normal', reason: 'ClearAssignment', message: sentence }]
}

function gainEvents(answer: Ensured & { ok: true }, isNews: boolean): readonly ServiceEvent[] {
  const { addresses } = answer.assignment
  if (answer.how === 'new') return [normal('IPAllocated', `Assigned IP ${quotedList(addresses)}`)]
  if (answer.how === 'extended') {
    return [normal('IPAllocated', `Assigned additional IP ${JSON.stringify(formatAddress(addresses.at(-1)!))}`)]
  }
  if (answer.incomplete === undefined || !isNews) return []
  return [
    normal('AdditionalAssignFailed', `cannot assign additional IP in PreferDualStack: ${explain(answer.incomplete)}`),
  ]
}

function refusalEvents(
  service: Service,
  reading: RequestReading,
  error: (Ensured & { ok: false })['error'],
): readonly ServiceEvent[] {
  const problem = problemOf(reading)
  const why = problem === undefined ? explain(error) : explainRequestProblem(problem)
  return [warning('AllocationFailed', `Failed to allocate IP for ${name(service)}: ${why}`)]
}

/** A status that holds what no two addresses of a Service can be: somebody else wrote it. */
function unreadableStatusEvents({ status }: Service): readonly ServiceEvent[] {
  const texts = (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? [])
  const read = texts.map(text => parseAddress(text))
  const families = new Set(read.flatMap(one => (one.ok ? one.value.family : [])))
  if (families.size === texts.length) return []
  const list = `[${texts.map(text => JSON.stringify(text)).join(' ')}]`
  const what = read.some(one => !one.ok)
    ? `Invalid address ${list}`
    : texts.length > 2
      ? `invalid ips length ${texts.length} ${list}`
      : `same address family ${list}`
  return [warning('nolbIPsIPFamily', `Failed to retrieve LBIPs IPFamily for ${list}: IPFamilyForAddresses: ${what}`)]
}

/** Annotations that a Service should no longer use. */
function deprecatedAnnotations({ metadata }: Service): readonly string[] {
  return Object.keys(metadata.annotations ?? {})
    .filter(key => key.startsWith(LEGACY_DOMAIN))
    .sort()
}

const LEGACY_DOMAIN = LEGACY_ANNOTATION_PREFIX.slice(0, -1)

function deprecated(key: string): ServiceEvent {
  return warning('deprecatedAnnotation', `Service uses deprecated annotation ${key}`)
}

function name({ metadata }: Service): string {
  return JSON.stringify(`${metadata.namespace ?? ''}/${metadata.name}`)
}

function normal(reason: string, message: string): ServiceEvent {
  return { type: 'Normal', reason, message }
}

function warning(reason: string, message: string): ServiceEvent {
  return { type: 'Warning', reason, message }
}
