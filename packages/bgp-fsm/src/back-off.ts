import type { Random } from '@metallb-ts/runtime'
import type { CloseReason } from './close-reason.ts'

/** How often sessions have failed since one was stable, and how long to wait before the next start. */
export interface IdleHold {
  readonly failures: number
  readonly waitMs: number
}

export interface Outage {
  readonly reason: CloseReason
  /** How long the session was established; undefined when it never was. */
  readonly establishedMs: number | undefined
  /** Failures before this one. */
  readonly failures: number
  /** The peer can come to us meanwhile, so that waiting long costs nothing. */
  readonly isListening: boolean
}

/** RFC 4271 §8.1.1, DampPeerOscillations: at once after a stable session, then 1, 2, 4 .. 120 s, 300 s for protocol errors. */
export function idleHold({ reason, establishedMs, failures, isListening }: Outage, random: Random): IdleHold {
  const isStable = establishedMs !== undefined && establishedMs >= STABLE_MS
  const count = isStable ? 0 : failures
  const asked = isListening ? askedMs(reason) : 0
  if (isImpatient(reason)) return { failures: count, waitMs: jitter(SHORT_MS, random) }
  const grown = Math.min(longestMs(reason), FIRST_MS * 2 ** Math.min(Math.max(0, count - 1), 30))
  // A session that stood, or a connection that broke, is first tried again at once: most outages are over by then.
  const isAtOnce = count === 0 && (reason.code === 'connection-lost' || establishedMs !== undefined)
  return { failures: count + 1, waitMs: jitter(Math.max(isAtOnce ? 0 : grown, asked), random) }
}

const STABLE_MS = 60_000 // "OPEN exchanged" is no success: with a wrong AS that is a storm
const FIRST_MS = 1_000
const SHORT_MS = 5_000
const LONGEST_MS = 120_000
const LONGEST_AFTER_PROTOCOL_ERROR_MS = 300_000
const ASKED_MS = 80_000 // 60 s after jitter

/** A stale session at the peer that ends by its hold timer must not find us waiting. */
function isImpatient(reason: CloseReason): boolean {
  return reason.code === 'notification-received' && reason.error.errorCode === 6 && reason.error.errorSubcode === 7
}

/** The peer's operator said no: prefix limit, shutdown, de-configured, rejected. */
function askedMs(reason: CloseReason): number {
  if (reason.code !== 'notification-received' || reason.error.errorCode !== 6) return 0
  if (reason.error.errorSubcode === 1) return LONGEST_AFTER_PROTOCOL_ERROR_MS
  return [2, 3, 5].includes(reason.error.errorSubcode) ? ASKED_MS : 0
}

function longestMs(reason: CloseReason): number {
  if (reason.code !== 'notification-sent' && reason.code !== 'notification-received') return LONGEST_MS
  return [1, 2, 3, 5, 7].includes(reason.error.errorCode) ? LONGEST_AFTER_PROTOCOL_ERROR_MS : LONGEST_MS
}

/** RFC 4271 §10 */
function jitter(ms: number, random: Random): number {
  return Math.round(ms * (0.75 + 0.25 * random.next()))
}
