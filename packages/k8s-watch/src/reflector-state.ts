import type { KubeFailure } from './failure.ts'

/** What is known of one set that is kept equal to the server's. */
export type ReflectorState = Phase & Remembered

export interface Remembered {
  /** The server does not stream lists: until then, by the clock's milliseconds, it is not asked to. */
  readonly pagesUntil: number
  /** The set was just read anew at once, and no watch has been well for long since: the next time is waited for. */
  readonly hasRelisted: boolean
}

type Phase =
  | { readonly name: 'stopped' }
  | {
      readonly name: 'waiting'
      readonly failures: number
      readonly revision: string | undefined
      readonly isLost: boolean
      /** The clock's milliseconds when this wait began. */
      readonly since: number
      /** There was no answer: as soon as anybody has one, this is asked again. */
      readonly isUnreachable: boolean
    }
  | {
      readonly name: 'listing'
      /** As the first part of a watch, or in pages. */
      readonly how: 'stream' | 'pages'
      /** The server took the request for a streamed list. */
      readonly isHeard: boolean
      readonly failures: number
      readonly isLost: boolean
    }
  | {
      readonly name: 'watching'
      readonly failures: number
      readonly revision: string
      readonly isLost: boolean
      /** The clock's milliseconds when this watch began. */
      readonly since: number
      readonly events: number
      /** It began from a list, not from where an earlier watch ended. */
      readonly isFresh: boolean
    }

export type ReflectorInput =
  | { readonly type: 'start' }
  | { readonly type: 'stop' }
  /** The whole set is in the store; a list that was streamed goes on as the watch. */
  | { readonly type: 'listed'; readonly revision: string }
  /** The server took the request for a streamed list, or something of it came. */
  | { readonly type: 'heard' }
  | { readonly type: 'list-failed'; readonly failure: KubeFailure }
  /** The server took the watch. */
  | { readonly type: 'opened' }
  /** Changes or bookmarks were applied, so many; this is the version of the last. */
  | { readonly type: 'advanced'; readonly revision: string; readonly events: number }
  /** The server ended the watch as it does from time to time. */
  | { readonly type: 'watch-ended' }
  | { readonly type: 'watch-failed'; readonly failure: KubeFailure }
  /** Somebody had an answer of the server, after a time when nobody had. */
  | { readonly type: 'answered' }
  | { readonly type: 'expired'; readonly timer: ReflectorTimer }

export type ReflectorTimer = 'retry' | 'idle' | 'initial' | 'settle'

export type ReflectorEffect =
  | { readonly type: 'list'; readonly how: 'stream' | 'pages' }
  | { readonly type: 'watch'; readonly revision: string }
  /** Give up the request under way. */
  | { readonly type: 'abort' }
  | { readonly type: 'lost'; readonly reason: string }
  | { readonly type: 'resumed' }

export interface ReflectorSettings {
  /** A watch without a byte for this long is dead: bookmarks come about every minute. @default 100000 */
  readonly idleMs: number
  readonly initial: 'stream' | 'pages'
}

export const INITIAL_REFLECTOR: ReflectorState = { name: 'stopped', pagesUntil: -Infinity, hasRelisted: false }
