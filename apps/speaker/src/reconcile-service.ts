import type { Speaker } from '@metallb-ts/bgp-fsm'
import type { Publisher } from '@metallb-ts/event-bus'
import type { DesiredAddress } from '@metallb-ts/l2-announcer'
import { formatAddress } from '@metallb-ts/netip'
import { announcements, type AnnouncementInput, type ContestedAddress, type Silence } from '@metallb-ts/policy'
import type { ServiceEvents } from './events.ts'
import type { Stores } from './stores.ts'

export interface ServiceParts {
  readonly stores: Pick<Stores, 'services' | 'slices'>
  readonly surroundings: () => Pick<AnnouncementInput, 'config' | 'nodes' | 'members' | 'owners' | 'interfaces'>
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
  init: Pick<AnnouncementInput, 'node' | 'loadBalancerClass' | 'ignoreExcludeLabel' | 'avoidCordoned'>,
): ServiceReconciler {
  const announced = new Map<string, Announced>()
  const contested = new Map<string, readonly ContestedAddress[]>()
  const silences = new Map<string, readonly Silence[]>()
  const contesting = new Map<string, Set<string>>()
  const lists = new Map<string, ContestedAddress['contest']['candidates']>()

  function apply(key: string, after: Announced): void {
    const before = announced.get(key) ?? NOTHING
    if (after.layer2.length + after.bgp.length > 0) announced.set(key, after)
    else announced.delete(key)
    tell(key, 'bgp', before.bgp, after.bgp)
    tell(key, 'layer2', before.layer2.map(textOf), after.layer2.map(textOf))
  }

  function contest(key: string, after: readonly ContestedAddress[]): void {
    const before = contested.get(key) ?? []
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
        contest(key, [])
        apply(key, NOTHING)
        silences.delete(key)
      } else {
        const result = announcements({ ...surroundings(), ...init, service, slices: stores.slices.by('service', key) })
        bgp.setRoutes(key, result.bgp)
        contest(key, result.layer2.contested)
        apply(key, {
          layer2: result.layer2.held,
          bgp: [...new Set(result.bgp.map(({ prefix }) => `${formatAddress(prefix.address)}/${prefix.length}`))],
        })
        keepSilences(key, result.silences)
      }
      events.publish('service:reconciled', { service: key, failed: false })
    },
    contestedLayer2: () => [...contested.values()].flat(),
    contesting: address => [...(contesting.get(address) ?? [])],
    silences: key => silences.get(key) ?? [],
    announced: () => announced,
  }
}

const MOST_LISTS = 1_024

const NOTHING: Announced = { layer2: [], bgp: [] }

function textOf({ address }: DesiredAddress): string {
  return formatAddress(address)
}

function contestKey({ contest }: ContestedAddress): string {
  return formatAddress(contest.address)
}

function contestText(contested: readonly ContestedAddress[]): string {
  return JSON.stringify(
    contested.map(({ address, interfaces, contest }) => [formatAddress(address), interfaces, contest.candidates]),
  )
}
