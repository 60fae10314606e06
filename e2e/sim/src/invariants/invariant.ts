import type { ReceivedChange } from '@metallb-ts/bgp-fsm'
import type { KubeRequest } from '@metallb-ts/k8s-watch'
import type { HistoryEntry } from '@metallb-ts/k8s-watch/testing'
import type { Address } from '@metallb-ts/netip'
import type { Cluster } from '../cluster.ts'
import type { Router } from '../network/router.ts'
import type { Weather } from '../weather.ts'

/** What can be seen of a simulated cluster; an invariant looks at what it needs. */
export interface Observer {
  /** An object was written. */
  readonly onWrite?: (entry: HistoryEntry) => void
  /** A life of a program begins. */
  readonly onStart?: (program: string) => void
  /** A request leaves a program. */
  readonly onRequest?: (program: string, request: KubeRequest) => void
  /** A program has heard what the API server said. */
  readonly onHeard?: (program: string, request: KubeRequest, text: string) => void
  /** Something was published on a program's bus. */
  readonly onEvent?: (program: string, name: string, detail: unknown) => void
  /** A node's interface answers for these addresses from now on, and for no other. */
  readonly answers?: (node: string, addresses: readonly string[]) => void
  /** A node announces an address unasked; `ask` is true when a question is answered at this instant. */
  readonly announces?: (node: string, address: Address, ask: (frame: Uint8Array) => boolean) => void
  /** A router hears something of a node, and has not taken it in. */
  readonly onRib?: (router: Router, node: string, change: ReceivedChange) => void
  readonly onRouterEvent?: (router: Router, name: string, detail: unknown) => void
  /** After every event of the world. */
  readonly afterEvent?: () => void
  /** A storm is over, and nothing moves any more. */
  readonly atRest?: () => Promise<void>
  /** Every speaker was told to stop, and has. */
  readonly atEnd?: () => Promise<void>
}

export interface Sight {
  readonly cluster: Cluster
  readonly weather: Weather
  /** The invariant does not hold: what was seen. */
  readonly broken: (what: string) => void
}

/** One promise of the product, as a function that watches over it. Its name is the promise. */
export interface Invariant {
  readonly name: string
  readonly watch: (sight: Sight) => Observer
}
