import type { CloseReason } from './close-reason.ts'
import type { PeerKey } from './peer-init.ts'
import type { StateName } from './session-state.ts'

/** What the speaker tells. Details are plain, so that an event can be written as JSON. */
export interface BgpEvents {
  /** The peer's state moved, and is readable. Never coalesced. */
  'bgp:state-changed': { readonly peer: PeerKey; readonly from: StateName; readonly to: StateName }
  'bgp:established': { readonly peer: PeerKey; readonly holdSeconds: number; readonly families: readonly string[] }
  /** A session that was established is over. */
  'bgp:closed': { readonly peer: PeerKey; readonly reason: CloseReason; readonly sentence: string }
  /** An attempt came to nothing. */
  'bgp:attempt-failed': {
    readonly peer: PeerKey
    readonly reason: CloseReason
    readonly sentence: string
    /** Until the next one. */
    readonly retryMs: number
  }
  /** UPDATEs that announce these prefixes were handed to the wire. */
  'bgp:advertised': { readonly peer: PeerKey; readonly prefixes: readonly string[] }
  /** UPDATEs that withdraw these prefixes were handed to the wire. */
  'bgp:withdrawn': { readonly peer: PeerKey; readonly prefixes: readonly string[] }
  /** A received UPDATE was malformed, and the session lives on (RFC 7606 §6). */
  'bgp:update-issue': {
    readonly peer: PeerKey
    readonly attribute: number
    readonly penalty: string
    readonly reason: string
    /** The attribute as it came, in hexadecimal, at most 64 octets of it. */
    readonly octets: string
  }
}
