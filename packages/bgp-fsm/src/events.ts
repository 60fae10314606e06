import type { CloseReason } from './close-reason.ts'
import type { StateName } from './session.ts'

/** What the speaker tells. Details are plain, so that an event can be written as JSON. */
export interface BgpEvents {
  /** The session moved; its state is readable. Never coalesced. */
  'bgp:state-changed': { readonly peer: string; readonly from: StateName; readonly to: StateName }
  'bgp:established': { readonly peer: string; readonly holdSeconds: number; readonly families: readonly string[] }
  /** A session that was established is over. */
  'bgp:closed': { readonly peer: string; readonly reason: CloseReason; readonly sentence: string }
  /** An attempt came to nothing. */
  'bgp:attempt-failed': {
    readonly peer: string
    readonly reason: CloseReason
    readonly sentence: string
    readonly retryMs: number
  }
  /** UPDATEs that announce these prefixes were handed to the wire. */
  'bgp:advertised': { readonly peer: string; readonly prefixes: readonly string[] }
  /** UPDATEs that withdraw these prefixes were handed to the wire. */
  'bgp:withdrawn': { readonly peer: string; readonly prefixes: readonly string[] }
}
