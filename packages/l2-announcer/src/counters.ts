import { IGNORE_REASONS, type IgnoreReason } from './ignore.ts'

/** Plain numbers, added to on the path of every frame and read by whoever makes metrics of them. They only grow. */
export interface AnnouncerCounters {
  /** By canonical text; kept while the address is held. */
  readonly addresses: ReadonlyMap<string, AddressCounters>
  readonly ignored: Readonly<Record<IgnoreReason, number>>
  /** Frames that the kernel would not take: the link was down, or had no room. */
  readonly sendFailures: number
}

export interface AddressCounters {
  /** Requests and solicitations for the address that deserved an answer. */
  readonly requests: number
  readonly replies: number
  /** Frames sent unasked. */
  readonly gratuitous: number
  /** Frames in which somebody else claimed it. */
  readonly conflicts: number
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

export class CounterStore implements AnnouncerCounters {
  readonly addresses: Map<string, Mutable<AddressCounters>> = new Map()
  readonly ignored: Record<IgnoreReason, number>
  sendFailures = 0

  constructor() {
    this.ignored = Object.fromEntries(IGNORE_REASONS.map(reason => [reason, 0])) as Record<IgnoreReason, number>
  }

  of(text: string): Mutable<AddressCounters> {
    let counters = this.addresses.get(text)
    if (counters === undefined) {
      counters = { requests: 0, replies: 0, gratuitous: 0, conflicts: 0 }
      this.addresses.set(text, counters)
    }
    return counters
  }
}
