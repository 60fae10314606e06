import type { DiscardReason } from './discard.ts'
import type { BfdSession } from './bfd.ts'
import type { Move } from './live-session.ts'
import { diagnosticName } from './wire/diagnostic.ts'

/** What the detector of a session saw last, and so why the session is in its state. */
export type Sight =
  | { readonly code: 'heard'; readonly everyMs: number; readonly detectionTimeMs: number }
  /** The peer speaks, and does not say yet that it hears us. */
  | { readonly code: 'not-heard-by-peer' }
  /** Neither before nor after it was up last. `passive`: both ends would wait for the other. */
  | { readonly code: 'never-heard'; readonly isPassive: boolean; readonly discarded?: Discarded }
  | { readonly code: 'fell-silent'; readonly discarded?: Discarded }
  | { readonly code: 'echoes-lost' }
  | { readonly code: 'peer-says-down'; readonly diagnostic: string }
  | { readonly code: 'peer-disabled' }
  | { readonly code: 'disabled' }

/** What most of what came was thrown away for. */
export interface Discarded {
  readonly reason: DiscardReason
  readonly packets: number
}

type Seen = Pick<BfdSession, 'state' | 'profile' | 'timing' | 'counters' | 'lastMove' | 'remote'>

export function lastSight({ state, profile, timing, counters, lastMove, remote }: Seen): Sight {
  switch (state) {
    case 'admin-down':
      return { code: 'disabled' }
    case 'init':
      return { code: 'not-heard-by-peer' }
    case 'up':
      return {
        code: 'heard',
        everyMs: Math.max((remote?.desiredMinTxUs ?? 0) / 1_000, profile.receiveIntervalMs),
        detectionTimeMs: timing.detectionTimeMs ?? 0,
      }
    case 'down':
      return whyDown(lastMove, profile.passiveMode, mostDiscarded(counters.discarded))
  }
}

/** For people. */
export function explainSight(sight: Sight): string {
  switch (sight.code) {
    case 'heard':
      return `the peer is heard every ${sight.everyMs} ms; ${sight.detectionTimeMs} ms of silence would take the session down`
    case 'not-heard-by-peer':
      return 'the peer is heard, and does not say that it hears us'
    case 'never-heard': {
      const waits = sight.isPassive ? '; we are passive, and wait for it to begin' : ''
      return `no packet of the peer was accepted yet${butDiscarded(sight.discarded)}${waits}`
    }
    case 'fell-silent':
      return `nothing was heard of the peer for a whole detection time${butDiscarded(sight.discarded)}`
    case 'echoes-lost':
      return 'echoes by way of the peer did not come back'
    case 'peer-says-down':
      return `the peer said that it is down, for ${sight.diagnostic}`
    case 'peer-disabled':
      return 'an operator of the peer took the session down'
    case 'disabled':
      return 'the session was taken down here, on purpose'
  }
}

function whyDown(move: Move | undefined, isPassive: boolean, discarded: Discarded | undefined): Sight {
  const more = discarded === undefined ? {} : { discarded }
  switch (move?.cause) {
    case undefined:
    case 'handshake':
    case 'disabled':
    case 'enabled':
      return { code: 'never-heard', isPassive, ...more }
    case 'detection-expired':
      return { code: 'fell-silent', ...more }
    case 'echo-failed':
      return { code: 'echoes-lost' }
    case 'peer-down':
      return { code: 'peer-says-down', diagnostic: diagnosticName(move?.remoteDiagnostic ?? 0) }
    case 'peer-admin-down':
      return { code: 'peer-disabled' }
  }
}

function mostDiscarded(discarded: Readonly<Record<DiscardReason, number>>): Discarded | undefined {
  const [reason, packets] = (Object.entries(discarded) as [DiscardReason, number][]).reduce((most, one) =>
    one[1] > most[1] ? one : most,
  )
  return packets === 0 ? undefined : { reason, packets }
}

function butDiscarded(discarded: Discarded | undefined): string {
  if (discarded === undefined) return ''
  const { packets, reason } = discarded
  return `; ${packets} ${packets === 1 ? 'was' : 'were'} thrown away, for ${reason}`
}
