import {
  createAnnouncer,
  nameMatcher,
  type Announcer,
  type Candidate,
  type ElectionRules,
  type Links,
  type LinkMonitor,
  type LinkStatus,
} from '@metallb-ts/l2-announcer'
import { formatAddress, formatMac, type Address, type Mac } from '@metallb-ts/netip'
import type { Publisher } from '@metallb-ts/event-bus'
import type { Clock, Random } from '@metallb-ts/runtime'
import { Keeper, type Guard, type KeeperMembers } from './keeper.ts'
import { kernelAnswers } from './kernel-answers.ts'
import type { LanBfd } from './bfd.ts'
import type { LanAddress } from './contest.ts'
import type { LanCounters, LanEvents, LanInit, LanPeer, LinkView } from './lan.ts'
import type { HelloLink } from './peer-hardware.ts'
import { ownersOf } from './owners.ts'
import type { FromLan, LanEvent, ToLan } from './protocol.ts'

export interface LanCoreComponents {
  readonly clock: Clock
  readonly random: Random
  readonly links: Links
  readonly monitor: LinkMonitor
  readonly post: (message: FromLan) => void
  /** `net.ipv4.conf.<name>.arp_ignore` of this namespace. */
  readonly arpIgnore: (name: string) => number
  /** Ends the loop that calls us. */
  readonly end: () => void
}

/** Who else is there, as far as the thread has to do with it. */
export interface LanMembers extends KeeperMembers {
  setPeers(peers: readonly LanPeer[]): void
  /** The links we announce on, for the others to know. */
  setLinks(links: readonly HelloLink[]): void
  /** We were cut off: what was known of the others is to be learned anew. */
  reconnected(): void
  /** Who is silent for longer is dead to the others. */
  readonly deadMs: number
  /** Of another speaker; undefined while it has not said. */
  linksOf(node: string): readonly HelloLink[] | undefined
  /** Whose hardware address is whose among the living others; undefined while that is not known of all. */
  hardware(): ReadonlyMap<Mac, string> | undefined
  /** Says goodbye: whoever is alive elects without us from now on. */
  leave(): void
  close(): void
}

/** Opens the membership. @param onLinks told when other links of others are known */
export type CreateMembers = (events: Publisher<LanEvents>, onLinks: () => void) => LanMembers

/**
 * What runs on the LAN's thread, whatever drives it: takes the main thread's messages, holds the addresses, and reports
 * in batches, so that a main thread that stalls finds few messages when it comes back.
 */
export class LanCore {
  readonly #components: LanCoreComponents
  readonly #announcer: Announcer
  readonly #members: LanMembers | undefined
  readonly #bfd: LanBfd | undefined
  readonly #keeper: Keeper
  #events: LanEvent[] = []
  #desired: readonly LanAddress[] = []
  readonly #warned = new Set<string>()
  #reported = ''
  /** Some link can be answered on. */
  #isConnected = false
  #isStopping = false
  #endsBy = Infinity

