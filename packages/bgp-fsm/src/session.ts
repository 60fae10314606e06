import type { Step, TimerEffect } from '@metallb-ts/runtime'
import type { CloseReason, SendReason } from './close-reason.ts'
import { localOpen, negotiate, type LocalSession, type Negotiated } from './negotiate.ts'
import { MESSAGE_TYPES } from './wire/constants.ts'
import { KEEPALIVE, type Message, type RouteRefresh } from './wire/message.ts'
import { ERRORS, type Notification } from './wire/notification.ts'
import type { Update } from './wire/update.ts'

/** RFC 4271 §8.2.2, for one connection at a time. A second connection is the peer's matter (peer.ts, collision.ts). */
export type SessionState =
  | { readonly name: 'idle' }
  /** `attempt`: dials that came to nothing so far. `delaysOpen`: connected, and our OPEN waits (DelayOpenTimer). */
  | { readonly name: 'connect'; readonly attempt: number; readonly delaysOpen: boolean }
  | { readonly name: 'active'; readonly attempt: number; readonly delaysOpen: boolean }
  | { readonly name: 'open-sent'; readonly attempt: number }
  | { readonly name: 'open-confirm'; readonly negotiated: Negotiated }
  | { readonly name: 'established'; readonly negotiated: Negotiated }

export type StateName = SessionState['name']

/** The events of RFC 4271 §8.1, their numbers beside them. */
export type SessionInput =
  /** 1, 3 to 7: dial, or wait to be dialled, as the settings say. */
  | { readonly type: 'start' }
  /** 2 when an operator asks, 8 when we ourselves do. */
  | {
      readonly type: 'stop'
      readonly isManual: boolean
      readonly notification: Notification
      readonly because: SendReason
    }
  /** 9 connect-retry, 10 hold, 11 keepalive, 12 delay-open, 13 idle-hold, 29 send-hold (RFC 9687 §3). */
  | { readonly type: 'expired'; readonly timer: SessionTimer }
  /** 16, 17: the connection stands, ours or the peer's. */
  | { readonly type: 'connected' }
  /** 18 */
  | { readonly type: 'tcp-failed'; readonly detail: string }
  /** 19, 20, 24 to 27, and ROUTE-REFRESH. `followedBy`: a NOTIFICATION that came right behind an OPEN. */
  | { readonly type: 'message'; readonly message: Message; readonly followedBy?: Notification }
  /** 21, 22, 28 by the code of the answer. */
  | { readonly type: 'malformed'; readonly notification: Notification }
  /** 23 */
  | { readonly type: 'collision-lost' }
  /** UPDATEs were handed to the wire. */
  | { readonly type: 'updates-sent' }

/** `hold-due`: the hold time is over, and what has arrived already is read before that counts. */
export type SessionTimer =
  'connect-retry' | 'hold-due' | 'hold' | 'keepalive' | 'delay-open' | 'idle-hold' | 'send-hold'

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
  /** A dial came to nothing; another follows after `retryMs`, jitter apart. */
  | { readonly type: 'attempt-failed'; readonly reason: CloseReason; readonly retryMs: number }
  /** Idle again. `counts`: what it does to ConnectRetryCounter; `isDamped`: the next start waits (§8.1.1). */
  | {
      readonly type: 'ended'
      readonly reason: CloseReason
      readonly counts: 'up' | 'to-zero' | 'unchanged'
      readonly isDamped: boolean
    }

export interface SessionSettings extends LocalSession {
  /** PassiveTcpEstablishment: never dial. */
  readonly isPassive: boolean
  /** How long one dial may take, in milliseconds. */
  readonly dialMs: number
  /** Longest pause between dials, in milliseconds. */
  readonly retryMs: number
  /** DelayOpenTime; absent: our OPEN goes at once. */
  readonly delayOpenMs?: number
}

type Effects = readonly (SessionEffect | TimerEffect<SessionTimer>)[]
type Answer = Step<SessionState, SessionEffect | TimerEffect<SessionTimer>>
type Waiting = SessionState & { readonly name: 'connect' | 'active' }
type Opened = SessionState & { readonly name: 'open-sent' | 'open-confirm' | 'established' }

export function stepSession(settings: SessionSettings, state: SessionState, input: SessionInput): Answer {
  switch (state.name) {
    case 'idle':
      return inIdle(settings, state, input)
    case 'connect':
    case 'active':
      return inWaiting(settings, state, input)
    case 'open-sent':
      return input.type === 'tcp-failed' && !settings.isPassive
        ? redial(settings, state.attempt, input.detail)
        : inOpened(settings, state, input)
    case 'open-confirm':
    case 'established':
      return inOpened(settings, state, input)
  }
}

