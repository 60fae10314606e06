import type { CloseReason, SendReason } from './close-reason.ts'
import type { LocalSession, Negotiated } from './negotiate.ts'
import type { Message, RouteRefresh } from './wire/message.ts'
import type { Notification } from './wire/notification.ts'
import type { Update } from './wire/update.ts'

/** RFC 4271 §8.2.2, for one connection at a time. A second one is the peer's matter (connections.ts, collision.ts). */
export type SessionState =
  | { readonly name: 'idle' }
  /** `attempt`: dials that came to nothing so far. `delaysOpen`: connected, and our OPEN waits (DelayOpenTimer). */
  | { readonly name: 'connect'; readonly attempt: number; readonly delaysOpen: boolean }
  | { readonly name: 'active'; readonly attempt: number; readonly delaysOpen: boolean }
  | { readonly name: 'open-sent'; readonly attempt: number }
  /** `awaitsPath`: our KEEPALIVE waits for BFD, and `confirmed`: the peer's is there already. */
  | {
      readonly name: 'open-confirm'
      readonly negotiated: Negotiated
      readonly awaitsPath?: 'unconfirmed' | 'confirmed'
    }
  | { readonly name: 'established'; readonly negotiated: Negotiated }

/** The states of RFC 4271 §8.2.2. */
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
  /** BFD says that the path to the peer is up. */
  | { readonly type: 'path-up' }
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
  /** Answered by `path-up`, now or when it is so. */
  | { readonly type: 'ask-path' }
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
