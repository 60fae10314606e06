import type { Address, Family } from '@metallb-ts/netip'
import type { Result } from '@metallb-ts/runtime'
import type { BfdPath, PathKind } from './path.ts'

/** UDP as BFD needs it. Losing datagrams is normal. */
export interface BfdTransport {
  /** Hears control packets of one kind and family, and what comes back of our echoes, until closed. */
  listen(options: ListenOptions, onDatagram: (datagram: Datagram) => void): Result<Listener, TransportProblem>
  /** The way out of one session. */
  open(options: SendOptions): Result<Sender, TransportProblem>
}

export interface ListenOptions {
  /** Which of the ports: 3784 with the echoes of 3785, or 4784. */
  readonly kind: PathKind
  readonly family: Family
  readonly vrf?: string
}

export interface SendOptions {
  readonly path: BfdPath
  /** The session's own, 49152 to 65535 (RFC 5881 §4). */
  readonly sourcePort: number
  /** TTL or hop limit: 255 (RFC 5881 §5). */
  readonly ttl: number
}

export interface Listener {
  close(): void
}

export interface Sender {
  /** Undefined when the kernel took it. */
  send(bytes: Uint8Array): TransportProblem | undefined
  /** To our own address by way of the peer (RFC 5880 §5). Absent: this path has no such way. */
  sendEcho?(bytes: Uint8Array): TransportProblem | undefined
  close(): void
}

export type Datagram = ControlDatagram | EchoDatagram

/** What came to one of the two control ports. */
export interface ControlDatagram extends Arrival {
  readonly port: PathKind
}

/** What came back of an echo. */
export interface EchoDatagram extends Arrival {
  readonly port: 'echo'
}

export interface Arrival {
  /** Valid only during the call. */
  readonly bytes: Uint8Array
  readonly source: Address
  /** Undefined where the transport cannot tell. */
  readonly destination?: Address | undefined
  readonly interface?: string | undefined
  readonly vrf?: string | undefined
  /** TTL or hop limit as received; undefined where the transport cannot tell. */
  readonly ttl: number | undefined
}

/** `port-in-use`: another port may do. The others hold until the system is another one. */
export interface TransportProblem {
  readonly code: 'port-in-use' | 'no-address' | 'no-route' | 'no-permission' | 'refused'
  readonly detail: string
}
