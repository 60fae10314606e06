import type { Step, TimerEffect } from '@metallb-ts/runtime'
import type { CloseReason, SendReason } from './close-reason.ts'
import { localOpen, negotiate, type LocalSession, type Negotiated } from './negotiate.ts'
import { KEEPALIVE, type Message, type RouteRefresh } from './wire/message.ts'
import { ERRORS, type Notification } from './wire/notification.ts'
import { gravest, type Update } from './wire/update.ts'

/** One connection's life, RFC 4271 §8. Dialling again, and a second connection, are the peer's matter (peer.ts). */
export type SessionState =
  | { readonly name: 'idle' }
  | { readonly name: 'connect' }
  | { readonly name: 'open-sent' }
  | { readonly name: 'open-confirm'; readonly negotiated: Negotiated }
  | { readonly name: 'established'; readonly negotiated: Negotiated }

export type StateName = 'idle' | 'connect' | 'active' | 'open-sent' | 'open-confirm' | 'established'

export type SessionInput =
  /** RFC 4271 §8.1.2 event 1: dial. */
  | { readonly type: 'start' }
  /** The connection stands, ours (event 17) or the peer's (event 16). */
  | { readonly type: 'connected' }
  | { readonly type: 'connect-failed'; readonly detail: string }
  | { readonly type: 'connection-closed'; readonly detail: string }
  | { readonly type: 'message'; readonly message: Message }
  /** Bytes that are no message, and the answer to them. */
  | { readonly type: 'malformed'; readonly notification: Notification }
  /** We end it: event 2, and Cease of any kind. */
  | { readonly type: 'stop'; readonly notification: Notification; readonly because: SendReason }
  | { readonly type: 'expired'; readonly timer: SessionTimer }

export type SessionTimer = 'connect' | 'hold' | 'keepalive'

export type SessionEffect =
  | { readonly type: 'dial' }
  | { readonly type: 'send'; readonly message: Message }
  /** The peer's OPEN is good: the moment collisions are resolved (RFC 4271 §6.8). */
  | { readonly type: 'open-accepted'; readonly negotiated: Negotiated }
  | { readonly type: 'established'; readonly negotiated: Negotiated }
  | { readonly type: 'update'; readonly update: Update }
  | { readonly type: 'refresh'; readonly request: RouteRefresh }
  /** Close the connection, after what was sent has left. */
  | { readonly type: 'close' }
  | { readonly type: 'ended'; readonly reason: CloseReason }

export interface SessionSettings extends LocalSession {
  /** How long an attempt to connect may take, in milliseconds. */
  readonly connectMs: number
}

type Answer = Step<SessionState, SessionEffect | TimerEffect<SessionTimer>>

export function stepSession(settings: SessionSettings, state: SessionState, input: SessionInput): Answer {
  switch (state.name) {
    case 'idle':
      return inIdle(settings, state, input)
    case 'connect':
      return inConnect(settings, state, input)
    case 'open-sent':
      return inOpenSent(settings, state, input)
    case 'open-confirm':
      return inOpenConfirm(state, input)
    case 'established':
      return inEstablished(state, input)
  }
}

const OPEN_HOLD_MS = 4 * 60_000 // RFC 4271 §8.2.2: a large value until the peer's OPEN names one
const KEEPALIVE_JITTER = 0.125 // RFC 4271 §10: 75 % to 100 % of the value; centred here, see armKeepalive

function inIdle({ connectMs, ...settings }: SessionSettings, state: SessionState, input: SessionInput): Answer {
  if (input.type === 'start') return to({ name: 'connect' }, start('connect', connectMs), { type: 'dial' })
  if (input.type === 'connected') return opened({ connectMs, ...settings })
  return to(state)
}

function inConnect(settings: SessionSettings, state: SessionState, input: SessionInput): Answer {
  switch (input.type) {
    case 'connected':
      return opened(settings)
    case 'connect-failed':
      return ended({ code: 'connect-failed', detail: input.detail })
    case 'expired':
      return input.timer === 'connect'
        ? ended({ code: 'connect-failed', detail: 'no answer in time' }, { type: 'close' })
        : to(state)
    case 'stop':
      return ended({ code: 'stopped' }, { type: 'close' })
    default:
      return to(state)
  }
}

function opened(settings: SessionSettings): Answer {
  return to(
    { name: 'open-sent' },
    stop('connect'),
    { type: 'send', message: localOpen(settings) },
    start('hold', OPEN_HOLD_MS),
  )
}

