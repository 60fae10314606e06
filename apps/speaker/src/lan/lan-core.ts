import {
  createAnnouncer,
  nameMatcher,
  type Announcer,
  type Links,
  type LinkMonitor,
  type LinkStatus,
} from '@metallb-ts/l2-announcer'
import { formatAddress, formatMac } from '@metallb-ts/netip'
import type { Publisher } from '@metallb-ts/event-bus'
import type { Clock, Random } from '@metallb-ts/runtime'
import type { LanCounters, LanEvents, LanInit, LanPeer, LinkView } from './lan.ts'
import type { FromLan, LanEvent, ToLan } from './protocol.ts'

export interface LanCoreComponents {
  readonly clock: Clock
  readonly random: Random
  readonly links: Links
  readonly monitor: LinkMonitor
  readonly post: (message: FromLan) => void
  /** Ends the loop that calls us. */
  readonly end: () => void
}

/** Who is alive, as far as the thread has to do with it. */
export interface LanMembers {
  setPeers(peers: readonly LanPeer[]): void
  /** Says goodbye, and is not heard from any more. */
  leave(): void
  close(): void
}

/**
 * What runs on the LAN's thread, whatever drives it: takes the main thread's messages, holds the addresses, and reports
 * in batches, so that a main thread that stalls finds few messages when it comes back.
 */
export class LanCore {
  readonly #components: LanCoreComponents
  readonly #announcer: Announcer
  readonly #members: LanMembers | undefined
  #events: LanEvent[] = []
  #reported = ''
  #isStopping = false

  constructor(
    components: LanCoreComponents,
    init: LanInit,
    createMembers?: (events: Publisher<LanEvents>) => LanMembers,
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
    this.#members = createMembers?.(events)
  }

  start(): void {
    this.#announcer.start()
    this.#components.post({ type: 'started' })
  }

  onMessage(message: ToLan): void {
    switch (message.type) {
      case 'apply':
        this.#announcer.apply(message.desired)
        return this.#components.post({ type: 'applied' })
      case 'set-peers':
        return this.#members?.setPeers(message.peers)
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
    if (this.#members === undefined) return this.#end()
    this.#members.leave()
    this.#components.clock.setTimer(SUCCESSION_MS, () => this.#end())
  }

  #end(): void {
    this.#announcer.stop()
    this.#members?.close()
    this.#report()
    this.#flush()
    this.#components.end()
  }

  #report(): void {
    const counters = lanCounters(this.#announcer)
    const text = JSON.stringify(counters)
    if (text === this.#reported) return
    this.#reported = text
    this.#components.post({ type: 'counters', counters })
  }

  #tell(event: LanEvent): void {
    if (event.name === 'member:joined') this.#announcer.networkHealed()
    if (this.#events.length === 0) this.#components.clock.setTimer(0, () => this.#flush())
    this.#events.push(event)
  }

  #flush(): void {
    const events = this.#events
    this.#events = []
    if (events.length === 0) return
    if (events.some(({ name }) => name === 'link:changed')) {
      this.#components.post({ type: 'links', links: this.#announcer.links().map(linkView) })
    }
    this.#components.post({ type: 'events', events })
  }
}

/** For the others to elect and to answer; two may answer for an address meanwhile, on purpose. */
const SUCCESSION_MS = 50

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

function lanCounters(announcer: Announcer): LanCounters {
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
