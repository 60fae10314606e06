import type { SessionKey } from './path.ts'
import type { MoveCause } from './session.ts'
import type { StateName } from './wire/control-packet.ts'

/** What sessions tell. Details are plain, so that an event can be written as JSON. */
export interface BfdEvents {
  /** The session moved, and its state is readable. Never coalesced. */
  'bfd:state-changed': {
    readonly session: SessionKey
    readonly from: StateName
    readonly to: StateName
    readonly cause: MoveCause
    /** RFC 5880 §4.1; see `diagnosticName`. */
    readonly diagnostic: number
    readonly remoteDiagnostic: number | undefined
  }
  'bfd:up': { readonly session: SessionKey }
  /** It was up. `isPathFailure` of the cause says whether what runs over the path should end. */
  'bfd:down': { readonly session: SessionKey; readonly cause: MoveCause; readonly diagnostic: number }
  /** The session has ended, and is none of `sessions` any more. */
  'bfd:closed': { readonly session: SessionKey }
  /** Packets do not leave; said once until one does again. */
  'bfd:send-failed': { readonly session: SessionKey; readonly code: string; readonly detail: string }
  /** This process was held up for longer than it would take a silence of the peer for a failure. */
  'bfd:stalled': { readonly session: SessionKey; readonly ms: number }
}

/** RFC 5882 §4.2: a path that an operator took down may be as good as ever, one that fell silent is not. */
export function isPathFailure(cause: MoveCause): boolean {
  return cause === 'detection-expired' || cause === 'echo-failed' || cause === 'peer-down'
}
