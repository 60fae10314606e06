import type { Address } from '@metallb-ts/netip'

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
  /** False when buffers are full: write no more before `drained`. The bytes are taken all the same. */
  write(bytes: Uint8Array): boolean
  /** Octets written that have not left yet. */
  readonly buffered: number
  /** Ends the connection after what was written has left, or at once. Safe to repeat. */
  close(how: 'flush' | 'now'): void
}

export interface Transport {
  /** `opened` or `failed` is called once, never before `dial` returns. */
  dial(
    options: DialOptions,
    handlers: {
      readonly opened: (connection: Connection) => ConnectionHandlers
      readonly failed: (reason: string) => void
    },
  ): { cancel(): void }
  /** Takes connections on a port; `accept` answers with handlers, or undefined to refuse. */
  listen?(
    port: number,
    accept: (connection: Connection) => ConnectionHandlers | undefined,
  ): Promise<{ close(): Promise<void> }>
}
