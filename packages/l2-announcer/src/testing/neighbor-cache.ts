import { formatAddress, type Address, type Mac } from '@metallb-ts/netip'
import type { Clock, Timer } from '@metallb-ts/runtime'

/** RFC 4861 §7.3.2, which Linux uses for ARP as well. */
export type NeighborState = 'incomplete' | 'reachable' | 'stale' | 'delay' | 'probe' | 'failed'

export interface Neighbor {
  readonly state: NeighborState
  readonly mac: Mac | undefined
  /** When the entry was last confirmed or changed, in the clock's milliseconds. */
  readonly updatedAt: number
}

/** What a host hears about a neighbour. */
export interface NeighborNews {
  readonly mac: Mac
  /** The neighbour answered a question of ours. */
  readonly isConfirmed: boolean
  /** May replace a hardware address that is known. */
  readonly mayOverride: boolean
}

export interface NeighborCacheInit {
  /** Asks the network: to everyone, or to the hardware address that is to be confirmed. */
  readonly ask: (address: Address, to: Mac | undefined) => void
  /** @default 30000 */
  readonly reachableMs?: number
}

/**
 * A host's table of neighbours with the states and times of Linux: what is not confirmed goes stale, what is stale is
 * probed by unicast when used, what does not answer is asked for again.
 */
export class NeighborCache {
  readonly #clock: Clock
  readonly #init: Required<NeighborCacheInit>
  readonly #entries = new Map<string, Neighbor>()
  readonly #timers = new Map<string, Timer>()

  constructor(clock: Clock, init: NeighborCacheInit) {
    this.#clock = clock
    this.#init = { reachableMs: 30_000, ...init }
  }

  get(address: Address): Neighbor | undefined {
    return this.#entries.get(formatAddress(address))
  }

  /** The hardware address to send to now, if one is known; asks for it when it is not, or not surely. */
  use(address: Address): Mac | undefined {
    const entry = this.get(address)
    if (entry === undefined || entry.state === 'failed') this.#resolve(address, MOST_QUESTIONS)
    else if (entry.state === 'stale') this.#delay(address, entry)
    return this.get(address)?.mac
  }

  /** An entry that nothing on the wire can change is not modelled; one that does not exist is not made by hearsay. */
  hear(address: Address, news: NeighborNews): void {
    const entry = this.get(address)
    if (entry === undefined || entry.state === 'failed') return
    const isOther = entry.mac !== undefined && entry.mac !== news.mac
    if (isOther && !news.mayOverride) {
      if (entry.state === 'reachable') this.#set(address, { ...entry, state: 'stale' }) // RFC 4861 §7.2.5
      return
    }
    const isKept = !isOther && !news.isConfirmed && entry.mac !== undefined
    if (isKept) return // RFC 4861 §7.2.5: the same address, unconfirmed, changes nothing
    this.#set(address, {
      mac: news.mac,
      state: news.isConfirmed ? 'reachable' : 'stale',
      updatedAt: this.#clock.now(),
    })
    if (news.isConfirmed) this.#after(address, this.#init.reachableMs, () => this.#turnStale(address))
  }

  /** Somebody who asked us is known from its question (RFC 826; RFC 4861 §7.2.3). */
  hearQuestion(address: Address, mac: Mac): void {
    const entry = this.get(address)
    if (entry?.mac === mac) return
    this.#set(address, { mac, state: 'stale', updatedAt: this.#clock.now() })
  }

  #resolve(address: Address, questions: number): void {
    if (questions === 0) {
      this.#set(address, { state: 'failed', mac: undefined, updatedAt: this.#clock.now() })
      return
    }
    this.#set(address, { state: 'incomplete', mac: undefined, updatedAt: this.#clock.now() })
    this.#init.ask(address, undefined)
    this.#after(address, QUESTION_INTERVAL_MS, () => this.#resolve(address, questions - 1))
  }

  #delay(address: Address, entry: Neighbor): void {
    this.#set(address, { ...entry, state: 'delay' })
    this.#after(address, DELAY_MS, () => this.#probe(address, entry, MOST_QUESTIONS))
  }

  #probe(address: Address, entry: Neighbor, questions: number): void {
    if (questions === 0) return this.#resolve(address, MOST_QUESTIONS)
    this.#set(address, { ...entry, state: 'probe' })
    this.#init.ask(address, entry.mac)
    this.#after(address, QUESTION_INTERVAL_MS, () => this.#probe(address, entry, questions - 1))
  }

  #turnStale(address: Address): void {
    const entry = this.get(address)
    if (entry?.state === 'reachable') this.#set(address, { ...entry, state: 'stale' })
  }

  #set(address: Address, entry: Neighbor): void {
    const key = formatAddress(address)
    this.#timers.get(key)?.cancel()
    this.#entries.set(key, entry)
  }

  #after(address: Address, ms: number, fire: () => void): void {
    this.#timers.set(formatAddress(address), this.#clock.setTimer(ms, fire))
  }
}

const MOST_QUESTIONS = 3
const QUESTION_INTERVAL_MS = 1_000
const DELAY_MS = 5_000