const OPEN_HOLD_MS = 4 * 60_000 // RFC 4271 §8.2.2: a large value until the peer's OPEN names one
const FIRST_RETRY_MS = 1_000
const REFUSED_RETRY_MS = 5_000 // a peer that takes connections and drops them is not ready yet, not gone
const READ_FIRST_MS = 1 // one turn of the event loop: what waits in the socket is read before the hold time counts

function inIdle(settings: SessionSettings, state: SessionState, input: SessionInput): Answer {
  if (input.type === 'connected') return to(state, { type: 'close' })
  const isStart = input.type === 'start' || (input.type === 'expired' && input.timer === 'idle-hold')
  if (!isStart) return to(state)
  if (settings.isPassive) return to({ name: 'active', attempt: 0, delaysOpen: false })
  return dial(settings, 0)
}

/** Connect and Active: they differ in what the ConnectRetryTimer, a lost connection and a stop do. */
function inWaiting(settings: SessionSettings, state: Waiting, input: SessionInput): Answer {
  switch (input.type) {
    case 'connected':
      return connected(settings, state)
    case 'tcp-failed':
      if (state.name === 'active') return failed({ code: 'connection-lost', detail: input.detail })
      return retryLater(settings, state.attempt, { code: 'connect-failed', detail: input.detail })
    case 'expired':
      return waitingExpired(settings, state, input.timer)
    case 'stop':
      return stopped(input, state.delaysOpen && state.name === 'active')
    case 'message':
      return waitingMessage(settings, state, input.message, input.followedBy)
    case 'malformed':
      // SendNOTIFICATIONwithoutOPEN; an UPDATE that is malformed is one message too early, not an answer's worth.
      return state.delaysOpen && input.notification.code < 3
        ? refuse(input.notification, 'malformed-message')
        : failed({ code: 'connection-lost', detail: 'the peer spoke before its OPEN' })
    case 'collision-lost':
      return failed(notificationSent(ERRORS.collision(), 'collision'))
    case 'start':
    case 'updates-sent':
      return to(state)
  }
}

function waitingExpired(settings: SessionSettings, state: Waiting, timer: SessionTimer): Answer {
  switch (timer) {
    case 'connect-retry':
      if (settings.isPassive) return to(state)
      return state.name === 'connect' ? redialAtOnce(settings, state.attempt) : dial(settings, state.attempt)
    case 'delay-open':
      return sendOpen(settings, state.attempt)
    case 'hold-due':
    case 'send-hold':
      return to(state)
    case 'hold':
    case 'keepalive':
    case 'idle-hold':
      return failed({ code: 'connect-failed', detail: `the ${timer} timer ran out while connecting` })
  }
}

function waitingMessage(
  settings: SessionSettings,
  state: Waiting,
  message: Message,
  followedBy: Notification | undefined,
): Answer {
  if (message.type === 'notification') {
    const isVersion = message.code === 2 && message.subcode === 1
    return received(message, !(isVersion && state.delaysOpen))
  }
  if (message.type !== 'open' || !state.delaysOpen)
    return failed({ code: 'connection-lost', detail: 'the peer spoke before its OPEN' })
  const negotiation = negotiate(settings, message)
  if (!negotiation.ok && followedBy !== undefined) return received(followedBy, true)
  if (!negotiation.ok) return refuse(negotiation.notification, negotiation.because)
  return confirm(negotiation.negotiated, { type: 'send', message: localOpen(settings) })
}

function connected(settings: SessionSettings, state: Waiting): Answer {
  if (settings.delayOpenMs === undefined) return sendOpen(settings, state.attempt)
  return to({ ...state, delaysOpen: true }, stop('connect-retry'), start('delay-open', settings.delayOpenMs))
}

function sendOpen(settings: SessionSettings, attempt: number): Answer {
  return to(
    { name: 'open-sent', attempt },
    stop('connect-retry'),
    stop('delay-open'),
    { type: 'send', message: localOpen(settings) },
    ...armHold(OPEN_HOLD_MS),
  )
}

function dial({ dialMs }: SessionSettings, attempt: number): Answer {
  return to(
    { name: 'connect', attempt, delaysOpen: false },
    stop('delay-open'),
    { type: 'start-timer', timer: 'connect-retry', ...jitteredDown(dialMs) },
    { type: 'dial' },
  )
}