function inOpenSent(settings: SessionSettings, state: SessionState, input: SessionInput): Answer {
  if (input.type !== 'message') return inAnyOpened(state, input)
  const { message } = input
  if (message.type === 'notification') return received(message)
  if (message.type !== 'open') return refuse(ERRORS.unexpectedIn('open-sent'), 'unexpected-message')
  const negotiation = negotiate(settings, message)
  if (!negotiation.ok) return refuse(negotiation.notification, negotiation.because)
  const { negotiated } = negotiation
  return to(
    { name: 'open-confirm', negotiated },
    { type: 'open-accepted', negotiated },
    { type: 'send', message: KEEPALIVE },
    ...armHold(negotiated),
    ...armKeepalive(negotiated),
  )
}

function inOpenConfirm(state: SessionState & { name: 'open-confirm' }, input: SessionInput): Answer {
  if (input.type === 'expired' && input.timer === 'keepalive') return keepalive(state)
  if (input.type !== 'message') return inAnyOpened(state, input)
  const { message } = input
  const { negotiated } = state
  if (message.type === 'notification') return received(message)
  if (message.type !== 'keepalive') return refuse(ERRORS.unexpectedIn('open-confirm'), 'unexpected-message')
  return to({ name: 'established', negotiated }, ...armHold(negotiated), { type: 'established', negotiated })
}

function inEstablished(state: SessionState & { name: 'established' }, input: SessionInput): Answer {
  if (input.type === 'expired' && input.timer === 'keepalive') return keepalive(state)
  if (input.type !== 'message') return inAnyOpened(state, input)
  const { message } = input
  switch (message.type) {
    case 'keepalive':
      return to(state, ...armHold(state.negotiated))
    case 'update':
      return onUpdate(state, message)
    case 'route-refresh':
      return to(state, ...armHold(state.negotiated), { type: 'refresh', request: message })
    case 'notification':
      return received(message)
    case 'open':
      return refuse(ERRORS.unexpectedIn('established'), 'unexpected-message')
  }
}

function onUpdate(state: SessionState & { name: 'established' }, update: Update): Answer {
  if (gravest(update.issues) === 'session-reset') return refuse(ERRORS.malformedAttributes(), 'malformed-message')
  return to(state, ...armHold(state.negotiated), { type: 'update', update })
}

/** The clauses that RFC 4271 §8.2.2 repeats for every state with a connection. */
function inAnyOpened(state: SessionState, input: SessionInput): Answer {
  switch (input.type) {
    case 'stop':
      return refuse(input.notification, input.because)
    case 'malformed':
      return refuse(input.notification, 'malformed-message')
    case 'connection-closed':
      return ended({ code: 'connection-lost', detail: input.detail })
    case 'expired':
      return input.timer === 'hold' ? refuse(ERRORS.holdTimerExpired(), 'hold-timer-expired') : to(state)
    default:
      return to(state)
  }
}

function keepalive(state: SessionState & { readonly negotiated: Negotiated }): Answer {
  return to(state, { type: 'send', message: KEEPALIVE }, ...armKeepalive(state.negotiated))
}

function received({ code, subcode, data }: Notification): Answer {
  const error = { errorCode: code, errorSubcode: subcode, data }
  return ended({ code: 'notification-received', error }, { type: 'close' })
}

function refuse(notification: Notification, because: SendReason): Answer {
  const error = { errorCode: notification.code, errorSubcode: notification.subcode, data: notification.data }
  return ended(
    { code: 'notification-sent', error, because },
    { type: 'send', message: notification },
    { type: 'close' },
  )
}

function ended(reason: CloseReason, ...effects: readonly SessionEffect[]): Answer {
  return to({ name: 'idle' }, ...ALL_TIMERS.map(stop), ...effects, { type: 'ended', reason })
}

const ALL_TIMERS = ['connect', 'hold', 'keepalive'] as const

function armHold({ holdSeconds }: Negotiated): readonly TimerEffect<SessionTimer>[] {
  return holdSeconds === 0 ? [stop('hold')] : [start('hold', holdSeconds * 1_000)]
}

/** RFC 4271 §10: the keepalive interval is jittered to between 75 % and 100 % of itself. */
function armKeepalive({ keepaliveSeconds }: Negotiated): readonly TimerEffect<SessionTimer>[] {
  if (keepaliveSeconds === 0) return []
  return [
    {
      type: 'start-timer',
      timer: 'keepalive',
      ms: keepaliveSeconds * 1_000 * (1 - KEEPALIVE_JITTER),
      jitter: KEEPALIVE_JITTER / (1 - KEEPALIVE_JITTER),
    },
  ]
}

function to(state: SessionState, ...effects: readonly (SessionEffect | TimerEffect<SessionTimer>)[]): Answer {
  return { state, effects }
}

function start(timer: SessionTimer, ms: number): TimerEffect<SessionTimer> {
  return { type: 'start-timer', timer, ms }
}

function stop(timer: SessionTimer): TimerEffect<SessionTimer> {
  return { type: 'stop-timer', timer }
}
