import { explainNotification } from './wire/notification.ts'

/** Why a session or an attempt ended. */
export type CloseReason =
  | { readonly code: 'connect-failed'; readonly detail: string }
  | { readonly code: 'connection-lost'; readonly detail: string }
  | { readonly code: 'notification-received'; readonly error: NotificationFacts }
  | { readonly code: 'notification-sent'; readonly error: NotificationFacts; readonly because: SendReason }
  | { readonly code: 'stopped' }

export interface NotificationFacts {
  /** RFC 4271 §4.5 */
  readonly errorCode: number
  readonly errorSubcode: number
  readonly data: Uint8Array
}

/** What made us end it. */
export type SendReason =
  | 'hold-timer-expired'
  | 'send-hold-timer-expired'
  | 'bad-peer-as'
  | 'same-identifier'
  | 'no-common-family'
  | 'four-octet-as-needed'
  | 'malformed-message'
  | 'unexpected-message'
  | 'collision'
  | 'administrative'
  | 'configuration-changed'

/** One sentence for people. */
export function explainClose(reason: CloseReason): string {
  switch (reason.code) {
    case 'connect-failed':
      return `could not connect: ${reason.detail}`
    case 'connection-lost':
      return `the connection was lost: ${reason.detail}`
    case 'notification-received':
      return `the peer ended the session: ${explainFacts(reason.error)}`
    case 'notification-sent':
      return `we ended the session, ${reason.because.replaceAll('-', ' ')}: ${explainFacts(reason.error)}`
    case 'stopped':
      return 'stopped'
  }
}

function explainFacts({ errorCode, errorSubcode, data }: NotificationFacts): string {
  return explainNotification({ type: 'notification', code: errorCode, subcode: errorSubcode, data })
}
