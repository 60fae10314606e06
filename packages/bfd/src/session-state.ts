import type { CompleteProfile } from './profile.ts'
import type { Intervals } from './intervals.ts'
import type { Poll } from './poll.ts'
import type { Watch } from './watch.ts'
import type { ControlPacket } from './wire/control-packet.ts'

/** The session variables of RFC 5880 §6.8.1. */
export type SessionState =
  /** `isEnding`: says so for a detection time, and is gone then. */
  | (Common & { readonly name: 'admin-down'; readonly peer: PeerView | undefined; readonly isEnding: boolean })
  | (Common & { readonly name: 'down'; readonly peer: PeerView | undefined })
  | (Common & { readonly name: 'init'; readonly peer: PeerView })
  /** `echoedAt`: when an echo last came back, or the first one was sent. */
  | (Common & { readonly name: 'up'; readonly peer: PeerView; readonly echoedAt: number | undefined })

/** What every state has. */
export interface Common {
  /** Why we last went down, until we are up again. */
  readonly diagnostic: number
  /** What our packets say. */
  readonly said: Intervals
  /** What binds us: the more cautious value until the peer has answered our Poll (RFC 5880 §6.8.3). */
  readonly used: Intervals
  readonly poll: Poll
  /** Our last packet but Finals, which are outside the schedule. */
  readonly sentAt: number
  /** When the next one goes at the latest; Infinity while none is scheduled. */
  readonly dueBy: number
  readonly finalAt: number
  readonly detection: Watch
  readonly echoLoss: Watch
}

/** What the peer last said; undefined where this is optional: nothing, or nothing within a detection time. */
export interface PeerView extends Omit<ControlPacket, 'authentication' | 'yourDiscriminator' | 'isPoll' | 'isFinal'> {
  readonly heardAt: number
}

/** What does not change by itself. */
export interface SessionSettings {
  readonly discriminator: number
  readonly profile: CompleteProfile
  /** The path is one that echoes come back on: IPv4, single hop. */
  readonly isEchoPath: boolean
}