/** Connect, event 9: nobody answered. */
function redialAtOnce(settings: SessionSettings, attempt: number): Answer {
  const { state, effects } = dial(settings, attempt + 1)
  const reason: CloseReason = { code: 'connect-failed', detail: 'no answer in time' }
  return to(state, { type: 'attempt-failed', reason, retryMs: 0 }, ...effects)
}

/** OpenSent, event 18: the peer took the connection and dropped it. */
function redial(settings: SessionSettings, attempt: number, detail: string): Answer {
  const limited = { ...settings, retryMs: Math.min(settings.retryMs, REFUSED_RETRY_MS) }
  return retryLater(limited, attempt, { code: 'connection-lost', detail: `${detail}, before its OPEN came` })
}

function retryLater({ retryMs }: SessionSettings, attempt: number, reason: CloseReason): Answer {
  const ms = Math.min(retryMs, FIRST_RETRY_MS * 2 ** Math.min(attempt, 30))
  return to(
    { name: 'active', attempt: attempt + 1, delaysOpen: false },
    ...ALL_TIMERS.map(stop),
    { type: 'close' },
    { type: 'start-timer', timer: 'connect-retry', ...jitteredDown(ms) },
    { type: 'attempt-failed', reason, retryMs: ms },
  )
}

function inOpened(settings: SessionSettings, state: Opened, input: SessionInput): Answer {
  switch (input.type) {
    case 'message':
      return openedMessage(settings, state, input.message, input.followedBy)
    case 'expired':
      return openedExpired(state, input.timer)
    case 'stop':
      return input.isManual ? stopped(input, true) : refuse(input.notification, input.because)
    case 'malformed':
      return openedMalformed(state, input.notification)
    case 'tcp-failed':
      return ended({ code: 'connection-lost', detail: input.detail }, { isDamped: state.name !== 'established' })
    case 'collision-lost':
      return refuse(ERRORS.collision(), 'collision')
    case 'updates-sent':
      return to(state, ...('negotiated' in state ? armKeepalive(state.negotiated) : []))
    case 'start':
    case 'connected':
      return to(state) // a second connection is followed in a slot of its own
  }
}

function openedExpired(state: Opened, timer: SessionTimer): Answer {
  switch (timer) {
    case 'hold-due':
      return to(state, start('hold', READ_FIRST_MS))
    case 'hold':
      return refuse(ERRORS.holdTimerExpired(), 'hold-timer-expired')
    case 'keepalive':
      if (state.name === 'open-sent') return refuse(ERRORS.fsmError(), 'unexpected-timer')
      return to(state, { type: 'send', message: KEEPALIVE }, ...armKeepalive(state.negotiated))
    case 'send-hold':
      return state.name === 'open-sent' ? to(state) : refuse(ERRORS.sendHoldTimerExpired(), 'send-hold-timer-expired')
    case 'connect-retry':
    case 'delay-open':
    case 'idle-hold':
      return refuse(ERRORS.fsmError(), 'unexpected-timer')
  }
}

function openedMessage(
  settings: SessionSettings,
  state: Opened,
  message: Message,
  followedBy: Notification | undefined,
): Answer {
  if (message.type === 'notification') {
    const isVersion = message.code === 2 && message.subcode === 1
    return received(message, state.name === 'established' ? false : !isVersion, !isVersion)
  }
  switch (state.name) {
    case 'open-sent': {
      if (message.type !== 'open') return unexpected(state.name, message.type)
      const negotiation = negotiate(settings, message)
      if (negotiation.ok) return confirm(negotiation.negotiated)
      if (followedBy !== undefined) return received(followedBy, true)
      return refuse(negotiation.notification, negotiation.because)
    }
    case 'open-confirm':
      if (message.type !== 'keepalive') return unexpected(state.name, message.type)
      return to({ ...state, name: 'established' }, ...armAgreedHold(state.negotiated), {
        type: 'established',
        negotiated: state.negotiated,
      })
    case 'established':
      return inEstablished(state, message)
  }
}

function inEstablished(
  state: Opened & { readonly name: 'established' },
  message: Exclude<Message, Notification>,
): Answer {
  const rearm = armAgreedHold(state.negotiated)
  switch (message.type) {
    case 'keepalive':
      return to(state, ...rearm)
    case 'update':
      return to(state, ...rearm, { type: 'update', update: message })
    case 'route-refresh':
      return to(state, ...rearm, { type: 'refresh', request: message })
    case 'open':
      return unexpected(state.name, message.type)
  }
}

