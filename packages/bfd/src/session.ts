import type { Step, TimerEffect } from '@metallb-ts/runtime'
import { conclude } from './conclude.ts'
import { echoDeadline } from './echo.ts'
import {
  detectionDeadline,
  isTransmissionDue,
  peerDetectionTimeMs,
  transmitIntervalMs,
  wantedIntervals,
} from './intervals.ts'
import { isConfirmation, pollAfterReceiving } from './poll.ts'
import type { CompleteProfile } from './profile.ts'
import type { Common, PeerView, SessionSettings, SessionState } from './session-state.ts'
import { isOver, NO_WATCH } from './watch.ts'
import type { ControlPacket, StateName } from './wire/control-packet.ts'
import { DIAGNOSTICS } from './wire/diagnostic.ts'

export type SessionInput =
  | { readonly type: 'start' }
  /** A packet that the demultiplexer let through. */
  | { readonly type: 'received'; readonly packet: ControlPacket }
  /** An echo of ours came back. */
  | { readonly type: 'echoed' }
  | { readonly type: 'disable' }
  | { readonly type: 'enable' }
  /** Disable, and end when the peer has had a detection time to hear of it. */
  | { readonly type: 'close' }
  /** The settings are other ones from this step on. */
  | { readonly type: 'reconfigured' }
  | { readonly type: 'expired'; readonly timer: SessionTimer }

/** `detect-due`, `echo-due`: the time is over, and what has arrived already is read before that counts. */
export type SessionTimer = 'transmit' | 'detect-due' | 'detect' | 'linger' | 'echo' | 'echo-due' | 'echo-lost'

export type SessionEffect =
  | { readonly type: 'send'; readonly packet: ControlPacket }
  | { readonly type: 'send-echo' }
  | { readonly type: 'moved'; readonly from: StateName; readonly to: StateName; readonly cause: MoveCause }
  /** A packet goes this much later than its interval allows: this process was held up. */
  | { readonly type: 'overran'; readonly ms: number }
  /** Nothing follows. */
  | { readonly type: 'ended' }

/** Why a session is in another state now. */
export type MoveCause =
  | 'handshake'
  | 'detection-expired'
  | 'echo-failed'
  /** The peer says Down: it does not hear us, or has started anew. */
  | 'peer-down'
  /** An operator of the peer took it down; the path may be as good as ever (RFC 5882 §4.2). */
  | 'peer-admin-down'
  | 'disabled'
  | 'enabled'

export type SessionEffects = readonly (SessionEffect | TimerEffect<SessionTimer>)[]
export type SessionAnswer = Step<SessionState, SessionEffect | TimerEffect<SessionTimer>>

/** What an input makes of a session, before anything is sent or timed because of it. */
export interface Reaction {
  readonly state: SessionState
  /** With every other name of the state. */
  readonly cause?: MoveCause
  /** The schedule has come to its next packet. */
  readonly isDue?: boolean
  /** The peer polls. */
  readonly isPolled?: boolean
  readonly effects?: SessionEffects
}

/** RFC 5880 §6.8, one session. Which session a packet is for, and whether it is one, is decided before (demultiplexer.ts). */
export function stepSession(
  settings: SessionSettings,
  state: SessionState,
  input: SessionInput,
  now: number,
): SessionAnswer {
  return conclude(settings, state, react(settings, state, input, now), input, now)
}

export function initialSession(profile: CompleteProfile): SessionState {
  const intervals = wantedIntervals(profile, 'down')
  return {
    name: 'down',
    peer: undefined,
    diagnostic: DIAGNOSTICS.none,
    said: intervals,
    used: intervals,
    poll: 'idle',
    sentAt: -Infinity,
    dueBy: Infinity,
    finalAt: -Infinity,
    detection: NO_WATCH,
    echoLoss: NO_WATCH,
  }
}

function react(settings: SessionSettings, state: SessionState, input: SessionInput, now: number): Reaction {
  switch (input.type) {
    case 'start':
      return { state, isDue: true }
    case 'received':
      return received(state, input.packet, now)
    case 'echoed':
      return { state: state.name === 'up' ? { ...state, echoedAt: now } : state }
    case 'disable':
      return disabled(settings, state, false)
    case 'close':
      return disabled(settings, state, true)
    case 'enable':
      if (state.name !== 'admin-down') return { state }
      return { state: down(state, DIAGNOSTICS.none, undefined), cause: 'enabled', effects: [stop('linger')] }
    case 'reconfigured':
      return { state }
    case 'expired':
      return expired(settings, state, input.timer, now)
  }
}

/** RFC 5880 §6.8.6, from where the packet is known to be good. */
function received(state: SessionState, packet: ControlPacket, now: number): Reaction {
  const known = {
    ...state,
    peer: peerView(packet, now),
    poll: pollAfterReceiving(state.poll, packet.isFinal),
    used: isConfirmation(state.poll, packet.isFinal) ? state.said : state.used,
  }
  if (known.name === 'admin-down') return { state: known }
  return { ...handshake(known, packet.state), isPolled: packet.isPoll }
}

