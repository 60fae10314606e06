import type { Family } from '@metallb-ts/netip'
import type { CloseReason } from './close-reason.ts'
import type { Capability } from './wire/capabilities.ts'
import { familyOf } from './wire/constants.ts'

/** What a peer's OPEN says of its own restarts, to us as the side that bridges them (RFC 4724 §3, RFC 9494 §3). */
export interface PeerRestart {
  /** It keeps to RFC 8538: a NOTIFICATION other than a hard reset is bridged, too. */
  readonly bridgesNotifications: boolean
  readonly families: ReadonlyMap<Family, RestartTerms>
}

/** What a peer promises of one family when it restarts. */
export interface RestartTerms {
  /** How long it may be away, 0 to 4095. */
  readonly restartSeconds: number
  /** RFC 9494: how long its routes may serve as a last resort after that, 0 to 2^24-1. */
  readonly longLivedSeconds: number
  /** Its forwarding did not stop (F). */
  readonly isForwarding: boolean
}

/** How far we go for a peer that restarts. */
export interface RestartHelp {
  /** Most of the peer's own restart time that we wait, 1 to 4095. @default 120 */
  readonly longestSeconds?: number
  /** For End-of-RIB of a peer that is back, 1 to 3600. @default 360 */
  readonly staleSeconds?: number
  /** Most of its long-lived stale time, 1 to 16777215. @default RFC 9494 is not offered */
  readonly longLivedSeconds?: number
  /** Of a peer with more prefixes than this nothing is kept. @default 100000 */
  readonly mostPrefixes?: number
}

export function peerRestart(capabilities: readonly Capability[], offersLongLived: boolean): PeerRestart | undefined {
  const restart = capabilities.find(one => one.kind === 'graceful-restart')
  if (restart === undefined) return undefined
  const longLived = capabilities.flatMap(one =>
    offersLongLived && one.kind === 'long-lived-graceful-restart' ? one.families : [],
  )
  const families = new Map<Family, RestartTerms>()
  for (const { afi, safi, preserved } of restart.families) {
    const family = familyOf(afi, safi)
    if (family === undefined) continue
    const last = longLived.find(one => familyOf(one.afi, one.safi) === family)
    families.set(family, {
      restartSeconds: restart.seconds,
      longLivedSeconds: last?.staleSeconds ?? 0,
      isForwarding: preserved || last?.preserved === true,
    })
  }
  return { bridgesNotifications: restart.notification, families }
}

/** Whether a peer that opens another connection has restarted without our noticing (RFC 4724 §4.2). */
export function mayRestartUnnoticed(capabilities: readonly Capability[]): boolean {
  return capabilities.some(one => one.kind === 'graceful-restart' && one.families.length > 0)
}

/** Whether a session that ended so may go on where it stopped (RFC 4724 §4.2, RFC 8538 §4). */
export function isBridged(reason: CloseReason, { bridgesNotifications }: PeerRestart): boolean {
  switch (reason.code) {
    case 'connection-lost':
      return true
    case 'notification-received':
    case 'notification-sent':
      return bridgesNotifications && !isHardReset(reason.error)
    case 'connect-failed':
    case 'stopped':
      return false
  }
}

function isHardReset({
  errorCode,
  errorSubcode,
}: {
  readonly errorCode: number
  readonly errorSubcode: number
}): boolean {
  return errorCode === 6 && errorSubcode === 9
}
