import {
  createAnnouncer,
  isUsed,
  nameMatcher,
  type Announcer,
  type Links,
  type LinkMonitor,
  type LinkStatus,
} from '@metallb-ts/l2-announcer'
import { formatAddress, formatMac, type Mac } from '@metallb-ts/netip'
import type { Publisher } from '@metallb-ts/event-bus'
import type { Clock, Random } from '@metallb-ts/runtime'
import { heldNow, type LanAddress } from './contest.ts'
import { kernelAnswers } from './kernel-answers.ts'
import type { LanBfd } from './bfd.ts'
import type { LanCounters, LanEvents, LanInit, LanPeer, LinkView } from './lan.ts'
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

/** Who is alive, as far as the thread has to do with it. */
export interface LanMembers {
  setPeers(peers: readonly LanPeer[]): void
  /** The hardware addresses we announce with, for the others to know. */
  setMacs(macs: readonly Mac[]): void
  /** This node among them, once it takes part. */
  alive(): readonly string[]
  /** Says goodbye, and is not heard from any more. */
  leave(): void
  close(): void
}

/** Told whose hardware address is whose among the living others; undefined while that is not known of all. */
export type OnPeerHardware = (nodes: ReadonlyMap<Mac, string> | undefined) => void

/**
 * What runs on the LAN's thread, whatever drives it: takes the main thread's messages, holds the addresses, and reports
 * in batches, so that a main thread that stalls finds few messages when it comes back.
 */
export class LanCore {
  readonly #components: LanCoreComponents
  readonly #announcer: Announcer
  readonly #members: LanMembers | undefined
  readonly #bfd: LanBfd | undefined
  #events: LanEvent[] = []
  #desired: readonly LanAddress[] = []
  readonly #warned = new Set<string>()
  #reported = ''
  #isStopping = false
  readonly #node: string

  constructor(
    components: LanCoreComponents,
    init: LanInit,
    createMembers?: (events: Publisher<LanEvents>, onHardware: OnPeerHardware) => LanMembers,
    createBfd?: (events: Publisher<LanEvents>, onRefused: (peer: string, detail: string) => void) => LanBfd,
  ) {
    this.#components = components
    this.#node = init.node
    const events: Publisher<LanEvents> = { publish: (name, detail) => this.#tell({ name, detail } as LanEvent) }
    const matcher = nameMatcher(init.excludedInterfaces ?? [])
    this.#announcer = createAnnouncer(
      { ...components, events },
      {
        ...(matcher.ok && { isExcluded: matcher.value }),
        ...(init.refreshMs !== undefined && { schedule: { refreshMs: init.refreshMs } }),
      },
    )
    this.#members = createMembers?.(events, nodes => this.#announcer.setPeers(nodes))
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
        this.#hold()
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
    }
  }

  /** Goodbye first: whoever takes over answers before we are silent. */
  #stop(): void {
    if (this.#isStopping) return
    this.#isStopping = true
    this.#members?.leave()
    this.#bfd?.stop()
    const { clock } = this.#components
    const succeeds = this.#members === undefined ? 0 : clock.now() + SUCCESSION_MS
    const deadline = clock.now() + MOST_GOODBYE_MS
    // No promise is ever kept on this thread: its loop does not return.
    const look = (): void => {
      const isOver = clock.now() >= succeeds && (this.#bfd?.isOver ?? true)
      if (isOver || clock.now() >= deadline) this.#end()
      else clock.setTimer(LOOK_AGAIN_MS, look)
    }
    look()
  }

  #end(): void {
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
    if (event.name === 'member:joined' || event.name === 'member:left') this.#onMembers(event.name)
    if (this.#events.length === 0) this.#components.clock.setTimer(0, () => this.#flush())
    this.#events.push(event)
  }

  /** Another owner answers before anybody is told that it is one. */
  #onMembers(name: 'member:joined' | 'member:left'): void {
    this.#hold()
    if (name === 'member:joined') this.#announcer.networkHealed()
  }

  #hold(): void {
    const alive = this.#members === undefined ? 'all' : new Set(this.#members.alive())
    this.#announcer.apply(heldNow(this.#desired, this.#node, alive))
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
      const used = this.#announcer.links().filter(isUsed)
      this.#members?.setMacs(used.flatMap(({ link }) => link.mac ?? []))
      this.#components.post({ type: 'links', links: this.#announcer.links().map(linkView) })
    }
    this.#components.post({ type: 'events', events })
  }
}

/** For the others to elect and to answer; two may answer for an address meanwhile, on purpose. */
const SUCCESSION_MS = 50
/** For routers to hear that we leave on purpose. */
const MOST_GOODBYE_MS = 2_000
const LOOK_AGAIN_MS = 10
const MOST_WARNED = 256

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
