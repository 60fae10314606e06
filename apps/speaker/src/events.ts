import type { BgpEvents } from '@metallb-ts/bgp-fsm'
import type { KubeEvents } from '@metallb-ts/k8s-watch'
import type { ConfigProblem, Silence } from '@metallb-ts/policy'
import type { LanEvents } from './lan/lan.ts'

export type SpeakerEvents = KubeEvents &
  BgpEvents &
  LanEvents &
  ServiceEvents &
  ConfigEvents &
  DrainEvents &
  ProcessEvents

export type Protocol = 'layer2' | 'bgp'

/** What became of a Service on this node. Keys are `namespace/name`. */
export interface ServiceEvents {
  /** This node announces the addresses by this protocol: it answers for them, or a router was told. */
  'service:announced': { service: string; protocol: Protocol; addresses: readonly string[] }
  'service:withdrawn': { service: string; protocol: Protocol; addresses: readonly string[] }
  /** What this node does not do for the Service, and why. Told when that changes. */
  'service:silent': { service: string; silences: readonly Silence[] }
  /** A Service was looked at. `changed`: other routes or addresses are meant to be announced than before. */
  'service:reconciled': { service: string; failed: boolean; changed: boolean }
  /** What is true of a Service on this node, or why it is not, has changed. */
  'service:judged': { service: string }
}

export interface ConfigEvents {
  'config:applied': { peers: readonly string[]; pools: readonly string[] }
  /** What is wrong in the configuration has changed; empty when nothing is. */
  'config:judged': { problems: readonly ConfigProblem[] }
  /** Peers that this node does not speak to although it is meant to. */
  'peer:refused': { peer: string; code: string }
}

export interface DrainEvents {
  /** How far this node's drain has come; absent: it is not drained. */
  'drain:moved': { to: string; code?: string; message?: string }
}

export interface ProcessEvents {
  'process:works': { services: number; sinceStartMs: number }
  /** Every Service was looked at, and every session was tried. */
  'process:ready': { sinceStartMs: number }
  /** Much had to be done, and is. */
  'process:rests': Record<never, never>
  'process:draining': { signal: string }
}