/** RFC 5880 §6.2: two steps up from either side, one step down. */
function handshake(
  state: Exclude<SessionState, { name: 'admin-down' }> & { peer: PeerView },
  heard: StateName,
): Reaction {
  const name = HANDSHAKE[state.name][heard]
  if (name === state.name) return { state }
  switch (name) {
    case 'down': {
      const cause = heard === 'admin-down' ? 'peer-admin-down' : 'peer-down'
      return { state: down(state, DIAGNOSTICS['neighbor-signaled-down'], state.peer), cause }
    }
    case 'init':
      return { state: { ...common(state), name, peer: state.peer }, cause: 'handshake' }
    case 'up': {
      const up = { ...common(state), diagnostic: DIAGNOSTICS.none, name, peer: state.peer, echoedAt: undefined }
      return { state: up, cause: 'handshake' }
    }
  }
}

function disabled({ profile }: SessionSettings, state: SessionState, isEnding: boolean): Reaction {
  const { peer } = state
  if (state.name === 'admin-down' && (state.isEnding || !isEnding)) return { state }
  const after: SessionState = {
    ...common(state),
    name: 'admin-down',
    peer,
    diagnostic: DIAGNOSTICS['administratively-down'],
    poll: 'idle',
    isEnding,
  }
  if (!isEnding) return { state: after, cause: 'disabled' }
  const ending: SessionEffects =
    peer === undefined
      ? [{ type: 'ended' }]
      : [
          start(
            'linger',
            Math.min(LONGEST_FAREWELL_MS, peerDetectionTimeMs(profile, wantedIntervals(profile, 'admin-down'), peer)),
          ),
        ]
  return { state: after, cause: 'disabled', effects: ending }
}

function expired(settings: SessionSettings, state: SessionState, timer: SessionTimer, now: number): Reaction {
  switch (timer) {
    case 'transmit':
      return transmissionDue(settings, state, now)
    case 'detect-due':
    case 'echo-due':
      return { state }
    case 'detect':
      return isOver(detectionDeadline(state), now) ? silence(state) : { state }
    case 'linger':
      return { state, effects: [{ type: 'ended' }] }
    case 'echo':
      return { state, effects: [{ type: 'send-echo' }] }
    case 'echo-lost':
      if (!isOver(echoDeadline(settings, state), now)) return { state }
      return { state: down(state, DIAGNOSTICS['echo-failed'], state.peer), cause: 'echo-failed' }
  }
}

function transmissionDue({ profile }: SessionSettings, state: SessionState, now: number): Reaction {
  const interval = transmitIntervalMs(profile, state)
  if (interval === undefined || !isTransmissionDue(interval, now - state.sentAt)) return { state }
  const ms = now - state.dueBy
  return { state, isDue: true, effects: ms > 0 ? [{ type: 'overran', ms }] : [] }
}

/** A detection time without a packet: what the peer said is not so any more (RFC 5880 §6.8.1, §6.8.4). */
function silence(state: SessionState): Reaction {
  switch (state.name) {
    case 'init':
    case 'up':
      return {
        state: down(state, DIAGNOSTICS['detection-time-expired'], undefined),
        cause: 'detection-expired',
      }
    case 'down':
      return { state: { ...state, peer: undefined } }
    case 'admin-down':
      return { state }
  }
}

const LONGEST_FAREWELL_MS = 30_000 // whatever interval the peer asks for

/** By our state and by the one that the peer says it is in. */
const HANDSHAKE = {
  down: { 'admin-down': 'down', down: 'init', init: 'up', up: 'down' },
  init: { 'admin-down': 'down', down: 'init', init: 'up', up: 'up' },
  up: { 'admin-down': 'down', down: 'down', init: 'up', up: 'up' },
} as const satisfies Record<string, Readonly<Record<StateName, StateName>>>

function down(state: SessionState, diagnostic: number, peer: PeerView | undefined): SessionState {
  return { ...common(state), name: 'down', diagnostic, peer }
}

function common(state: SessionState): Common {
  const { diagnostic, said, used, poll, sentAt, dueBy, finalAt, detection, echoLoss } = state
  return { diagnostic, said, used, poll, sentAt, dueBy, finalAt, detection, echoLoss }
}

function peerView(packet: ControlPacket, now: number): PeerView {
  return {
    state: packet.state,
    diagnostic: packet.diagnostic,
    myDiscriminator: packet.myDiscriminator,
    isControlPlaneIndependent: packet.isControlPlaneIndependent,
    isDemand: packet.isDemand,
    detectMultiplier: packet.detectMultiplier,
    desiredMinTxUs: packet.desiredMinTxUs,
    requiredMinRxUs: packet.requiredMinRxUs,
    requiredMinEchoRxUs: packet.requiredMinEchoRxUs,
    heardAt: now,
  }
}

function start(timer: SessionTimer, ms: number): TimerEffect<SessionTimer> {
  return { type: 'start-timer', timer, ms }
}

function stop(timer: SessionTimer): TimerEffect<SessionTimer> {
  return { type: 'stop-timer', timer }
}
