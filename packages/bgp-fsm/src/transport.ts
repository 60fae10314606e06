import type { Address, Family } from '@metallb-ts/netip'

/** Where to connect to, and how. */
export interface DialOptions {
  readonly remote: Address
  /** Scope of a link-local remote address. */
  readonly interface?: string
  readonly port: number
  /** @default the system's choice */
  readonly source?: Address
  /** TCP MD5 (RFC 2385), up to 80 octets. */
  readonly password?: string
  /** TTL or hop limit of what we send, 1 to 255. @default the system's */
  readonly ttl?: number
  /** Least TTL of what we take (RFC 5082). @default any */
  readonly minimumTtl?: number
  /** Interface or VRF device to bind to. */
  readonly device?: string
  /** The attempt is given up after this long. */
  readonly timeoutMs: number
}

/** A password for connections that a peer opens. */
export interface ListenKey {
  readonly remote: Address
  readonly password: string
}

/** Where to take connections, and from whom. */
export interface ListenOptions {
  readonly port: number
  /** @default every address */
  readonly address?: Address
  /** TCP MD5 keys by peer. @default none */
  readonly keys?: readonly ListenKey[]
  /** Some peer needs GTSM. @default false */
  readonly needsTtl?: boolean
}

/** What a connection tells the one who holds it. */
export interface ConnectionHandlers {
  /** Bytes as they come, in order. */
  readonly received: (bytes: Uint8Array) => void
  /** The connection is over; said once, and nothing after it. */
  readonly closed: (reason: string) => void
  /** What was written has left our buffers. */
  readonly drained: () => void
}

/** One open connection. */
export interface Connection {
  readonly localAddress: Address
  readonly remoteAddress: Address
  /** Addresses of ours on the same link, for prefixes of the family that the connection does not run over. */
  readonly linkAddresses?: Readonly<Partial<Record<Family, readonly Address[]>>>
  /** GTSM on a connection that the peer opened, where the transport can. */
  limitTtl?(limits: { readonly ttl: number; readonly minimumTtl: number }): void
  /** False when buffers are full: write no more before `drained`. The bytes are taken all the same. */
  write(bytes: Uint8Array): boolean
  /** Ends the connection after what was written has left, or at once. Safe to repeat; `closed` follows. */
  close(how: 'flush' | 'now'): void
}

/** How connections come to be: `tcpTransport` of `/node`, or a simulated network of `/testing`. */
export interface Transport {
  /** `opened` or `failed` is called once, never before `dial` returns; neither after `cancel`. */
  dial(
    options: DialOptions,
    handlers: {
      readonly opened: (connection: Connection) => ConnectionHandlers
      readonly failed: (reason: string) => void
    },
  ): { cancel(): void }
  /** Takes connections; `accept` answers with handlers, or undefined to refuse. `close` resolves when nothing listens. */
  listen?(
    options: ListenOptions,
    accept: (connection: Connection) => ConnectionHandlers | undefined,
  ): Promise<{ setKeys(keys: readonly ListenKey[]): void; close(): Promise<void> }>
}