function openedMalformed({ name }: Opened, notification: Notification): Answer {
  const isUpdate = notification.code === 3 || notification.code === 7
  // RFC 6608 §4: an UPDATE before its time is the machine's error, whatever is wrong inside.
  if (isUpdate && name !== 'established') return unexpected(name, 'update')
  if (notification.code === 2 && name === 'established') return unexpected(name, 'open')
  return refuse(notification, 'malformed-message')
}

function confirm(negotiated: Negotiated, ...first: readonly SessionEffect[]): Answer {
  return to(
    { name: 'open-confirm', negotiated },
    stop('connect-retry'),
    stop('delay-open'),
    ...first,
    { type: 'open-accepted', negotiated },
    { type: 'send', message: KEEPALIVE },
    ...armAgreedHold(negotiated),
    ...armKeepalive(negotiated),
  )
}

function unexpected(state: Opened['name'], type: Message['type']): Answer {
  return refuse(ERRORS.unexpectedIn(state, MESSAGE_TYPES[type]), 'unexpected-message')
}

function stopped(
  { notification, because, isManual }: SessionInput & { readonly type: 'stop' },
  mayTell: boolean,
): Answer {
  const tell = mayTell && because !== 'restart'
  const reason: CloseReason = tell ? notificationSent(notification, because) : { code: 'stopped' }
  const send: SessionEffect[] = tell ? [{ type: 'send', message: notification }] : []
  if (isManual) return end(reason, { counts: 'to-zero', isDamped: false }, send)
  return end(reason, { counts: 'up', isDamped: true }, send)
}

/** RFC 4271 §6.4: a NOTIFICATION is never answered. */
function received({ code, subcode, data }: Notification, isDamped: boolean, isCounted = isDamped): Answer {
  const error = { errorCode: code, errorSubcode: subcode, data }
  return ended({ code: 'notification-received', error }, { isDamped, counts: isCounted ? 'up' : 'unchanged' })
}

function refuse(notification: Notification, because: SendReason): Answer {
  return end(notificationSent(notification, because), { counts: 'up', isDamped: true }, [
    { type: 'send', message: notification },
  ])
}

function notificationSent({ code, subcode, data }: Notification, because: SendReason): CloseReason {
  return { code: 'notification-sent', error: { errorCode: code, errorSubcode: subcode, data }, because }
}

function failed(reason: CloseReason): Answer {
  return ended(reason, {})
}

type Consequences = Pick<SessionEffect & { type: 'ended' }, 'counts' | 'isDamped'>

function ended(reason: CloseReason, { counts = 'up', isDamped = true }: Partial<Consequences>): Answer {
  return end(reason, { counts, isDamped }, [])
}

function end(reason: CloseReason, consequences: Consequences, first: readonly SessionEffect[]): Answer {
  return to(
    { name: 'idle' },
    ...ALL_TIMERS.map(stop),
    ...first,
    { type: 'close' },
    { type: 'ended', reason, ...consequences },
  )
}

const ALL_TIMERS = ['connect-retry', 'hold-due', 'hold', 'keepalive', 'delay-open'] as const

function armAgreedHold({ holdSeconds }: Negotiated): readonly TimerEffect<SessionTimer>[] {
  return holdSeconds === 0 ? [stop('hold-due'), stop('hold')] : armHold(holdSeconds * 1_000)
}

/** RFC 4271 §10: never jittered. */
function armHold(ms: number): readonly TimerEffect<SessionTimer>[] {
  return [stop('hold'), start('hold-due', ms)]
}

function armKeepalive({ keepaliveSeconds }: Negotiated): readonly TimerEffect<SessionTimer>[] {
  if (keepaliveSeconds === 0) return []
  return [{ type: 'start-timer', timer: 'keepalive', ...jitteredDown(keepaliveSeconds * 1_000) }]
}

/** RFC 4271 §10: 75 % to 100 % of the value, as a middle and a fraction either way. */
function jitteredDown(ms: number): { readonly ms: number; readonly jitter: number } {
  return { ms: ms * 0.875, jitter: 1 / 7 }
}

function to(state: SessionState, ...effects: Effects): Answer {
  return { state, effects }
}

function start(timer: SessionTimer, ms: number): TimerEffect<SessionTimer> {
  return { type: 'start-timer', timer, ms }
}

function stop(timer: SessionTimer): TimerEffect<SessionTimer> {
  return { type: 'stop-timer', timer }
}
