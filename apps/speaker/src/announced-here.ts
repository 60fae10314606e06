import { explainClose, type Peer, type Speaker as BgpSpeaker } from '@metallb-ts/bgp-fsm'
import type { EventBus } from '@metallb-ts/event-bus'
import { createWorkQueue, DONE, type WorkQueue } from '@metallb-ts/k8s-watch'
import { formatAddress, parsePrefix } from '@metallb-ts/netip'
import { prefixText, routesOnTheWire, type SessionView, type Silence } from '@metallb-ts/policy'
import { KeysByTerm, type Clock, type Random } from '@metallb-ts/runtime'
import type { Protocol, SpeakerEvents } from './events.ts'
import type { LinkView } from './lan/lan.ts'
import type { ServiceReconciler } from './reconcile-service.ts'

/** What is true of one Service on this node, not what is meant. */
export interface AnnouncedHere {
  /** Addresses that are answered for, and the interfaces on which they are. */
  readonly addresses: readonly string[]
  readonly interfaces: readonly string[]
  /** Prefixes that a router was told over a session that stands, and the peers that were. */
  readonly prefixes: readonly string[]
  readonly peers: readonly string[]
  /** Why there is no more, policy's reasons and the wire's. */
  readonly silences: readonly Silence[]
}

export interface AnnouncedParts {
  readonly clock: Clock
  readonly random: Random
  readonly events: EventBus<SpeakerEvents>
  readonly services: ServiceReconciler
  readonly bgp: BgpSpeaker
  readonly links: () => readonly LinkView[]
}

export interface AnnouncedTracker {
  of(service: string): AnnouncedHere | undefined
  entries(): Iterable<readonly [service: string, announced: AnnouncedHere]>
  /** Of which there is something to say. */
  services(): Iterable<string>
  start(): void
  stop(): Promise<void>
}

/** Follows the wire and the LAN's thread, and tells of each Service when what is true of it changes. */
export function createAnnouncedTracker(
  { clock, random, events, services, bgp, links }: AnnouncedParts,
  { node }: { readonly node: string },
): AnnouncedTracker {
  const announced = new Map<string, AnnouncedHere>()
  const answering = new Map<string, Set<string>>()
  const users = new Users()
  const errors = new Map<string, string>()
  let meant = ''

  const queue: WorkQueue = createWorkQueue(
    { clock, random },
    {
      name: 'announced',
      urgency: 'backlog',
      reconcile: service => {
        judge(service)
        return DONE
      },
    },
  )

  function judge(service: string): void {
    const before = announced.get(service) ?? NOTHING
    const desired = services.desired(service)
    users.set(service, desired === undefined ? [] : [...desired.layer2.map(textOf), ...desired.bgp.map(prefixText)])
    const after = desired === undefined ? NOTHING : truth(desired)
    if (after.addresses.length + after.prefixes.length + after.silences.length > 0) announced.set(service, after)
    else announced.delete(service)
    tell(service, 'bgp', before.prefixes, after.prefixes)
    tell(service, 'layer2', before.addresses, after.addresses)
    if (!isSame(before, after)) events.publish('service:judged', { service })
  }

  function truth({
    layer2,
    bgp: routes,
    silences,
  }: NonNullable<ReturnType<ServiceReconciler['desired']>>): AnnouncedHere {
    const addresses = layer2.map(textOf).filter(address => answering.has(address))
    const interfaces = [...new Set(addresses.flatMap(address => [...answering.get(address)!]))].sort()
    const { peers, silences: unheard } = routesOnTheWire(routes, sessions(), node)
    const prefixes = [...new Set(routes.map(prefixText))].filter(prefix =>
      peers.some(name => bgp.peers.get(name)?.isAdvertised(prefix)),
    )
    const mute: readonly Silence[] = layer2.length > 0 && addresses.length === 0 ? [notAnswering()] : []
    return { addresses, interfaces, prefixes, peers, silences: [...silences, ...unheard, ...mute] }
  }

  function sessions(): readonly SessionView[] {
    return [...bgp.peers.values()].map(sessionView)
  }

  function notAnswering(): Silence {
    const uses = links().map(({ name, arp, ndp }) => `${name}: ${arp === ndp ? arp : `${arp}, ${ndp}`}`)
    return {
      protocol: 'layer2',
      code: 'not-answering',
      objects: [],
      facts: { node, why: uses.join('; ') || 'there is none' },
    }
  }

  function tell(service: string, protocol: Protocol, before: readonly string[], after: readonly string[]): void {
    const gone = before.filter(address => !after.includes(address))
    const come = after.filter(address => !before.includes(address))
    if (gone.length > 0) events.publish('service:withdrawn', { service, protocol, addresses: gone })
    if (come.length > 0) events.publish('service:announced', { service, protocol, addresses: come })
  }

  function everyRoute(): void {
    queue.addEvery('routed', routed())
  }

  function* routed(isMeant: (service: string) => boolean = () => true): Generator<string | undefined> {
    for (const service of services.services())
      yield (services.desired(service)?.bgp.length ?? 0) > 0 && isMeant(service) ? service : undefined
  }

  function isUntold(service: string): boolean {
    return (announced.get(service)?.peers.length ?? 0) === 0
  }

  events.subscribe('service:reconciled', ({ detail: { service, changed } }) => {
    if (changed) queue.add(service)
  })
  for (const name of ['bgp:advertised', 'bgp:withdrawn'] as const)
    events.subscribe(name, ({ detail: { prefixes } }) => {
      for (const prefix of prefixes) for (const service of users.of(prefix)) queue.add(service)
    })
  for (const name of ['bgp:attempt-failed', 'bgp:closed'] as const)
    events.subscribe(name, ({ detail: { peer, sentence } }) => {
      if (name === 'bgp:attempt-failed' && errors.get(peer) === sentence) return
      errors.set(peer, sentence)
      // Why an attempt failed matters to those only that no other session announces.
      if (name === 'bgp:closed') everyRoute()
      else queue.addEvery('untold', routed(isUntold))
    })
  events.subscribe('bgp:established', () => everyRoute())
  events.subscribe('config:applied', ({ detail: { peers } }) => {
    for (const peer of errors.keys()) if (!peers.includes(peer)) errors.delete(peer)
    if (peers.join() === meant) return
    meant = peers.join()
    everyRoute() // of a peer that never was in session nothing else is heard when it goes
  })
  events.subscribe('l2:gained', ({ detail: { address, interface: name } }) => {
    answering.set(address, (answering.get(address) ?? new Set()).add(name))
    for (const service of users.of(address)) queue.add(service)
  })
  events.subscribe('l2:lost', ({ detail: { address, interface: name } }) => {
    const on = answering.get(address)
    on?.delete(name)
    if (on?.size === 0) answering.delete(address)
    for (const service of users.of(address)) queue.add(service)
  })

  return {
    of: service => announced.get(service),
    entries: () => announced,
    services: () => announced.keys(),
    start: () => queue.start(),
    stop: () => queue.stop(),
  }
}

