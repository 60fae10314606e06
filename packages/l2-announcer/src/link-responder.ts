import { type Address, type Mac } from '@metallb-ts/netip'
import { MachineRunner, ok, type MachineComponents, type Result, type Timer } from '@metallb-ts/runtime'
import { answerArp, arpClaim, gratuitousArp, type Claim } from './arp.ts'
import type { DesiredAddress } from './desired.ts'
import type { CounterStore } from './counters.ts'
import type { IgnoreReason } from './ignore.ts'
import type { LinkFailure, LinkPort, Links, LinkSnapshot } from './link.ts'
import { answerNeighborSolicitation, neighborClaim, unsolicitedAdvertisement } from './ndp.ts'
import { probeAnswer, probeFrame } from './probe.ts'
import type { AnswerLimiter } from './rate-limit.ts'
import type { Responder } from './responder.ts'
import {
  initialSchedule,
  stepSchedule,
  type Announce,
  type HeldAddress,
  type ScheduleInput,
  type ScheduleSettings,
  type ScheduleState,
  type ScheduleTimer,
} from './schedule.ts'
import type { LinkChoice } from './select-links.ts'
import { admits, AnnouncedTable, type Announced } from './table.ts'
import { ARP } from './wire/arp.ts'
import { ETHER_TYPE_ARP, macAt, u16At, u32At } from './wire/ethernet.ts'
import { NDP, solicitedNodeGroup } from './wire/icmpv6.ts'

export interface LinkResponderComponents extends MachineComponents {
  readonly counters: CounterStore
  readonly limiter: AnswerLimiter
  /** Who it is that claims an address of ours, by what it sends on this link: another link of ours, or somebody else. */
  readonly onClaim: (claim: Claim, link: LinkResponder) => 'ours' | 'foreign'
  /** Does another link of ours on the same segment answer for this address? */
  readonly isAnsweredElsewhere: (entry: Announced, link: LinkResponder) => boolean
  /** Somebody has an address that is being probed for. */
  readonly onProbeAnswer: (claim: Claim, link: LinkResponder) => void
}

/** One link: answers what comes in, and tells it what we hold. */
export class LinkResponder implements Responder {
  readonly #components: LinkResponderComponents
  readonly #port: LinkPort
  readonly #schedule: MachineRunner<ScheduleState, ScheduleInput, Announce, ScheduleTimer>
  readonly #groups = new Map<bigint, Address>()
  #choice: LinkChoice
  #table: AnnouncedTable = AnnouncedTable.EMPTY
  #held: ReadonlyMap<string, Announced> = new Map()
  #probed: AnnouncedTable = AnnouncedTable.EMPTY
  #retry: Timer | undefined

  static open(
    components: LinkResponderComponents,
    choice: LinkChoice,
    links: Links,
    settings: Partial<ScheduleSettings>,
  ): Result<LinkResponder, LinkFailure> {
    let onFrame = (_frame: Uint8Array): void => {} // a port may deliver before `open` returns; nothing is held yet
    const port = links.open(choice.link, frame => onFrame(frame))
    if (!port.ok) return port
    const responder = new LinkResponder(components, choice, port.value, settings)
    onFrame = frame => responder.#onFrame(frame)
    return ok(responder)
  }

