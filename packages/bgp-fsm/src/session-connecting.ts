import type { CloseReason } from './close-reason.ts'
import { localOpen, negotiate } from './negotiate.ts'
import { confirm, failed, notificationSent, received, refuse, stopped, to, type Answer } from './session-answers.ts'
import type { SessionInput, SessionSettings, SessionState, SessionTimer } from './session-state.ts'
import { ALL_TIMERS, armHold, jitteredDown, start, stop } from './session-timers.ts'
import type { Message } from './wire/message.ts'
import { ERRORS, type Notification } from './wire/notification.ts'

type Waiting = SessionState & { readonly name: 'connect' | 'active' }

export function inIdle(settings: SessionSettings, state: SessionState, input: SessionInput): Answer {
  if (input.type === 'connected') return to(state, { type: 'close' })
  const isStart = input.type === 'start' || (input.type === 'expired' && input.timer === 'idle-hold')
  if (!isStart) return to(state)
  if (settings.isPassive) return to({ name: 'active', attempt: 0, delaysOpen: false })
  return dial(settings, 0)
}

/** Connect and Active: they differ in what the ConnectRetryTimer, a lost connection and a stop do. */
export function inWaiting(settings: SessionSettings, state: Waiting, input: SessionInput): Answer {
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
    case 'path-up':
      return settings.isPassive || state.delaysOpen ? to(state) : dial(settings, 0)
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
export function redial(settings: SessionSettings, attempt: number, detail: string): Answer {
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

const OPEN_HOLD_MS = 4 * 60_000 // RFC 4271 §8.2.2: a large value until the peer's OPEN names one
const FIRST_RETRY_MS = 1_000
const REFUSED_RETRY_MS = 5_000 // a peer that takes connections and drops them is not ready yet, not gone
