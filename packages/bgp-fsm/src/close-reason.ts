import { explainNotification } from './wire/notification.ts'

/** Why a session or an attempt ended. */
export type CloseReason =
  | { readonly code: 'connect-failed'; readonly detail: string }
  | { readonly code: 'connection-lost'; readonly detail: string }
  | { readonly code: 'notification-received'; readonly error: NotificationFacts }
  | { readonly code: 'notification-sent'; readonly error: NotificationFacts; readonly because: SendReason }
  | { readonly code: 'stopped' }

/** A NOTIFICATION, as an event carries it. */
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
  | 'unexpected-timer'
  | 'bad-peer-as'
  | 'bad-identifier'
  | 'unacceptable-hold-time'
  | 'role-mismatch'
  | 'no-common-family'
  | 'malformed-message'
  | 'unexpected-message'
  | 'collision'
  | 'too-many-prefixes'
  | 'bfd-down'
  | 'administrative'
  | 'peer-removed'
  | 'configuration-changed'
  /** Nothing is sent: the peer is to bridge our restart (RFC 4724 §4). */
  | 'restart'

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
      return `we ended the session, ${WORDS[reason.because]}: ${explainFacts(reason.error)}`
    case 'stopped':
      return 'stopped'
  }
}

const WORDS: Readonly<Record<SendReason, string>> = {
  'hold-timer-expired': 'nothing came from the peer within the hold time',
  'send-hold-timer-expired': 'the peer took nothing of what we sent',
  'unexpected-timer': 'a timer ran out that should not run',
  'bad-peer-as': 'the AS number in its OPEN is not the one configured',
  'bad-identifier': 'its BGP identifier is zero or our own',
  'unacceptable-hold-time': 'its hold time is not acceptable',
  'role-mismatch': 'its role does not fit ours',
  'no-common-family': 'we have no address family in common',
  'malformed-message': 'it sent a malformed message',
  'unexpected-message': 'it sent a message out of turn',
  collision: 'another connection to this peer stays',
  'too-many-prefixes': 'it announced more prefixes than it may',
  'bfd-down': 'BFD says that the path is down',
  administrative: 'asked to by an operator',
  'peer-removed': 'the peer was removed from the configuration',
  'configuration-changed': 'the configuration of the peer changed',
  restart: 'this process restarts',
}

function explainFacts({ errorCode, errorSubcode, data }: NotificationFacts): string {
  return explainNotification({ type: 'notification', code: errorCode, subcode: errorSubcode, data })
}
