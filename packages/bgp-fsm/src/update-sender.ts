import type { Family } from '@metallb-ts/netip'
import type { Clock, Timer } from '@metallb-ts/runtime'
import type { AdjRibOut, RibEntry } from './adj-rib-out.ts'
import type { PackContext } from './pack-context.ts'
import { endOfRib, packUpdate } from './pack-updates.ts'
import { heldBack } from './route-octets.ts'
import type { Turns } from './turns.ts'
import { AFI, SAFI_UNICAST } from './wire/constants.ts'
import { encodeMessage } from './wire/message.ts'

export interface SenderInit {
  readonly rib: AdjRibOut
  readonly context: PackContext
  /** When to tell it; the budget of a turn is of octets. */
  readonly turns: Turns
  /** Hands whole messages to the wire; false when it wants a pause until `drained`. */
  readonly write: (bytes: Uint8Array) => boolean
  /** After the UPDATEs of one turn were handed to the wire. */
  readonly onTold: (told: Told, updates: number) => void
  /** The peer takes nothing (RFC 9687). */
  readonly onStuck: () => void
}

/** What a peer was told, in one turn or a part of it. */
export interface Told {
  readonly withdrawn: readonly RibEntry[]
  readonly announced: readonly RibEntry[]
}

/**
 * Tells one established session what its Adj-RIB-Out holds. What waits is never a queue of bytes but the table itself,
 * so that a slow peer costs one entry a prefix, and gets the latest word only.
 */
export class UpdateSender {
  readonly #clock: Clock
  readonly #init: SenderInit
  readonly #sendHoldMs: number
  readonly #refreshes = new Set<Family>()
  readonly #unfinished: Set<Family>
  #holdsEndOfRib: boolean
  #isScheduled = false
  #sendHold: Timer | undefined
  #isBlocked = false
  #isOver = false

  constructor(clock: Clock, init: SenderInit, { holdsEndOfRib }: { readonly holdsEndOfRib: boolean }) {
    const { holdSeconds, knowsEndOfRib, families } = init.context.negotiated
    this.#clock = clock
    this.#init = init
    this.#sendHoldMs = Math.max(LEAST_SEND_HOLD_MS, 2_000 * holdSeconds)
    this.#unfinished = new Set(knowsEndOfRib ? families : [])
    this.#holdsEndOfRib = holdsEndOfRib
  }

  /** Nothing waits, and the wire took everything. */
  get isIdle(): boolean {
    return this.#isOver || (!this.#isBlocked && !this.#isScheduled && !this.#init.rib.hasPending)
  }

  /** Changes of one turn are told together, in the next. */
  schedule(): void {
    if (this.#isOver || this.#isBlocked || this.#isScheduled) return
    this.#isScheduled = true
    this.#init.turns.later(this, () => this.#flushStep())
  }

  /** Now, as much as one turn may take; the rest with the turns to come. */
  flush(): void {
    this.#init.turns.cancel(this)
    this.#isScheduled = false
    this.#init.turns.once(() => this.#flushStep())
    if (this.#init.rib.hasPending) this.schedule()
  }

  /** RFC 2918 §4, and between two marks where RFC 7313 §4 was agreed on. */
  refresh(family: Family): void {
    if (this.#isOver || !this.#init.context.negotiated.families.includes(family)) return
    if (this.#init.context.negotiated.enhancedRefresh && !this.#refreshes.has(family)) {
      this.#refreshes.add(family)
      this.#mark(family, 1)
    }
    this.#init.rib.refresh(family)
    this.schedule()
  }

  /** The initial routes are complete: End-of-RIB may go. */
  releaseEndOfRib(): void {
    this.#holdsEndOfRib = false
    this.schedule()
  }

  /** The wire can take more. */
  drained(): void {
    if (!this.#isBlocked) return
    this.#isBlocked = false
    this.#sendHold?.cancel()
    this.flush()
  }

  stop(): void {
    this.#isOver = true
    this.#isScheduled = false
    this.#init.turns.cancel(this)
    this.#sendHold?.cancel()
  }

  /** Some of it; answers what it cost, and undefined once there is nothing more. */
  #flushStep(): number | undefined {
    const { rib } = this.#init
    if (this.#isOver || this.#isBlocked) return this.#rest()
    if (!rib.gather(ROUTES_A_STEP)) return ROUTES_A_STEP * OCTETS_A_ROUTE
    const octets = this.#tell()
    if (this.#isOver || this.#isBlocked) return this.#rest()
    if (!rib.hasPending) this.#finish()
    return octets === 0 ? this.#rest() : octets
  }

  #rest(): undefined {
    this.#isScheduled = false
  }

  #tell(): number {
    const { rib, context, turns, onTold } = this.#init
    const withdrawn: RibEntry[] = []
    const announced: RibEntry[] = []
    let updates = 0
    let octets = 0
    while (octets < OCTETS_A_STEP && !this.#isBlocked && (updates === 0 || turns.hasTime)) {
      const pending = rib.next(entry => heldBack(entry, context))
      if (pending === undefined) break
      const update = packUpdate(pending, context)
      rib.told()
      this.#write(update.bytes)
      octets += LEAST_COST + update.bytes.length
      updates++
      for (const entry of update.withdrawn) withdrawn.push(entry)
      for (const entry of update.announced) announced.push(entry)
    }
    if (updates > 0) onTold({ withdrawn, announced }, updates)
    return octets
  }

  #finish(): void {
    for (const family of this.#refreshes) this.#mark(family, 2)
    this.#refreshes.clear()
    if (this.#holdsEndOfRib) return
    for (const family of this.#unfinished) this.#write(endOfRib(family))
    this.#unfinished.clear()
  }

  #mark(family: Family, subtype: 1 | 2): void {
    const message = { type: 'route-refresh', afi: AFI[family], safi: SAFI_UNICAST, subtype } as const
    this.#write(encodeMessage(message, this.#init.context.negotiated))
  }

  #write(bytes: Uint8Array): void {
    if (this.#init.write(bytes) || this.#isBlocked) return
    this.#isBlocked = true
    this.#sendHold?.cancel()
    this.#sendHold = this.#clock.setTimer(this.#sendHoldMs, this.#init.onStuck)
  }
}

const LEAST_SEND_HOLD_MS = 8 * 60_000 // RFC 9687 §5: the greater of eight minutes and twice the hold time
const OCTETS_A_STEP = 24 * 1_024 // some 5 000 host routes that say the same
const ROUTES_A_STEP = 500
const OCTETS_A_ROUTE = 6 // what it costs to look at one
const LEAST_COST = 200 // what an UPDATE costs beside its octets
