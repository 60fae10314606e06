import type { Speaker } from '@metallb-ts/bgp-fsm'
import type { Publisher } from '@metallb-ts/event-bus'
import type { DesiredAddress } from '@metallb-ts/l2-announcer'
import { formatAddress } from '@metallb-ts/netip'
import { announcements, type AnnouncementInput, type Silence } from '@metallb-ts/policy'
import type { ServiceEvents } from './events.ts'
import type { Stores } from './stores.ts'

export interface ServiceParts {
  readonly stores: Pick<Stores, 'services' | 'slices'>
  readonly surroundings: () => Pick<AnnouncementInput, 'config' | 'nodes' | 'members' | 'interfaces'>
  readonly bgp: Speaker
  /** Told when the desired layer 2 addresses have changed. */
  readonly onLayer2Changed: () => void
  readonly events: Publisher<ServiceEvents>
}

export interface ServiceReconciler {
  /** Makes it so for one Service. */
  reconcile(service: string): void
  /** What this node should answer for, over all Services. */
  desiredLayer2(): readonly DesiredAddress[]
  /** Why a Service is not, or not wholly, announced from here. */
  silences(service: string): readonly Silence[]
  /** Addresses that this node means to announce for a Service, by protocol. */
  announced(): ReadonlyMap<string, Announced>
}

export interface Announced {
  readonly layer2: readonly DesiredAddress[]
  readonly bgp: readonly string[]
}

export function createServiceReconciler(
  { stores, surroundings, bgp, onLayer2Changed, events }: ServiceParts,
  init: Pick<AnnouncementInput, 'node' | 'loadBalancerClass' | 'ignoreExcludeLabel'>,
): ServiceReconciler {
  const announced = new Map<string, Announced>()
  const silences = new Map<string, readonly Silence[]>()

  function apply(key: string, after: Announced): void {
    const before = announced.get(key) ?? NOTHING
    if (after.layer2.length + after.bgp.length > 0) announced.set(key, after)
    else announced.delete(key)
    if (JSON.stringify(texts(before.layer2)) !== JSON.stringify(texts(after.layer2))) onLayer2Changed()
    tell(key, 'bgp', before.bgp, after.bgp)
    tell(key, 'layer2', before.layer2.map(textOf), after.layer2.map(textOf))
  }

  function tell(
    service: string,
    protocol: 'layer2' | 'bgp',
    before: readonly string[],
    after: readonly string[],
  ): void {
    const gone = before.filter(address => !after.includes(address))
    const come = after.filter(address => !before.includes(address))
    if (gone.length > 0) events.publish('service:withdrawn', { service, protocol, addresses: gone })
    if (come.length > 0) events.publish('service:announced', { service, protocol, addresses: come })
  }

  function keepSilences(key: string, now: readonly Silence[]): void {
    if (JSON.stringify(silences.get(key) ?? []) === JSON.stringify(now)) return
    if (now.length > 0) silences.set(key, now)
    else silences.delete(key)
    events.publish('service:silent', { service: key, silences: now })
  }

  return {
    reconcile: key => {
      const service = stores.services.get(key)
      if (service === undefined) {
        bgp.setRoutes(key, [])
        apply(key, NOTHING)
        silences.delete(key)
      } else {
        const result = announcements({ ...surroundings(), ...init, service, slices: stores.slices.by('service', key) })
        bgp.setRoutes(key, result.bgp)
        apply(key, {
          layer2: result.layer2,
          bgp: [...new Set(result.bgp.map(({ prefix }) => `${formatAddress(prefix.address)}/${prefix.length}`))],
        })
        keepSilences(key, result.silences)
      }
      events.publish('service:reconciled', { service: key, failed: false })
    },
    desiredLayer2: () => [...announced.values()].flatMap(({ layer2 }) => layer2),
    silences: key => silences.get(key) ?? [],
    announced: () => announced,
  }
}

const NOTHING: Announced = { layer2: [], bgp: [] }

function textOf({ address }: DesiredAddress): string {
  return formatAddress(address)
}

function texts(desired: readonly DesiredAddress[]): readonly unknown[] {
  return desired.map(({ address, interfaces }) => [formatAddress(address), interfaces])
}
