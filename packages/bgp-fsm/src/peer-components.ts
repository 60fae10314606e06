import type { Publisher } from '@metallb-ts/event-bus'
import type { Clock, Random } from '@metallb-ts/runtime'
import type { BgpEvents } from './events.ts'
import type { PassedMessage } from './pcap.ts'
import type { ReceivedChange } from './received-side.ts'
import type { Transport } from './transport.ts'

/** What a peer needs of the world. */
export interface PeerComponents {
  readonly clock: Clock
  readonly random: Random
  readonly transport: Transport
  readonly events: Publisher<BgpEvents>
  /** Every message, as it stood on the wire; `captureFile` of `/node` writes them down. @default nobody */
  readonly onMessage?: (message: PassedMessage) => void
  /** Routes that peers announce. @default validated, counted and dropped */
  readonly onReceived?: (peer: string, change: ReceivedChange) => void
}