  constructor(
    components: LanCoreComponents,
    init: LanInit,
    createMembers?: CreateMembers,
    createBfd?: (events: Publisher<LanEvents>, onRefused: (peer: string, detail: string) => void) => LanBfd,
  ) {
    this.#components = components
    const events: Publisher<LanEvents> = { publish: (name, detail) => this.#tell({ name, detail } as LanEvent) }
    const matcher = nameMatcher(init.excludedInterfaces ?? [])
    this.#announcer = createAnnouncer(
      { ...components, events },
      {
        ...(matcher.ok && { isExcluded: matcher.value }),
        ...(init.refreshMs !== undefined && { schedule: { refreshMs: init.refreshMs } }),
      },
    )
    this.#members = createMembers?.(events, () => this.#onPeerLinks())
    this.#keeper = new Keeper(
      {
        clock: components.clock,
        members: this.#members,
        isUsable: (candidate, address) => this.#isUsable(init.node, candidate, address),
        apply: desired => this.#announcer.apply(desired),
        onOwners: changes => this.#tell({ name: 'l2:owners', detail: ownersOf(changes) }),
        guard: init.guard === true ? this.#guard() : undefined,
      },
      { ...DEFAULT_RULES, ...init.election, node: init.node },
    )
    this.#bfd = createBfd?.(events, (peer, detail) =>
      components.post({ type: 'log', severity: 'error', event: 'bfd-refused', fields: { peer, detail } }),
    )
  }

  start(): void {
    this.#announcer.start()
    this.#components.post({ type: 'started' })
  }

  onMessage(message: ToLan): void {
    switch (message.type) {
      case 'apply':
        this.#desired = message.desired
        this.#keeper.setDesired(message.desired)
        this.#warn()
        return this.#components.post({ type: 'applied' })
      case 'set-peers':
        return this.#members?.setPeers(message.peers)
      case 'set-bfd':
        return this.#bfd?.setWatches(message.watches)
      case 'report':
        return this.#report()
      case 'stop':
        return this.#stop()
      case 'stop-bfd':
        this.#bfd?.stop()
        this.#endsBy = Math.min(this.#endsBy, this.#components.clock.now() + MOST_GOODBYE_MS)
    }
  }

  /** This thread stood still, before it has read what came meanwhile: who is dead to the others holds nothing. */
  onLate(lateMs: number): void {
    if (this.#members === undefined || lateMs <= SURELY_DEAD * this.#members.deadMs) return
    this.#members.reconnected()
    this.#keeper.letGo()
  }

  /** Goodbye first: whoever takes over answers before we are silent. */
  #stop(): void {
    if (this.#isStopping) return
    this.#isStopping = true
    this.#members?.leave()
    this.#keeper.leave()
    const { clock } = this.#components
    const succeedsBy = this.#members === undefined ? 0 : clock.now() + MOST_SUCCESSION_MS
    this.#endsBy = Math.min(this.#endsBy, clock.now() + MOST_PATHS_USED_MS)
    // No promise is ever kept on this thread: its loop does not return.
    const look = (): void => {
      const hasSucceeded = this.#keeper.isEmpty || clock.now() >= succeedsBy
      const isOver = hasSucceeded && (this.#bfd?.isOver ?? true)
      if (isOver || clock.now() >= this.#endsBy) this.#end()
      else clock.setTimer(LOOK_AGAIN_MS, look)
    }
    look()
  }

  #end(): void {
    this.#keeper.stop()
    this.#announcer.stop()
    this.#members?.close()
    this.#report()
    this.#flush()
    this.#components.end()
  }

  #report(): void {
    const counters = { ...lanCounters(this.#announcer), bfd: this.#bfd?.sessions() ?? [] }
    const text = JSON.stringify(counters)
    if (text === this.#reported) return
    this.#reported = text
    this.#components.post({ type: 'counters', counters })
  }

  #tell(event: LanEvent): void {
    if (this.#events.length === 0) this.#components.clock.setTimer(0, () => this.#flush())
    this.#events.push(event)
    this.#decideOn(event)
  }

  /** Another owner answers before anybody is told that it is one. */
  #decideOn(event: LanEvent): void {
    switch (event.name) {
      case 'member:joined':
        this.#announcer.setPeers(this.#members?.hardware())
        this.#keeper.onJoined(event.detail.node)
        return this.#announcer.networkHealed()
      case 'member:left':
        this.#announcer.setPeers(this.#members?.hardware())
        return this.#keeper.onLeft(event.detail.node)
      case 'member:holds':
        return this.#keeper.onHoldings(event.detail.node)
      case 'link:changed':
        return this.#onLinks()
      default:
        return
    }
  }

  #onLinks(): void {
    const usable = this.#announcer.links().flatMap(helloLink)
    if (usable.length > 0 && !this.#isConnected) this.#members?.reconnected()
    this.#isConnected = usable.length > 0
    this.#members?.setLinks(usable)
    this.#keeper.reconsider()
  }

  #onPeerLinks(): void {
    this.#announcer.setPeers(this.#members?.hardware())
    this.#keeper.reconsider()
  }

  /** Nobody is refused for what is not known. */
  #isUsable(self: string, { node, interfaces }: Candidate, { family }: Address): boolean {
    const links = node === self ? this.#announcer.links().flatMap(helloLink) : this.#members?.linksOf(node)
    return links?.some(link => link[family] && (interfaces?.includes(link.name) ?? true)) ?? true
  }

  #guard(): Guard {
    return {
      probe: (addresses, onDone) => this.#announcer.probe(addresses, onDone),
      onTaken: taken => {
        for (const { mac, ...where } of taken) {
          this.#tell({ name: 'l2:taken', detail: { ...where, mac: formatMac(mac) } })
        }
      },
    }
  }

  /** Once for each address. */
  #warn(): void {
    for (const found of kernelAnswers(this.#desired, this.#announcer.links(), this.#components.arpIgnore)) {
      if (this.#warned.has(found.address) || this.#warned.size >= MOST_WARNED) continue
      this.#warned.add(found.address)
      this.#components.post({ type: 'log', severity: 'warn', event: 'kernel-answers-too', fields: { ...found } })
    }
  }

  #flush(): void {
    const events = this.#events
    this.#events = []
    if (events.length === 0) return
    if (events.some(({ name }) => name === 'link:changed')) {
      this.#warn()
      this.#components.post({ type: 'links', links: this.#announcer.links().map(linkView) })
    }
    if (events.some(({ name }) => name.startsWith('bfd:'))) this.#report()
    this.#components.post({ type: 'events', events })
  }
}

