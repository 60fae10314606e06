import type { CompleteProfile } from './profile.ts'
import { setsPoll, type Poll } from './poll.ts'
import type { PeerView, SessionState } from './session-state.ts'
import { isOver, LONGEST_WAIT_MS } from './watch.ts'
import type { StateName } from './wire/control-packet.ts'

/** Microseconds, as packets carry them. */
export interface Intervals {
  readonly desiredMinTxUs: number
  readonly requiredMinRxUs: number
}

/** What our packets say in this state: slow until we are up, whatever is configured (RFC 5880 §6.8.3). */
export function wantedIntervals(profile: CompleteProfile, name: StateName): Intervals {
  const configuredUs = profile.transmitIntervalMs * US_PER_MS
  return {
    desiredMinTxUs: name === 'up' ? configuredUs : Math.max(configuredUs, SLOW_TX_US),
    requiredMinRxUs: profile.receiveIntervalMs * US_PER_MS,
  }
}

/**
 * What of that binds at once (RFC 5880 §6.8.3). While up, slower sending waits until the peer knows, and so does a
 * shorter detection time.
 */
export function bindingIntervals(used: Intervals, wanted: Intervals, name: StateName): Intervals {
  if (name !== 'up') return wanted
  return {
    desiredMinTxUs: Math.min(used.desiredMinTxUs, wanted.desiredMinTxUs),
    requiredMinRxUs: Math.max(used.requiredMinRxUs, wanted.requiredMinRxUs),
  }
}

/** Between periodic packets, before jitter; undefined while there are none (RFC 5880 §6.8.7). */
export function transmitIntervalMs(profile: CompleteProfile, state: SessionState): number | undefined {
  if (!maySpeak(profile, state) || isHushed(state, state.poll)) return undefined
  return Math.max(state.used.desiredMinTxUs, state.peer?.requiredMinRxUs ?? UNHEARD_MIN_RX_US) / US_PER_MS
}

/** Whether anything but a Final may go out. */
export function maySpeak({ passiveMode }: CompleteProfile, { peer }: SessionState): boolean {
  return peer === undefined ? !passiveMode : peer.requiredMinRxUs > 0
}

/** How long a silence of the peer may last (RFC 5880 §6.8.4); undefined while nobody is listened for. */
export function detectionTimeMs(state: SessionState): number | undefined {
  const { peer, used, name } = state
  if (peer === undefined || name === 'admin-down') return undefined
  return (peer.detectMultiplier * Math.max(used.requiredMinRxUs, peer.desiredMinTxUs)) / US_PER_MS
}

/** When that time is over, counted from the peer's last packet; Infinity while nobody is listened for. */
export function detectionDeadline(state: SessionState): number {
  return (state.peer?.heardAt ?? 0) + (detectionTimeMs(state) ?? Infinity)
}

/** How long the peer may still believe what it heard of us last. */
export function peerDetectionTimeMs({ detectMultiplier }: CompleteProfile, said: Intervals, peer: PeerView): number {
  return (detectMultiplier * Math.max(said.desiredMinTxUs, peer.requiredMinRxUs)) / US_PER_MS
}

/** Whether the next periodic packet may go, so long after the last one. */
export function isTransmissionDue(intervalMs: number, passedMs: number): boolean {
  return isOver(intervalMs * LEAST_SHARE, passedMs)
}

/**
 * A delay for a timer that draws its own jitter: evenly from the least to the most of the interval, less what has passed.
 * One that is too long for a timer comes in parts.
 */
export function jitteredDelay(
  intervalMs: number,
  passedMs: number,
  detectMultiplier: number,
): { readonly ms: number; readonly jitter: number } {
  const least = Math.max(0, intervalMs * LEAST_SHARE - passedMs)
  const most = Math.max(0, intervalMs * (detectMultiplier === 1 ? MOST_SHARE_OF_ONE : 1) - passedMs)
  if (least > LONGEST_WAIT_MS) return { ms: LONGEST_WAIT_MS, jitter: 0 }
  return most === 0 ? { ms: 0, jitter: 0 } : { ms: (least + most) / 2, jitter: (most - least) / (most + least) }
}

const US_PER_MS = 1_000
const SLOW_TX_US = 1_000_000
const UNHEARD_MIN_RX_US = 1 // RFC 5880 §6.8.1
const LEAST_SHARE = 0.75 // RFC 5880 §6.8.7
const MOST_SHARE_OF_ONE = 0.9 // with a multiplier of 1 the peer allows no packet to be late

/** The peer is in demand mode: both up, nothing to ask, so it wants to hear nothing (RFC 5880 §6.6). */
function isHushed({ name, peer }: SessionState, poll: Poll): boolean {
  return name === 'up' && peer.isDemand && peer.state === 'up' && !setsPoll(poll)
}
