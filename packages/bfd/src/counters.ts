import { DISCARD_REASONS, type DiscardReason } from './discard.ts'

/** Plain numbers of one session, read by whoever makes metrics of them. They only grow. */
export interface SessionCounters {
  /** Accepted ones. */
  readonly controlIn: number
  readonly controlOut: number
  readonly echoIn: number
  readonly echoOut: number
  readonly upEvents: number
  /** Up to Down; our own AdminDown is none. */
  readonly downEvents: number
  /** Packets that the transport would not take. */
  readonly sendFailures: number
  /** The latest that a packet of ours went after the end of its interval. */
  readonly longestOverrunMs: number
  readonly discarded: Discards
}

export type Discards = Readonly<Record<DiscardReason, number>>

export type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

export function noDiscards(): Mutable<Discards> {
  return Object.fromEntries(DISCARD_REASONS.map(reason => [reason, 0])) as Mutable<Discards>
}