const DEFAULT_RULES: ElectionRules = { spreading: { name: 'metallb' }, holdDownMs: 0 }

/** Who was late itself gives others twice the time. */
const SURELY_DEAD = 2
/** For the others to elect, to answer and to say so, whoever is slow. */
const MOST_SUCCESSION_MS = 500
/** For BGP to end before its paths are not watched any more. */
const MOST_PATHS_USED_MS = 5_000
/** For routers to hear that we leave on purpose. */
const MOST_GOODBYE_MS = 2_000
const LOOK_AGAIN_MS = 10
const MOST_WARNED = 256

function helloLink({ link, arp, ndp, failure }: LinkStatus): readonly HelloLink[] {
  const { name, mac, hasCarrier } = link
  if (mac === undefined || !hasCarrier || failure !== undefined) return []
  const [ipv4, ipv6] = [arp === 'used', ndp === 'used']
  return ipv4 || ipv6 ? [{ name, mac, ipv4, ipv6 }] : []
}

function linkView({ link, arp, ndp, failure }: LinkStatus): LinkView {
  const { index, name, mac, isUp, hasCarrier, addresses } = link
  const use = (choice: string): string => (choice === 'used' && failure !== undefined ? failure.code : choice)
  return {
    index,
    name,
    mac: mac === undefined ? '' : formatMac(mac),
    isUp,
    hasCarrier,
    arp: use(arp),
    ndp: use(ndp),
    addresses: addresses.map(({ address, prefixLength }) => `${formatAddress(address)}/${prefixLength}`),
  }
}

function lanCounters(announcer: Announcer): Omit<LanCounters, 'bfd'> {
  const { addresses, ignored, sendFailures } = announcer.counters()
  return {
    addresses: Object.fromEntries(
      [...addresses].map(([text, { requests, replies, gratuitous, conflicts }]) => [
        text,
        { requestsReceived: requests, responsesSent: replies, gratuitousSent: gratuitous, conflicts },
      ]),
    ),
    ignored: Object.fromEntries(Object.entries(ignored).filter(([, count]) => count > 0)),
    sendFailures,
  }
}
