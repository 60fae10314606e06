import type { Step, TimerEffect } from '@metallb-ts/runtime'
import type { CloseReason, SendReason } from './close-reason.ts'
import type { Negotiated } from './negotiate.ts'
import type { SessionEffect, SessionInput, SessionState, SessionTimer } from './session-state.ts'
import { ALL_TIMERS, armAgreedHold, armHold, armKeepalive, stop } from './session-timers.ts'
import { KEEPALIVE } from './wire/message.ts'
import type { Notification } from './wire/notification.ts'

/** What the machine answers. OpenConfirm and Idle are entered in one way, from whichever state. */
export type Answer = Step<SessionState, SessionEffect | TimerEffect<SessionTimer>>

export function to(state: SessionState, ...effects: Answer['effects']): Answer {
  return { state, effects }
}

/** The peer's OPEN is good. `first` goes before our KEEPALIVE. */
export function confirm(negotiated: Negotiated, ...first: readonly SessionEffect[]): Answer {
  const { strictBfd } = negotiated
  return to(
    { name: 'open-confirm', negotiated, ...(strictBfd && { awaitsPath: 'unconfirmed' }) },
    stop('connect-retry'),
    stop('delay-open'),
    ...first,
    { type: 'open-accepted', negotiated },
    ...(strictBfd ? awaitPath(negotiated) : confirming(negotiated)),
  )
}

/** Our KEEPALIVE in answer to an OPEN. */
export function confirming(negotiated: Negotiated): Answer['effects'] {
  return [{ type: 'send', message: KEEPALIVE }, ...armAgreedHold(negotiated), ...armKeepalive(negotiated)]
}

/** No longer than the peer may be silent, or than this where it may be so for ever. */
function awaitPath(negotiated: Negotiated): Answer['effects'] {
  const hold = negotiated.holdSeconds === 0 ? armHold(PATH_HOLD_MS) : armAgreedHold(negotiated)
  return [...hold, { type: 'ask-path' }]
}

const PATH_HOLD_MS = 30_000

/** Events 2 and 8. */
export function stopped(
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
export function received(
  { code, subcode, data }: Notification,
  isDamped: boolean,
  isCounted: boolean = isDamped,
): Answer {
  const error = { errorCode: code, errorSubcode: subcode, data }
  return ended({ code: 'notification-received', error }, { isDamped, counts: isCounted ? 'up' : 'unchanged' })
}

/** Ends with a NOTIFICATION of ours. */
export function refuse(notification: Notification, because: SendReason): Answer {
  return end(notificationSent(notification, because), { counts: 'up', isDamped: true }, [
    { type: 'send', message: notification },
  ])
}

export function notificationSent({ code, subcode, data }: Notification, because: SendReason): CloseReason {
  return { code: 'notification-sent', error: { errorCode: code, errorSubcode: subcode, data }, because }
}

/** Ends without a word, and the next start waits. */
export function failed(reason: CloseReason): Answer {
  return ended(reason, {})
}

type Consequences = Pick<SessionEffect & { type: 'ended' }, 'counts' | 'isDamped'>

export function ended(reason: CloseReason, { counts = 'up', isDamped = true }: Partial<Consequences>): Answer {
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
