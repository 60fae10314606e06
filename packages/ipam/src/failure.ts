import { formatAddress, type Address, type Family } from '@metallb-ts/netip'
import type { HolderKey, Port } from './request.ts'

/** Why there is no address. Facts, not sentences: `explain` makes those. */
export type AllocationFailure =
  | { readonly code: 'no-pools' }
  | { readonly code: 'unknown-pool'; readonly pool: string }
  | { readonly code: 'pool-refused'; readonly pool: string; readonly because: PoolRefusal }
  | {
      readonly code: 'no-available-addresses'
      readonly families: readonly Family[]
      readonly considered: readonly PoolVerdict[]
      readonly pool?: string
    }
  | { readonly code: 'address-not-in-pools'; readonly addresses: readonly Address[] }
  | { readonly code: 'address-excluded'; readonly address: Address; readonly pool: string }
  | { readonly code: 'addresses-not-in-requested-pool'; readonly addresses: readonly Address[]; readonly pool: string }
  | { readonly code: 'too-many-addresses'; readonly addresses: readonly Address[] }
  | { readonly code: 'same-family'; readonly addresses: readonly Address[] }
  | { readonly code: 'family-mismatch'; readonly addresses: readonly Address[]; readonly families: readonly Family[] }
  | {
      readonly code: 'sharing-conflict'
      readonly address: Address
      readonly holder: HolderKey
      readonly others: readonly HolderKey[]
    }
  | { readonly code: 'port-in-use'; readonly address: Address; readonly port: Port; readonly by: HolderKey }

/** What became of one pool while an address was looked for. */
export interface PoolVerdict {
  readonly pool: string
  /** Absent for the pool that was chosen. */
  readonly ruledOut?: PoolRefusal
}

/** Why a pool gave nothing. */
export type PoolRefusal =
  | { readonly code: 'not-automatic' }
  | { readonly code: 'namespace-not-allowed'; readonly namespace: string }
  | { readonly code: 'service-not-selected' }
  | { readonly code: 'no-such-family'; readonly family: Family }
  | { readonly code: 'exhausted'; readonly family: Family; readonly capacity: bigint }
  | { readonly code: 'earlier-pool-fits'; readonly pool: string }

/** One sentence for people. The openings are MetalLB's, because people search for them. */
export function explain(failure: AllocationFailure): string {
  switch (failure.code) {
    case 'no-pools':
      return 'no address pool is configured: create an IPAddressPool'
    case 'unknown-pool':
      return `unknown pool ${quote(failure.pool)}`
    case 'pool-refused':
      return `pool ${failure.pool} not compatible for ip assignment: ${explainRefusal(failure.because)}`
    case 'no-available-addresses':
      return explainNoneAvailable(failure)
    case 'address-not-in-pools':
      return `${quotedList(failure.addresses)} is not allowed in config: no pool holds it`
    case 'address-excluded':
      return `${quotedList([failure.address])} is not allowed in config: pool ${failure.pool} leaves it out`
    case 'addresses-not-in-requested-pool':
      return `requested loadBalancer IP(s) ${quotedList(failure.addresses)} is not compatible with requested address pool ${failure.pool}`
    case 'too-many-addresses':
      return `more than two addresses ${quotedList(failure.addresses)}`
    case 'same-family':
      return `${failure.addresses.map(address => quote(formatAddress(address))).join(' ')} has the same family`
    case 'family-mismatch':
      return `requested loadBalancer IP(s) ${quotedList(failure.addresses)} does not match the ipFamily of the service (${failure.families.join(', ')})`
    case 'sharing-conflict':
      return `can't change sharing key for ${quote(failure.holder)}, address also in use by ${failure.others.join(',')}`
    case 'port-in-use':
      return `port ${failure.port.protocol}/${failure.port.port} is already in use on ${quote(formatAddress(failure.address))} by ${failure.by}`
  }
}

export function explainRefusal(refusal: PoolRefusal): string {
  switch (refusal.code) {
    case 'not-automatic':
      return 'autoAssign is false'
    case 'namespace-not-allowed':
      return `namespace ${refusal.namespace} is not among its namespaces`
    case 'service-not-selected':
      return 'none of its serviceSelectors matches the Service'
    case 'no-such-family':
      return `it has no ${FAMILY_NAMES[refusal.family]} addresses`
    case 'exhausted':
      return `all ${refusal.capacity} ${FAMILY_NAMES[refusal.family]} addresses are in use`
    case 'earlier-pool-fits':
      return `pool ${refusal.pool} comes first`
  }
}

/** `["192.0.2.1" "2001:db8::1"]`, as Go prints a quoted list. */
export function quotedList(addresses: readonly Address[]): string {
  return `[${addresses.map(address => quote(formatAddress(address))).join(' ')}]`
}

const FAMILY_NAMES: Readonly<Record<Family, string>> = { ipv4: 'IPv4', ipv6: 'IPv6' }

function explainNoneAvailable({
  pool,
  families,
  considered,
}: AllocationFailure & { code: 'no-available-addresses' }): string {
  const where = pool === undefined ? '' : ` in pool ${pool}`
  const both = families.length > 1 ? ' for dual IPFamily' : ''
  const why = considered.flatMap(({ pool, ruledOut }) =>
    ruledOut === undefined ? [] : [`pool ${pool}: ${explainRefusal(ruledOut)}`],
  )
  return `no available IPs${where}${both}${why.length === 0 ? '' : ` (${why.join('; ')})`}`
}

function quote(text: string): string {
  return JSON.stringify(text)
}
