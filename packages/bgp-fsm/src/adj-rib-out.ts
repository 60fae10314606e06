import type { Family } from '@metallb-ts/netip'
import { RibQueue, type Queueable } from './rib-queue.ts'
import { attributesKey, routeKey, type Route, type RouteAttributes } from './route.ts'
import { SpreadMap } from './spread-map.ts'

/** A route as it waits to be told, or was told. */
export interface RibEntry extends Route {
  readonly key: string
  readonly attributesKey: string
}

/** Why a route is meant to be told and is not. */
export type PendingReason =
  'family-not-negotiated' | 'no-next-hop' | 'attributes-too-long' | 'no-add-path' | 'no-long-lived-restart'

/** What one peer has to be told next: routes of one family to take back, or such that say the same. */
export interface Pending {
  readonly family: Family
  /** Of all the routes; undefined: they are withdrawn. */
  readonly attributes: RouteAttributes | undefined
  /** Hands them over until one is not accepted. Those that were have to be `told` before anything else is asked. */
  readonly take: (accept: (entry: RibEntry) => boolean) => void
}

export function ribEntry(route: Route): RibEntry {
  const { prefix, attributes, pathId } = route
  const key = routeKey(route)
  const common = attributesKey(attributes)
  return pathId === undefined
    ? { prefix, attributes, key, attributesKey: common }
    : { prefix, attributes, pathId, key, attributesKey: common }
}

/**
 * RFC 4271 §3.2: what we mean one peer to know, and what it was told. What differs waits in queues, one for each set of
 * attributes, from which one UPDATE after the other is filled: no step costs more than the change or message at hand.
 */
export class AdjRibOut {
  readonly #cells = new SpreadMap<Cell>()
  #withdrawals = noWithdrawals()
  #groups = new Map<string, Queue>()
  #unjudged: Queue[] = []
  #walks: Walk[] = []
  /** What of the last `next` was accepted. */
  #handedOver: Cell[] = []
  #session = 0
  #desiredCount = 0
  #sentCount = 0

  /** Means the peer to know this route, in place of any other of its key. */
  set(entry: RibEntry): boolean {
    const cell = this.#cells.get(entry.key)
    if (cell?.desired?.attributesKey === entry.attributesKey) return false
    if (cell?.desired === undefined) this.#desiredCount++
    if (cell === undefined) {
      const made = newCell(entry)
      this.#cells.set(entry.key, made)
      this.#requeue(made)
    } else {
      cell.desired = entry
      this.#requeue(cell)
    }
    return true
  }

