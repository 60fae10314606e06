import type { Publisher } from '@metallb-ts/event-bus'
import { formatMac, type Mac } from '@metallb-ts/netip'
import { backoffDelay, type Clock, type Random, type Timer } from '@metallb-ts/runtime'
import type { Claim } from './arp.ts'
import { CounterStore, type AnnouncerCounters } from './counters.ts'
import type { DesiredAddress } from './desired.ts'
import type { L2Events, LinkChanged } from './events.ts'
import { LinkResponder, type LinkResponderComponents } from './link-responder.ts'
import type { LinkFailure, LinkMonitor, Links, LinkSnapshot } from './link.ts'
import { DEFAULT_PROBE, ProbeRound, type ProbeSettings, type Taken } from './probe.ts'
import { AnswerLimiter, type RateLimits } from './rate-limit.ts'
import { DEFEND_INTERVAL_MS, type ScheduleSettings } from './schedule.ts'
import { SegmentMap } from './segment-map.ts'
import { chooseLinks, isUsed, type LinkChoice } from './select-links.ts'
import { AnnouncedTable, type Announced } from './table.ts'

export interface AnnouncerComponents {
  readonly clock: Clock
  readonly random: Random
  readonly links: Links
  readonly monitor: LinkMonitor
  readonly events: Publisher<L2Events>
}

export interface AnnouncerInit {
  /** Interfaces never used, by name. @default () => false */
  readonly isExcluded?: (name: string) => boolean
  readonly schedule?: Partial<ScheduleSettings>
  readonly rateLimits?: Partial<RateLimits>
  readonly probe?: Partial<ProbeSettings>
}

/** Answers ARP and NDP for addresses this host holds, and tells the network when that changes. */
export interface Announcer {
  start(): void
  /** Falls silent on every link. Safe to repeat. */
  stop(): void
  /** Replaces the whole desired state: answers are true when it returns, announcements follow at their pace. */
  apply(desired: readonly DesiredAddress[]): void
  /**
   * The hardware addresses of the other announcers, by which a disagreement among ourselves is told from a stranger.
   * Until they are known anybody may be one of ours, and is contradicted only when we still hold the address a little
   * later.
   */
  setPeers(nodes: ReadonlyMap<Mac, string> | undefined): void
  /** Other announcers are heard again: what is still held a moment later is told to every link anew. */
  networkHealed(): void
  /**
   * Asks the network whether somebody has these addresses, which nobody of ours holds. Costs most of a second, and more
   * where many are asked for at once.
   * @param onDone told what was found to be taken; nothing when all is free
   */
  probe(addresses: readonly DesiredAddress[], onDone: (taken: readonly Taken[]) => void): { cancel(): void }
  counters(): AnnouncerCounters
  /** Every interface there is, and what it is used for. */
  links(): readonly LinkStatus[]
  /** Where each desired address is answered; an empty list means nowhere. */
  placements(): ReadonlyMap<string, readonly string[]>
}

export interface LinkStatus extends LinkChoice {
  /** Why the interface could not be opened, while that is so. */
  readonly failure?: LinkFailure
}

export function createAnnouncer(components: AnnouncerComponents, init: AnnouncerInit = {}): Announcer {
  return new LinkAnnouncer(components, init)
}

class LinkAnnouncer implements Announcer {
  readonly #components: AnnouncerComponents
  readonly #init: AnnouncerInit
  readonly #counters = new CounterStore()
  readonly #limiter: AnswerLimiter
  readonly #segments: SegmentMap
  readonly #responders = new Map<number, LinkResponder>()
  readonly #failures = new Map<number, LinkFailure>()
  readonly #rounds = new Set<ProbeRound>()
  readonly #claims = new Map<string, { readonly at: number; isReported: boolean }>()
  #choices: readonly LinkChoice[] = []
  #table: AnnouncedTable = AnnouncedTable.EMPTY
  #peers: ReadonlyMap<Mac, string> | undefined
  #watch: { close(): void } | undefined
  #retry: Timer | undefined
  #attempt = 0
  #nextProbeAt = 0

