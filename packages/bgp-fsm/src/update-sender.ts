import type { Family } from '@metallb-ts/netip'
import type { Clock, Timer } from '@metallb-ts/runtime'
import type { AdjRibOut, RibEntry } from './adj-rib-out.ts'
import { endOfRib, heldBack, packUpdates, type PackContext, type PackedUpdate } from './pack-updates.ts'
import { AFI, SAFI_UNICAST } from './wire/constants.ts'
import { encodeMessage } from './wire/message.ts'

export interface SenderInit {
  readonly rib: AdjRibOut
  readonly context: PackContext
  /** Hands whole messages to the wire; false when it wants a pause until `drained`. */
  readonly write: (bytes: Uint8Array) => boolean
  /** After the UPDATEs of one turn were handed to the wire. */
  readonly onTold: (told: Told) => void
  /** The peer takes nothing (RFC 9687). */
  readonly onStuck: () => void
}

export interface Told {
  readonly updates: number
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
  #plan: { readonly version: number; readonly updates: Iterator<PackedUpdate> } | undefined
  #timer: Timer | undefined
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
    return this.#isOver || (!this.#isBlocked && this.#timer === undefined && !this.#init.rib.hasPending)
  }

  /** Changes of one turn are told together. */
  schedule(): void {
    if (this.#isOver || this.#isBlocked || this.#timer !== undefined) return
    this.#timer = this.#clock.setTimer(0, () => this.flush())
  }

  flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#isOver || this.#isBlocked) return
    const withdrawn: RibEntry[] = []
    const announced: RibEntry[] = []
    let updates = 0
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      this.#write(next.bytes)
      this.#init.rib.told(next)
      for (const entry of next.withdrawn) withdrawn.push(entry)
      for (const entry of next.announced) announced.push(entry)
      updates++
      if (this.#isBlocked || updates >= UPDATES_A_TURN) break
    }
    if (updates > 0) this.#init.onTold({ updates, withdrawn, announced })
    if (this.#isOver || this.#isBlocked) return
    if (this.#init.rib.hasPending) return this.schedule()
    this.#finish()
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
    this.#timer?.cancel()
    this.#timer = undefined
    this.#sendHold?.cancel()
  }

  #next(): PackedUpdate | undefined {
    const { rib, context } = this.#init
    if (this.#plan?.version !== rib.version) this.#plan = undefined
    const planned = this.#plan?.updates.next()
    if (planned !== undefined && planned.done !== true) return planned.value
    this.#plan = undefined
    if (!rib.hasPending) return undefined
    const verdicts = new Map<string, ReturnType<typeof heldBack>>()
    const changes = rib.changes(entry => {
      const key = `${entry.prefix.address.family}|${entry.pathId === undefined}|${entry.attributesKey}`
      if (!verdicts.has(key)) verdicts.set(key, heldBack(entry, context))
      return verdicts.get(key)
    })
    const updates = packUpdates(changes, context)
    this.#plan = { version: rib.version, updates }
    const first = updates.next()
    return first.done === true ? undefined : first.value
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
const UPDATES_A_TURN = 24 // about 20 000 prefixes: some milliseconds, so that nothing else waits longer
