import type { KubeTransport } from '@metallb-ts/k8s-watch'
import type { LinkPort } from '@metallb-ts/l2-announcer'
import type { Clock, Random } from '@metallb-ts/runtime'
import type { ToLan } from '@metallb-ts/speaker/lan/protocol'

/**
 * A bug that is put between a program and the world, to see that it is found. The programs themselves are never changed:
 * whatever they could do wrong, they would do through one of these.
 */
export interface Plant {
  /** The way to the API server of a process, by its name: `controller-1`, `speaker-node-2`. */
  readonly transport?: (program: string, transport: KubeTransport) => KubeTransport
  /** Messages to the thread of the LAN. */
  readonly toLan?: (node: string, message: ToLan, send: (message: ToLan) => void) => void
  /** What a speaker's BGP connections send; undefined sends nothing. */
  readonly bgp?: (node: string, bytes: Uint8Array) => Uint8Array | undefined
  /** A speaker is told to stop. */
  readonly onStop?: (node: string) => void
  readonly port?: (node: string, port: LinkPort) => LinkPort
  readonly clock?: (program: string, clock: Clock) => Clock
  readonly random?: (program: string, random: Random) => Random
}