  constructor(components: AnnouncerComponents, init: AnnouncerInit) {
    this.#components = components
    this.#init = init
    this.#limiter = new AnswerLimiter(init.rateLimits ?? {}, components.clock.now())
    this.#segments = new SegmentMap(init.schedule?.refreshMs)
  }

  start(): void {
    this.#watch ??= this.#components.monitor.watch(links => this.#onLinks(links))
  }

  stop(): void {
    this.#watch?.close()
    this.#watch = undefined
    this.#retry?.cancel()
    for (const round of this.#rounds) round.cancel()
    this.#rounds.clear()
    for (const responder of this.#responders.values()) this.#close(responder)
    this.#choices = []
  }

  apply(desired: readonly DesiredAddress[]): void {
    this.#table = new AnnouncedTable(desired)
    this.#limiter.setAnnounced(this.#table.size)
    for (const text of this.#counters.addresses.keys()) {
      if (this.#table.get(text) === undefined) this.#counters.addresses.delete(text)
    }
    for (const responder of this.#responders.values()) this.#applyTo(responder)
  }

  setPeers(nodes: ReadonlyMap<Mac, string> | undefined): void {
    this.#peers = nodes
  }

  networkHealed(): void {
    for (const responder of this.#responders.values()) responder.announceAll('network-healed')
  }

  probe(addresses: readonly DesiredAddress[], onDone: (taken: readonly Taken[]) => void): { cancel(): void } {
    const { clock } = this.#components
    const now = clock.now()
    const startMs = Math.max(0, this.#nextProbeAt - now)
    this.#nextProbeAt = now + startMs + PROBE_PACING_MS * addresses.length
    const forget = (): void => {
      round.cancel()
      this.#rounds.delete(round)
      this.#hearProbes()
    }
    const send = (): void => {
      for (const responder of this.#responders.values()) for (const each of addresses) responder.probe(each)
    }
    const settings = { ...DEFAULT_PROBE, ...this.#init.probe }
    const plain = addresses.map(({ address }) => address)
    const round: ProbeRound = new ProbeRound(clock, settings, startMs, plain, send, taken => {
      forget()
      onDone(taken)
    })
    this.#rounds.add(round)
    this.#hearProbes()
    return { cancel: forget }
  }

  counters(): AnnouncerCounters {
    return this.#counters
  }

  links(): readonly LinkStatus[] {
    return this.#choices.map(choice => {
      const failure = this.#failures.get(choice.link.index)
      return failure === undefined ? choice : { ...choice, failure }
    })
  }

  placements(): ReadonlyMap<string, readonly string[]> {
    const responders = [...this.#responders.values()]
    return new Map(
      this.#table.entries().map(({ text }) => {
        const places = responders.filter(({ held }) => held.has(text)).map(({ interfaceName }) => interfaceName)
        return [text, places]
      }),
    )
  }

  #hearProbes(): void {
    const probed = [...this.#rounds].flatMap(({ addresses }) => addresses)
    const table = new AnnouncedTable(probed.map(address => ({ address, interfaces: 'all' as const })))
    for (const responder of this.#responders.values()) responder.setProbed(table)
  }

  /** One of ours that holds it is no stranger: it says so by other means. */
  #onProbeAnswer({ entry, mac }: Claim, { interfaceName }: LinkResponder): void {
    const isOurs = this.#peers?.has(mac) === true || [...this.#responders.values()].some(each => each.mac === mac)
    if (isOurs) return
    for (const round of this.#rounds) {
      const isAsked = round.addresses.some(
        ({ family, value }) => family === entry.address.family && value === entry.address.value,
      )
      if (isAsked) round.heard({ address: entry.text, interface: interfaceName, mac })
    }
  }

  #onLinks(links: readonly LinkSnapshot[]): void {
    const before = this.#choices
    this.#choices = chooseLinks(links, this.#init.isExcluded ?? (() => false))
    const usable = new Map(this.#choices.filter(isUsed).map(choice => [choice.link.index, choice]))
    const failedOver = linksThatFailedOver(before, this.#choices)
    for (const responder of this.#responders.values()) this.#keepOrClose(responder, usable.get(responder.index))
    for (const index of failedOver) this.#responders.get(index)?.announceAll('link-restored')
    for (const choice of usable.values()) if (!this.#responders.has(choice.link.index)) this.#open(choice)
    for (const index of this.#failures.keys()) if (!usable.has(index)) this.#failures.delete(index)
    for (const detail of changes(before, this.#choices)) this.#components.events.publish('link:changed', detail)
  }

  /** Another hardware address or name makes another responder; anything else is told to the one there is. */
  #keepOrClose(responder: LinkResponder, choice: LinkChoice | undefined): void {
    const { mac, name } = responder.link
    if (choice === undefined || choice.link.mac !== mac || choice.link.name !== name) {
      this.#close(responder)
      return
    }
    const wasRestored = responder.update(choice)
    this.#applyTo(responder)
    if (wasRestored) responder.announceAll('link-restored')
  }

  #open(choice: LinkChoice): void {
    const { index } = choice.link
    const components: LinkResponderComponents = {
      ...this.#components,
      counters: this.#counters,
      limiter: this.#limiter,
      onClaim: (claim, link) => this.#onClaim(claim, link),
      isAnsweredElsewhere: (entry, link) => this.#isAnsweredElsewhere(entry, link),
      onProbeAnswer: (claim, link) => this.#onProbeAnswer(claim, link),
    }
    const opened = LinkResponder.open(components, choice, this.#components.links, this.#init.schedule ?? {})
    if (!opened.ok) {
      this.#failures.set(index, opened.error)
      this.#retryLater()
      return
    }
    this.#failures.delete(index)
    this.#responders.set(index, opened.value)
    if (this.#rounds.size > 0) this.#hearProbes()
    this.#applyTo(opened.value)
  }

  /** Netlink says when a link changes, not when a lack of memory or of permission ends. */
  #retryLater(): void {
    this.#retry?.cancel()
    const { clock, random } = this.#components
    this.#retry = clock.setTimer(backoffDelay(OPEN_RETRY, this.#attempt++, random), () => {
      for (const choice of this.#choices) if (this.#failures.has(choice.link.index)) this.#open(choice)
      if (this.#failures.size === 0) this.#attempt = 0
    })
  }

  #close(responder: LinkResponder): void {
    const held = [...responder.held.keys()]
    this.#responders.delete(responder.index)
    this.#segments.forget(responder.index)
    responder.close()
    for (const text of held) {
      this.#components.events.publish('l2:lost', { address: text, interface: responder.interfaceName })
    }
  }

  #applyTo(responder: LinkResponder): void {
    const { gained, lost } = responder.setTable(this.#table)
    const { events } = this.#components
    for (const text of lost) events.publish('l2:lost', { address: text, interface: responder.interfaceName })
    for (const text of gained) events.publish('l2:gained', { address: text, interface: responder.interfaceName })
  }

  #onClaim({ entry, mac }: Claim, heardOn: LinkResponder): 'ours' | 'foreign' {
    const own = [...this.#responders.values()].find(responder => responder.mac === mac)
    if (own !== undefined) {
      this.#segments.join(own.index, heardOn.index, this.#components.clock.now())
      return 'ours'
    }
    this.#counters.of(entry.text).conflicts++
    heardOn.onClaim(entry.text, this.#peers?.has(mac) ?? true)
    this.#report(entry.text, mac, heardOn)
    return 'foreign'
  }

  /**
   * Once per address, claimant and interval. A stranger is reported at once; who may be one of ours if we still hold the
   * address when a move would be over; one of ours if it goes on after that. The event wakes people, the counter counts.
   */
  #report(address: string, mac: Mac, heardOn: LinkResponder): void {
    const { clock } = this.#components
    const now = clock.now()
    const key = `${address} ${mac}`
    for (const [oldest, { at }] of this.#claims) {
      if (now - at < DEFEND_INTERVAL_MS) break
      this.#claims.delete(oldest)
    }
    const known = this.#claims.get(key)
    if (known?.isReported === true || (known === undefined && this.#claims.size >= MOST_CLAIMS)) return
    const claim = known ?? { at: now, isReported: false }
    this.#claims.set(key, claim)
    const publish = (): void => {
      if (!heardOn.held.has(address)) return void this.#claims.delete(key)
      claim.isReported = true
      const node = this.#peers?.get(mac)
      const detail = { address, interface: heardOn.interfaceName, mac: formatMac(mac) }
      this.#components.events.publish('l2:conflict', { ...detail, ...(node !== undefined && { node }) })
    }
    if (this.#peers?.has(mac) === true) {
      if (now - claim.at >= MOVE_MS) publish()
    } else if (this.#peers !== undefined) publish()
    else if (known === undefined) clock.setTimer(MOVE_MS, publish)
  }

  #isAnsweredElsewhere({ text }: Announced, { index }: LinkResponder): boolean {
    const first = this.#segments.firstOf(index, this.#components.clock.now(), other => {
      const responder = this.#responders.get(other)
      return responder !== undefined && responder.link.hasCarrier && responder.held.has(text)
    })
    return first !== index
  }
}

const OPEN_RETRY = { baseMs: 1_000, maxMs: 10_000 } as const
/** Between addresses asked for: switches police ARP. */
const PROBE_PACING_MS = 2
/** Longer than it takes an address to move from one of ours to another. */
const MOVE_MS = 250
/** Claims remembered so that they are not reported again too soon; what is past it is counted alone. */
const MOST_CLAIMS = 1_024

/**
 * Bonds and teams of which a member came, went or changed, and what stands on them: the switch may have to send to
 * another port now, and the kernel tells it only of addresses of its own.
 */
function linksThatFailedOver(before: readonly LinkChoice[], after: readonly LinkChoice[]): ReadonlySet<number> {
  const bundles = after.filter(({ link }) => link.kind === 'bond' || link.kind === 'team').map(({ link }) => link.index)
  const moved = bundles.filter(index => membersOf(index, before) !== membersOf(index, after))
  const upon = after.filter(({ link }) => link.parent !== undefined && moved.includes(link.parent))
  return new Set([...moved, ...upon.map(({ link }) => link.index)])
}

function membersOf(bundle: number, choices: readonly LinkChoice[]): string {
  const members = choices.filter(({ link }) => link.master === bundle)
  return members.map(({ link }) => `${link.index} ${link.hasCarrier}`).join()
}

function changes(before: readonly LinkChoice[], after: readonly LinkChoice[]): readonly LinkChanged[] {
  const known = new Map(before.map(({ link }) => [link.index, link]))
  const changed = after
    .filter(({ link }) => !isSame(known.get(link.index), link))
    .map(({ link }): LinkChanged => ({ interface: link.name, index: link.index, state: stateOf(link) }))
  const there = new Set(after.map(({ link }) => link.index))
  const gone = before
    .filter(({ link }) => !there.has(link.index))
    .map(({ link }): LinkChanged => ({ interface: link.name, index: link.index, state: 'gone' }))
  return [...gone, ...changed]
}

function stateOf({ isUp, hasCarrier }: LinkSnapshot): LinkChanged['state'] {
  if (!isUp) return 'down'
  return hasCarrier ? 'up' : 'no-carrier'
}

function isSame(a: LinkSnapshot | undefined, b: LinkSnapshot): boolean {
  if (a === undefined || a.addresses.length !== b.addresses.length) return false
  const { addresses: before, ...restBefore } = a
  const { addresses: after, ...restAfter } = b
  const keys = Object.keys(restAfter) as (keyof typeof restAfter)[]
  if (keys.some(key => restBefore[key] !== restAfter[key])) return false
  return after.every((each, i) => {
    const other = before[i]!
    return (
      each.address.value === other.address.value &&
      each.address.family === other.address.family &&
      each.prefixLength === other.prefixLength &&
      each.isTentative === other.isTentative
    )
  })
}