const NOTHING: AnnouncedHere = { addresses: [], interfaces: [], prefixes: [], peers: [], silences: [] }

/** Which Services an address or a prefix is meant for. */
class Users {
  readonly #services = new KeysByTerm()
  readonly #texts = new Map<string, readonly string[]>()

  set(service: string, texts: readonly string[]): void {
    for (const text of this.#texts.get(service) ?? []) if (!texts.includes(text)) this.#services.unfile(text, service)
    for (const text of texts) this.#services.file(text, service)
    if (texts.length > 0) this.#texts.set(service, texts)
    else this.#texts.delete(service)
  }

  of(text: string): Iterable<string> {
    return this.#services.of(text)
  }
}

function sessionView(peer: Peer): SessionView {
  const { init, remote, state, negotiated } = peer
  const lastError = errorOf(peer)
  return {
    peer: init.name,
    router: remote === undefined ? `whoever is found on ${init.interface ?? ''}` : formatAddress(remote),
    isEstablished: state === 'established',
    ...(lastError !== undefined && { lastError }),
    isTold: prefix => peer.isAdvertised(prefix),
    whyNotTold: prefix => {
      const parsed = parsePrefix(prefix)
      if (!parsed.ok || negotiated === undefined) return undefined
      const { family } = parsed.value.address
      return negotiated.families.includes(family)
        ? undefined
        : `the router does not take ${family === 'ipv4' ? 'IPv4' : 'IPv6'} in this session`
    },
  }
}

/** Somebody was told, or is answered. */
export function isAnnounced({ addresses, prefixes }: AnnouncedHere): boolean {
  return addresses.length + prefixes.length > 0
}

/** Why there is no session, in words; undefined before the first attempt has ended. */
export function errorOf({ init, remote, lastError }: Peer): string | undefined {
  if (remote === undefined) return `no router has been found on ${init.interface ?? ''}`
  return lastError === undefined ? undefined : explainClose(lastError)
}

function textOf({ address }: { readonly address: Parameters<typeof formatAddress>[0] }): string {
  return formatAddress(address)
}

function isSame(a: AnnouncedHere, b: AnnouncedHere): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}
