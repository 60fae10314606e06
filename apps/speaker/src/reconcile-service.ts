import type { SourcedRoute, Speaker } from '@metallb-ts/bgp-fsm'
import type { Publisher } from '@metallb-ts/event-bus'
import type { DesiredAddress } from '@metallb-ts/l2-announcer'
import { formatAddress } from '@metallb-ts/netip'
import {
  announcements,
  prefixText,
  type AnnouncementInput,
  type ContestedAddress,
  type Silence,
} from '@metallb-ts/policy'
import type { ServiceEvents } from './events.ts'
import type { Stores } from './stores.ts'

export type Surroundings = Omit<AnnouncementInput, 'service' | 'slices'>

export interface ServiceParts {
  readonly stores: Pick<Stores, 'services' | 'slices'>
  readonly surroundings: () => Surroundings
  readonly bgp: Speaker
  /** Told when the desired layer 2 addresses have changed. */
  readonly onLayer2Changed: () => void
  readonly events: Publisher<ServiceEvents>
}

export interface ServiceReconciler {
  /** Makes it so for one Service. */
  reconcile(service: string): void
  /** What this node should answer for while it wins, over all Services. */
  contestedLayer2(): readonly ContestedAddress[]
  /** The Services whose owner is elected by this address. */
  contesting(address: string): readonly string[]
  /** What this node means to do for a Service. */
  desired(service: string): Desired | undefined
  /** Services of which this node means to announce something, or says why not. */
  services(): Iterable<string>
}

/** What policy says of one Service on this node. */
export interface Desired {
  readonly layer2: readonly DesiredAddress[]
  readonly bgp: readonly SourcedRoute[]
  readonly silences: readonly Silence[]
}

export function createServiceReconciler({
  stores,
  surroundings,
  bgp,
  onLayer2Changed,
  events,
}: ServiceParts): ServiceReconciler {
  const desired = new Map<string, Desired>()
  const contested = new Map<string, readonly ContestedAddress[]>()
  const contesting = new Map<string, Set<string>>()
  const lists = new Map<string, ContestedAddress['contest']['candidates']>()

  function contest(key: string, after: readonly ContestedAddress[]): void {
    const before = contested.get(key) ?? []
    if (before.length === 0 && after.length === 0) return
    if (contestText(before) === contestText(after)) return
    for (const each of before) contesting.get(contestKey(each))?.delete(key)
    for (const each of after) {
      const services = contesting.get(contestKey(each)) ?? new Set()
      contesting.set(contestKey(each), services.add(key))
    }
    for (const each of before) if (contesting.get(contestKey(each))?.size === 0) contesting.delete(contestKey(each))
    if (after.length > 0) contested.set(key, after.map(shared))
    else contested.delete(key)
    onLayer2Changed()
  }

  /** Most Services have the same candidates: a list that is one object is copied to the LAN's thread once. */
  function shared(one: ContestedAddress): ContestedAddress {
    const text = JSON.stringify(one.contest.candidates)
    if (lists.size >= MOST_LISTS) lists.clear()
    const candidates = lists.get(text) ?? one.contest.candidates
    lists.set(text, candidates)
    return { ...one, contest: { ...one.contest, candidates } }
  }

  function keep(key: string, after: Desired | undefined): boolean {
    const before = desired.get(key)
    if (after === undefined) return desired.delete(key)
    if (before !== undefined && isSame(before, after)) return false
    desired.set(key, after)
    if (before === undefined || !isSameText(before.silences, after.silences))
      events.publish('service:silent', { service: key, silences: after.silences })
    return true
  }

  return {
    reconcile: key => {
      const service = stores.services.get(key)
      if (service === undefined) {
        bgp.setRoutes(key, [])
        contest(key, [])
        events.publish('service:reconciled', { service: key, failed: false, changed: keep(key, undefined) })
        return
      }
      const { layer2, ...result } = announcements({
        ...surroundings(),
        service,
        slices: stores.slices.by('service', key),
      })
      if (result.bgp.length > 0 || (desired.get(key)?.bgp.length ?? 0) > 0) bgp.setRoutes(key, result.bgp)
      contest(key, layer2.contested)
      const changed = keep(key, { layer2: layer2.held, ...result })
      events.publish('service:reconciled', { service: key, failed: false, changed })
    },
    contestedLayer2: () => [...contested.values()].flat(),
    contesting: address => [...(contesting.get(address) ?? [])],
    desired: key => desired.get(key),
    services: () => desired.keys(),
  }
}

/** Routes are announced, or would be if the node were not drained. */
export function wantsRoutes(desired: Desired | undefined): boolean {
  if (desired === undefined) return false
  return desired.bgp.length > 0 || desired.silences.some(({ code }) => code === 'node-draining')
}

const MOST_LISTS = 1_024

function isSame(a: Desired, b: Desired): boolean {
  return (
    isSameText(a.layer2.map(layer2Text), b.layer2.map(layer2Text)) &&
    isSameText(a.bgp.map(routeText), b.bgp.map(routeText)) &&
    isSameText(a.silences, b.silences)
  )
}

function isSameText(a: readonly unknown[], b: readonly unknown[]): boolean {
  return (a.length === 0 && b.length === 0) || JSON.stringify(a) === JSON.stringify(b)
}

function layer2Text({ address, interfaces }: DesiredAddress): unknown {
  return [formatAddress(address), interfaces]
}

function routeText(route: SourcedRoute): unknown {
  return [prefixText(route), route.peers]
}

function contestKey({ contest }: ContestedAddress): string {
  return formatAddress(contest.address)
}

function contestText(contested: readonly ContestedAddress[]): string {
  return JSON.stringify(
    contested.map(({ address, interfaces, contest }) => [formatAddress(address), interfaces, contest.candidates]),
  )
}