  /** Means the peer to know no route of this key. */
  delete(key: string): boolean {
    const cell = this.#cells.get(key)
    if (cell?.desired === undefined) return false
    cell.desired = undefined
    this.#desiredCount--
    this.#requeue(cell)
    if (!this.#isSent(cell)) this.#cells.delete(key)
    return true
  }

  /** The peer knows nothing: a new session. What it has to be told is found by `gather`. */
  forgetSent(): void {
    this.#session++
    this.#sentCount = 0
    this.#withdrawals = noWithdrawals()
    this.#groups = new Map()
    this.#unjudged = []
    this.#walks = [{ cells: this.#cells.entries(), again: undefined }]
  }

  /** Everything of one family has to be told again (RFC 2918 §4). */
  refresh(family: Family): void {
    this.#walks = this.#walks.filter(({ again }) => again !== family)
    this.#walks.push({ cells: this.#cells.entries(), again: family })
  }

  /** Looks at so many of the routes that a new session or a refresh asks about; true when it has looked at all. */
  gather(most: number): boolean {
    for (let left = most; this.#walks.length > 0; left--) {
      if (left === 0) return false
      const { cells, again } = this.#walks[0]!
      const next = cells.next()
      if (next.done === true) this.#walks.shift()
      else this.#visit(...next.value, again)
    }
    return true
  }

  /** What has to be said now, withdrawals first. Routes that `judge` holds back are withdrawn if the peer knows them. */
  next(judge: (entry: RibEntry) => PendingReason | undefined): Pending | undefined {
    for (const group of this.#unjudged.splice(0)) this.#judge(group, judge)
    const { ipv4, ipv6 } = this.#withdrawals
    const [queue] = ipv4.size > 0 ? [ipv4] : ipv6.size > 0 ? [ipv6] : this.#groups.values()
    if (queue === undefined) return undefined
    const { family, attributes } = queue.kind
    const wanted = attributes === undefined ? 'sent' : 'desired'
    const handedOver: Cell[] = (this.#handedOver = [])
    const take = (accept: (entry: RibEntry) => boolean): void =>
      queue.take(cell => {
        const isAccepted = accept(cell[wanted]!)
        if (isAccepted) handedOver.push(cell)
        return isAccepted
      })
    return { family, attributes, take }
  }

  get hasPending(): boolean {
    const { ipv4, ipv6 } = this.#withdrawals
    return this.#walks.length > 0 || this.#groups.size > 0 || ipv4.size > 0 || ipv6.size > 0
  }

  /** Nothing waits, and nothing was held back. */
  get isAllTold(): boolean {
    return !this.hasPending && this.#sentCount === this.#desiredCount
  }

  get desiredCount(): number {
    return this.#desiredCount
  }

  get sentCount(): number {
    return this.#sentCount
  }

  *desired(): Generator<RibEntry> {
    for (const { desired } of this.#cells.values()) if (desired !== undefined) yield desired
  }

  *sent(): Generator<RibEntry> {
    for (const cell of this.#cells.values()) if (this.#isSent(cell)) yield cell.sent!
  }

  isSent(key: string): boolean {
    const cell = this.#cells.get(key)
    return cell !== undefined && this.#isSent(cell)
  }

  /** What was accepted of the last `next` was handed to the wire. */
  told(): void {
    for (const cell of this.#handedOver) {
      if (cell.queue?.kind.attributes === undefined) this.#withdrawn(cell)
      else this.#announced(cell)
      this.#move(cell, undefined)
    }
    this.#handedOver = []
  }

  #withdrawn(cell: Cell): void {
    const { key } = cell.sent!
    cell.sent = undefined
    this.#sentCount--
    if (cell.desired === undefined) this.#cells.delete(key)
  }

  #announced(cell: Cell): void {
    if (!this.#isSent(cell)) this.#sentCount++
    cell.sent = cell.desired
    cell.sentIn = this.#session
  }

  #visit(key: string, cell: Cell, again: Family | undefined): void {
    if (again !== undefined) {
      if (cell.desired?.prefix.address.family === again) this.#move(cell, this.#groupOf(cell.desired))
    } else if (!this.#isSent(cell)) {
      if (cell.desired === undefined) this.#cells.delete(key)
      else this.#move(cell, this.#groupOf(cell.desired))
    }
  }

  #requeue(cell: Cell): void {
    const { desired } = cell
    const sent = this.#isSent(cell) ? cell.sent : undefined
    if (desired === undefined) this.#move(cell, sent && this.#withdrawals[sent.prefix.address.family])
    else this.#move(cell, sent?.attributesKey === desired.attributesKey ? undefined : this.#groupOf(desired))
  }

  #move(cell: Cell, to: Queue | undefined): void {
    const from = cell.queue
    if (from === to) return
    from?.delete(cell)
    cell.queue = to
    to?.add(cell)
    if (from?.size === 0 && this.#groups.get(from.kind.key) === from) this.#groups.delete(from.kind.key)
  }

  #groupOf(entry: RibEntry): Queue {
    const { family } = entry.prefix.address
    const key = `${family}|${entry.pathId === undefined}|${entry.attributesKey}`
    const known = this.#groups.get(key)
    if (known !== undefined) return known
    const made: Queue = new RibQueue({ key, family, attributes: entry.attributes })
    this.#groups.set(key, made)
    this.#unjudged.push(made)
    return made
  }

  /** All of a group are held back, or none. */
  #judge(group: Queue, judge: (entry: RibEntry) => PendingReason | undefined): void {
    const { first } = group
    if (first === undefined || judge(first.desired!) === undefined) return
    for (let cell: Cell | undefined = first; cell !== undefined; cell = group.first)
      this.#move(cell, this.#isSent(cell) ? this.#withdrawals[cell.sent!.prefix.address.family] : undefined)
  }

  #isSent(cell: Cell): boolean {
    return cell.sent !== undefined && cell.sentIn === this.#session
  }
}

/** One route between what we mean and what was said. */
interface Cell extends Queueable<Cell> {
  desired: RibEntry | undefined
  sent: RibEntry | undefined
  /** The session in which `sent` was said. */
  sentIn: number
  queue: Queue | undefined
}

function newCell(desired: RibEntry): Cell {
  return { desired, sent: undefined, sentIn: NEVER, queue: undefined, before: undefined, behind: undefined }
}

type Queue = RibQueue<
  { readonly key: string; readonly family: Family; readonly attributes: RouteAttributes | undefined },
  Cell
>

interface Walk {
  readonly cells: Iterator<[string, Cell]>
  /** Say it again if it was said, all of this family. */
  readonly again: Family | undefined
}

const NEVER = -1

function noWithdrawals(): Readonly<Record<Family, Queue>> {
  const queue = (family: Family): Queue => new RibQueue({ key: '', family, attributes: undefined })
  return { ipv4: queue('ipv4'), ipv6: queue('ipv6') }
}
