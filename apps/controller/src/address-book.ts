import type { Service } from '@metallb-ts/api'
import {
  Allocator,
  type AllocationRequest,
  type Assignment,
  type Claim,
  type Ensured,
  type HolderKey,
  type Pool,
  type PoolUsage,
  type Quarantined,
  type Terms,
} from '@metallb-ts/ipam'
import { formatAddress, type Address } from '@metallb-ts/netip'
import {
  currentAddresses,
  leavingAddresses,
  readRequest,
  type RequestReading,
  type RequestRules,
} from '@metallb-ts/policy'

/** What was decided about one Service, before anything is written. */
export interface Decision {
  readonly reading: RequestReading
  readonly answer: Ensured | undefined
}

/**
 * The allocator, seen from Services whose status is written a little later than decided. Addresses that a status still
 * shows are nobody else's until it is written: a crash in between finds every address with its old holder.
 */
export class AddressBook {
  readonly #allocator = new Allocator()
  /** Answers that no status shows yet: an attempt to write them may have failed. */
  readonly #unwritten = new Map<string, Ensured>()
  /** Who holds what a status shows and shall not show: one holder for each address, for they may be of different pools. */
  readonly #leaving = new Map<string, readonly HolderKey[]>()
  readonly #onFreed: () => void
  #grounds = 0

  /** @param onFreed something that another Service may be waiting for is to be had */
  constructor(onFreed: () => void) {
    this.#onFreed = onFreed
  }

  /** Another number when what is decided for everybody has changed, and every Service is to be judged anew. */
  get grounds(): number {
    return this.#grounds
  }

  usage(): readonly PoolUsage[] {
    return this.#allocator.usage()
  }

  assignment(key: string): Assignment | undefined {
    return this.#allocator.assignment(key)
  }

  /** Replaces the pools; every Service keeps what its status shows, where that is still to be had. */
  setPools(pools: readonly Pool[], services: Iterable<Service>, rules: RequestRules): readonly string[] {
    this.#grounds++
    const lost = this.#allocator.setPools(pools)
    const readings = [...services].map(service => ({
      key: keyOf(service),
      service,
      reading: readRequest(service, rules),
    }))
    for (const { key, service, reading } of readings) this.#adopt(key, service, reading)
    // Whoever shows an address and will not keep it has it until that is written.
    for (const { key, service, reading } of readings) {
      if (reading.kind === 'ignore' || this.#allocator.assignment(key) !== undefined) continue
      this.#letGo(key)
      this.#keepBack(key, currentAddresses(service), EXCLUSIVE)
    }
    return lost.filter(isService)
  }

  /** Replaces what is kept back. @returns the Services that have to move */
  setQuarantine(entries: readonly Quarantined[]): readonly string[] {
    const moving = this.#allocator.setQuarantine(entries)
    this.#grounds++
    this.#onFreed()
    return moving.filter(isService)
  }

  /** Synchronous: no other Service is decided meanwhile. */
  decide(key: string, service: Service, rules: RequestRules): Decision {
    const reading = readRequest(service, rules)
    const claim = this.#allocator.claim(key) ?? this.#claimOfLeaving(key) ?? EXCLUSIVE
    this.#letGo(key)
    this.#adopt(key, service, reading)
    const answer = reading.kind === 'ask' ? this.#ensure(key, reading.request) : undefined
    const released = isOver(reading) ? this.#allocator.release(key) : []
    const leaving = leavingAddresses(service, reading, answer)
    const isLeaving = this.#keepBack(key, leaving, { ...claim, refused: [] })
    if (!isLeaving && (answer?.frees === true || released.length > 0)) this.#onFreed()
    return { reading, answer }
  }

  /** The status agrees with what was decided: what it showed before is free. */
  settled(key: string): void {
    this.#unwritten.delete(key)
    if (this.#letGo(key)) this.#onFreed()
  }

  /** The Service is no more. */
  gone(key: string): void {
    this.#unwritten.delete(key)
    const released = this.#allocator.release(key).length > 0
    if (this.#letGo(key) || released) this.#onFreed()
  }

  /** An answer given before and not written is given again as it was: new is new until a status shows it. */
  #ensure(key: string, request: AllocationRequest): Ensured {
    const unwritten = this.#unwritten.get(key)
    const answer = this.#allocator.ensure(key, request)
    const moved = answer.moved ?? unwritten?.moved
    const how = answer.ok && answer.how === 'kept' && unwritten?.ok === true ? { how: unwritten.how } : {}
    const whole = { ...answer, ...how, ...(moved && { moved }) }
    if (!whole.ok || whole.how !== 'kept' || moved !== undefined) this.#unwritten.set(key, whole)
    return whole
  }

  /** @returns whether there is anything to keep back */
  #keepBack(key: string, addresses: readonly Address[], terms: Terms): boolean {
    const holders = addresses.flatMap(address => {
      const holder = `${LEAVING}${formatAddress(address)} ${key}`
      return this.#allocator.adopt(holder, [address], terms) === undefined ? [holder] : []
    })
    if (holders.length > 0) this.#leaving.set(key, holders)
    return holders.length > 0
  }

  /** @returns whether that frees anything */
  #letGo(key: string): boolean {
    const released = (this.#leaving.get(key) ?? []).flatMap(holder => this.#allocator.release(holder))
    this.#leaving.delete(key)
    return released.length > 0
  }

  #claimOfLeaving(key: string): Claim | undefined {
    const [first] = this.#leaving.get(key) ?? []
    return first === undefined ? undefined : this.#allocator.claim(first)
  }

  #adopt(key: string, service: Service, reading: RequestReading): void {
    if (this.#allocator.assignment(key) !== undefined) return
    if (reading.kind === 'ask') this.#allocator.adopt(key, currentAddresses(service), reading.request)
    if (reading.kind === 'leave') this.#allocator.adopt(key, currentAddresses(service), reading.terms)
  }
}

export function keyOf({ metadata }: Service): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`
}

const LEAVING = 'leaving:' // no name of a Service holds a colon

function isService(holder: HolderKey): boolean {
  return !holder.startsWith(LEAVING)
}

const EXCLUSIVE = { ports: [], refused: [] }

function isOver({ kind }: RequestReading): boolean {
  return kind === 'give-up' || kind === 'ignore'
}
