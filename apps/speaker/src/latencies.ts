import type { EventBus } from '@metallb-ts/event-bus'
import type { Clock, Metrics } from '@metallb-ts/runtime'
import type { Protocol, SpeakerEvents } from './events.ts'

export interface LatencyParts {
  readonly bus: EventBus<SpeakerEvents>
  readonly metrics: Metrics
  readonly clock: Clock
  /** The Service that an EndpointSlice belongs to. */
  readonly serviceOfSlice: (slice: string) => string | undefined
}

/** How long it takes from the API server's word to the decision, and to the wire, as histograms. */
export function measureLatencies({ bus, metrics, clock, serviceOfSlice }: LatencyParts): void {
  const decided = metrics.histogram({
    name: 'metallb_speaker_reconcile_seconds',
    help: 'From a change of a Service or its endpoints to the decision on it',
    buckets: BUCKETS,
  })
  const announced = metrics.histogram({
    name: 'metallb_speaker_announce_seconds',
    help: 'From such a change to the wire: told to a router or withdrawn, answered for on the LAN or no longer',
    labels: ['protocol', 'what'],
    buckets: BUCKETS,
  })
  const changes = new Map<string, Change>()
  bus.subscribe('kube:changed', ({ detail: { kind, key, initial } }) => {
    const service = kind === 'Service' ? key : kind === 'EndpointSlice' ? serviceOfSlice(key) : undefined
    if (service === undefined || initial) return
    const before = changes.get(service)
    if (before !== undefined && before.told.length === 0) return
    if (changes.size >= MOST_REMEMBERED) changes.delete(changes.keys().next().value!)
    changes.set(service, { at: clock.now(), told: [] })
  })
  bus.subscribe('service:reconciled', ({ detail: { service, changed } }) => {
    const change = changes.get(service)
    if (change === undefined) return
    decided.observe((clock.now() - change.at) / 1_000)
    if (!changed) changes.delete(service)
  })
  for (const what of ['announced', 'withdrawn'] as const)
    bus.subscribe(`service:${what}`, ({ detail: { service, protocol } }) => {
      const change = changes.get(service)
      if (change === undefined || change.told.includes(protocol)) return
      change.told.push(protocol)
      announced.observe((clock.now() - change.at) / 1_000, { protocol, what })
    })
}

/** A change of a Service, and the protocols that have done what it asks for. */
interface Change {
  readonly at: number
  readonly told: Protocol[]
}

const BUCKETS = [0.000_5, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1, 2, 4, 8, 16]
const MOST_REMEMBERED = 10_000
