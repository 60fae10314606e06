import type { Service } from '@metallb-ts/api'
import type { ConfigProblem, ForeignInstallation, ServiceEvent } from '@metallb-ts/policy'

/** What the controller tells about Services. Keys are `namespace/name`. */
export interface ServiceEvents {
  /** The status shows these addresses, and has been written. */
  'service:assigned': { service: string; pool: string; addresses: readonly string[]; waitedMs: number }
  /** The Service has no addresses any more, and its status does not show any. */
  'service:released': { service: string }
  /** The Service has no address; the condition on it says why. */
  'service:pending': { service: string; code: string; sentence: string }
  /** Something that people read with `kubectl describe`. */
  'service:told': { service: Service; event: ServiceEvent }
  /** Somebody else replaced addresses that we wrote: a second controller, perhaps of another installation. */
  'service:contested': { service: string; shown: readonly string[]; givesIn: boolean }
  /** A Service was looked at. */
  'service:reconciled': { service: string; failed: boolean }
}

export interface ConfigEvents {
  /** Pools are in force; Services in `lost` have to move. */
  'config:applied': { pools: readonly string[]; lost: readonly string[] }
  /** What is wrong in the configuration has changed; empty when nothing is. */
  'config:judged': { problems: readonly ConfigProblem[] }
}

/** Somebody else gives addresses to the same Services; `all` are those known now. */
export interface InstallationEvents {
  'installation:foreign': { installation: ForeignInstallation; all: readonly ForeignInstallation[] }
  /** It has not written for a while. */
  'installation:quiet': { manager: string; all: readonly ForeignInstallation[] }
}

/** Something about the controller itself that a person should know. */
export interface ProcessEvents {
  'process:works': { services: number; sinceStartMs: number }
  'process:draining': { signal: string }
}