  private constructor(
    components: LinkResponderComponents,
    choice: LinkChoice,
    port: LinkPort,
    settings: Partial<ScheduleSettings>,
  ) {
    this.#components = components
    this.#choice = choice
    this.#port = port
    this.#schedule = new MachineRunner(components, {
      initial: initialSchedule(settings),
      step: stepSchedule,
      perform: effect => this.#announce(effect.address),
      expired: (timer): ScheduleInput => ({ type: timer }),
      pendingLimit: MOST_PENDING_INPUTS,
    })
  }

  get interfaceName(): string {
    return this.#choice.link.name
  }

  get index(): number {
    return this.#choice.link.index
  }

  get mac(): Mac {
    return this.#port.mac
  }

  get table(): AnnouncedTable {
    return this.#table
  }

  get link(): LinkSnapshot {
    return this.#choice.link
  }

  /** Texts of the addresses answered here. */
  get held(): ReadonlyMap<string, Announced> {
    return this.#held
  }

  /**
   * Answers for the table from now on; tells the link of what is new only then. Returns what changed, for events. What
   * is gone is gone from the table before anything else happens.
   */
  setTable(table: AnnouncedTable): { readonly gained: readonly string[]; readonly lost: readonly string[] } {
    const before = this.#held
    const entries = table.entries().filter(entry => this.#serves(entry))
    this.#held = new Map(entries.map(entry => [entry.text, entry]))
    const gained = entries.filter(({ text }) => !before.has(text))
    const lost = [...before.keys()].filter(text => !this.#held.has(text))
    this.#table = table
    if (gained.length + lost.length > 0) {
      this.#setGroups()
      this.#listen()
    }
    if (lost.length > 0) this.#schedule.dispatch({ type: 'lost', addresses: lost })
    if (gained.length > 0) this.#schedule.dispatch({ type: 'gained', addresses: gained.map(heldAddress) })
    return { gained: gained.map(({ text }) => text), lost }
  }

  /** The same interface with other facts about it. True when the network has to be told everything again. */
  update(choice: LinkChoice): boolean {
    const before = this.#choice.link
    this.#choice = choice
    return choice.link.hasCarrier && !before.hasCarrier
  }

  announceAll(why: 'link-restored' | 'network-healed'): void {
    this.#schedule.dispatch({ type: why })
  }

  /** Hears who has one of these, from now on. */
  setProbed(table: AnnouncedTable): void {
    this.#probed = table
    this.#listen()
  }

  /** Asks for an address that would be answered here. */
  probe({ address, interfaces }: DesiredAddress): void {
    const { arp, ndp } = this.#choice
    const isNamed = interfaces === 'all' || interfaces.includes(this.interfaceName)
    if (!isNamed || (address.family === 'ipv4' ? arp : ndp) !== 'used') return
    if (!this.#port.send(probeFrame(address, this.mac))) this.#components.counters.sendFailures++
  }

  onClaim(text: string, isPeer: boolean): void {
    this.#schedule.dispatch({ type: 'claimed', address: text, isPeer })
  }

  /** Would this address be answered here? */
  #serves(entry: Announced): boolean {
    const { arp, ndp } = this.#choice
    return admits(entry, this.interfaceName) && (entry.address.family === 'ipv4' ? arp : ndp) === 'used'
  }

  close(): void {
    this.#schedule.stop()
    this.#retry?.cancel()
    this.#table = AnnouncedTable.EMPTY
    this.#held = new Map()
    this.#port.close()
  }

  #listen(): void {
    const held = [...this.#held.values()].map(({ address }) => address)
    this.#port.listenFor([...held, ...this.#probed.entries().map(({ address }) => address)])
  }

  #onFrame(frame: Uint8Array): void {
    if (this.#probed.size > 0) {
      const found = probeAnswer(frame, { interfaceName: this.interfaceName, mac: this.mac, table: this.#probed })
      if (found !== undefined) this.#components.onProbeAnswer(found, this)
    }
    const isArp = frame.length >= 14 && u16At(frame, 12) === ETHER_TYPE_ARP
    const claim = isArp ? arpClaim(frame, this) : neighborClaim(frame, this)
    const isHeld = claim !== undefined && this.#held.has(claim.entry.text)
    if (isHeld && this.#components.onClaim(claim, this) === 'ours') {
      this.#components.counters.ignored['own-frame']++
      return
    }
    const answer = isArp ? answerArp(frame, this) : answerNeighborSolicitation(frame, this)
    if (typeof answer === 'string') this.#components.counters.ignored[answer]++
    else this.#reply(frame, answer, this.#asked(frame, isArp))
  }

  #asked(frame: Uint8Array, isArp: boolean): Announced {
    const entry = isArp
      ? this.#table.findIpv4(u32At(frame, ARP.targetAddress))
      : this.#table.findIpv6(frame, NDP.target)
    return entry! // there was an answer, so there is an entry
  }

  #reply(frame: Uint8Array, answer: Uint8Array, entry: Announced): void {
    const { counters, limiter, clock } = this.#components
    if (!this.#held.has(entry.text)) {
      counters.ignored['not-on-this-interface']++ // named for it, but it cannot serve this family
      return
    }
    const refusal = this.#refusal(frame, entry, limiter, clock.now())
    const own = counters.of(entry.text)
    own.requests++
    if (refusal !== undefined) counters.ignored[refusal]++
    else if (this.#port.send(answer)) own.replies++
    else counters.sendFailures++
  }

  #refusal(frame: Uint8Array, entry: Announced, limiter: AnswerLimiter, now: number): IgnoreReason | undefined {
    if (this.#components.isAnsweredElsewhere(entry, this)) return 'same-segment'
    const verdict = limiter.take(macAt(frame, 6), now)
    return verdict === 'allowed' ? undefined : verdict
  }

  /** Ownership is asked again before every send: a schedule may be behind the table, never ahead of it. */
  #announce({ address, text }: HeldAddress): void {
    const entry = this.#held.get(text)
    if (entry === undefined || this.#components.isAnsweredElsewhere(entry, this)) return
    if (address.family === 'ipv6') return this.#sendUnasked(text, unsolicitedAdvertisement(address, this.mac))
    for (const frame of gratuitousArp(address, this.mac)) this.#sendUnasked(text, frame)
  }

  #sendUnasked(text: string, frame: Uint8Array): void {
    const { counters } = this.#components
    if (this.#port.send(frame)) counters.of(text).gratuitous++
    else counters.sendFailures++
  }

  /** Groups that the kernel refuses are asked for again: without them a snooping switch hides us. */
  #setGroups(): void {
    this.#retry?.cancel()
    const wanted = new Map<bigint, Address>()
    for (const { address } of this.#held.values()) {
      if (address.family === 'ipv6') wanted.set(solicitedNodeGroup(address).value, solicitedNodeGroup(address))
    }
    for (const [key, group] of this.#groups) {
      if (wanted.has(key)) continue
      this.#port.leave(group)
      this.#groups.delete(key)
    }
    for (const [key, group] of wanted)
      if (!this.#groups.has(key) && this.#port.join(group)) this.#groups.set(key, group)
    if (this.#groups.size < wanted.size) {
      this.#retry = this.#components.clock.setTimer(JOIN_RETRY_MS, () => this.#setGroups())
    }
  }
}

const JOIN_RETRY_MS = 1_000

/** Inputs come one at a time but for a burst of claims, each of which costs one. */
const MOST_PENDING_INPUTS = 1_024

function heldAddress({ address, text }: Announced): HeldAddress {
  return { address, text }
}
