import { negotiate } from './negotiate.ts'
import { confirm, confirming, ended, received, refuse, stopped, to, type Answer } from './session-answers.ts'
import type { Negotiated } from './negotiate.ts'
import type { SessionInput, SessionSettings, SessionState, SessionTimer } from './session-state.ts'
import { armAgreedHold, armKeepalive, start } from './session-timers.ts'
import { MESSAGE_TYPES } from './wire/constants.ts'
import { KEEPALIVE, type Message } from './wire/message.ts'
import { ERRORS, type Notification } from './wire/notification.ts'

type Opened = SessionState & { readonly name: 'open-sent' | 'open-confirm' | 'established' }

export function inOpened(settings: SessionSettings, state: Opened, input: SessionInput): Answer {
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
    case 'path-up':
      return pathUp(state)
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
      return awaitsPath(state)
        ? refuse(ERRORS.bfdDown(), 'bfd-down')
        : refuse(ERRORS.holdTimerExpired(), 'hold-timer-expired')
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
      if (awaitsPath(state)) return to({ ...state, awaitsPath: 'confirmed' }, ...armAgreedHold(state.negotiated))
      return established(state.negotiated)
    case 'established':
      return inEstablished(state, message)
  }
}

function awaitsPath(state: Opened): boolean {
  return state.name === 'open-confirm' && state.awaitsPath !== undefined
}

function pathUp(state: Opened): Answer {
  if (state.name !== 'open-confirm' || state.awaitsPath === undefined) return to(state)
  const { negotiated } = state
  if (state.awaitsPath === 'confirmed') return established(negotiated, ...confirming(negotiated))
  return to({ name: 'open-confirm', negotiated }, ...confirming(negotiated))
}

function established(negotiated: Negotiated, ...first: Answer['effects']): Answer {
  return to({ name: 'established', negotiated }, ...first, ...armAgreedHold(negotiated), {
    type: 'established',
    negotiated,
  })
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

function unexpected(state: Opened['name'], type: Message['type']): Answer {
  return refuse(ERRORS.unexpectedIn(state, MESSAGE_TYPES[type]), 'unexpected-message')
}

const READ_FIRST_MS = 1 // one turn of the event loop: what waits in the socket is read before the hold time counts
