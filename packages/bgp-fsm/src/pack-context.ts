import type { Address, Family } from '@metallb-ts/netip'
import type { Negotiated } from './negotiate.ts'

/** What the bytes of our UPDATEs to one peer depend on. */
export interface PackContext {
  /** AS number that stands in AS_PATH. */
  readonly asn: number
  readonly negotiated: Negotiated
  /** Our addresses on the way to the peer, by family: a global one, and a link-local one behind it or alone. */
  readonly nextHops: Readonly<Partial<Record<Family, readonly Address[]>>>
  /** Longest UPDATE to send, 23 to 65535. */
  readonly limit: number
}
