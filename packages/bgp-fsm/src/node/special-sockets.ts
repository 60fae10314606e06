import type { Socket } from 'node:net'
import type { Address } from '@metallb-ts/netip'

/** What Node cannot do by itself: MD5, TTL bounds, a device. `@metallb-ts/linux-net/node` has this shape. */
export interface SpecialSockets {
  openTcp(options: {
    readonly remote: Address
    readonly port: number
    readonly interface?: string
    readonly local?: Address
    readonly md5?: string
    readonly ttl?: number
    readonly minTtl?: number
    readonly device?: string
    readonly timeoutMs: number
  }): Promise<Socket>
  setTcpOptions(
    fd: number,
    options: { readonly remote: Address; readonly md5?: string; readonly ttl?: number; readonly minTtl?: number },
  ): void
}
