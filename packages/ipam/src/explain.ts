import { formatAddress, type Address, type Family } from '@metallb-ts/netip'
import type { AllocationFailure, MoveReason, PoolRefusal } from './failure.ts'

/**
 * One sentence for people, without a full stop; what others wrote is cut so that an Event can carry it. The openings are
 * MetalLB's, because people search for them. The wording is no API: decide by `code`. Throws nothing.
 */
export function explain(failure: AllocationFailure): string {
  switch (failure.code) {
    case 'no-pools':
      return 'no address pool is configured'
    case 'nothing-held':
      return 'no address is held'
    case 'unknown-pool':
      return `unknown pool ${quoted(failure.pool)}`
    case 'pool-refused':
      return `pool ${failure.pool} not compatible for ip assignment: ${explainRefusal(failure.because)}`
    case 'no-available-addresses':
      return noneAvailable(failure)
    case 'address-not-in-pools':
      return `${quotedList(failure.addresses)} is not allowed in config: ${notInPools(failure.addresses)}`
    case 'address-avoided':
      return `${quotedList([failure.address])} is not allowed in config: pool ${failure.pool} avoids addresses that end in .0 or .255`
    case 'address-excluded':
      return `${quotedList([failure.address])} is not allowed in config: pool ${failure.pool} excludes it`
    case 'address-quarantined':
      return `${quotedList([failure.address])} of pool ${failure.pool} is in quarantine: ${failure.reason}`
    case 'addresses-not-in-requested-pool':
      return `requested loadBalancer IP(s) ${quotedList(failure.addresses)} is not compatible with requested address pool ${failure.pool}`
    case 'too-many-addresses':
      return `IPFamilyForAddresses: invalid ips length ${failure.addresses.length} ${quotedList(failure.addresses)}: more than two addresses ${quotedList(failure.addresses)}`
    case 'same-family':
      return `IPFamilyForAddresses: same address family ${quotedList(failure.addresses)}: ${failure.addresses.map(address => quoted(formatAddress(address))).join(' ')} has the same family`
    case 'family-mismatch':
      return `requested loadBalancer IP(s) ${quotedList(failure.addresses)} does not match the ipFamily of the service: ${familyNames(failure.families)}`
    case 'sharing-conflict':
      return `can't change sharing key for ${quoted(failure.holder)}, address also in use by ${failure.others.join(',')}`
    case 'port-in-use':
      return `port ${failure.port.protocol}/${failure.port.port} is already in use on ${quoted(formatAddress(failure.address))} by ${failure.by}`
  }
}

/** Why one pool gave nothing, as a clause that goes after the pool's name and a colon. Throws nothing. */
export function explainRefusal(refusal: PoolRefusal): string {
  switch (refusal.code) {
    case 'not-automatic':
      return 'its addresses are given only when asked for (autoAssign is false)'
    case 'namespace-not-allowed':
      return `it does not serve namespace ${refusal.namespace}`
    case 'not-selected':
      return 'none of its serviceSelectors matches'
    case 'no-such-family':
      return `it has no ${FAMILY_NAMES[refusal.family]} addresses`
    case 'exhausted':
      return `all of its ${refusal.capacity} ${FAMILY_NAMES[refusal.family]} addresses are in use${inQuarantine(refusal)}`
    case 'single-family-policy':
      return 'two families are wanted, but the policy allows one'
  }
}

/** Why a holder could not keep what it had, as a clause. Throws nothing. */
export function explainMove(reason: MoveReason): string {
  switch (reason.code) {
    case 'families-changed':
      return `IP for wrong family assigned alloc ${familyNames(reason.addresses.map(({ family }) => family))} service family ${familyNames(reason.families)}`
    case 'other-pool-requested':
      return `another pool is requested: ${reason.pool}`
    case 'other-addresses-requested':
      return `other addresses are requested: ${quotedList(reason.addresses)}`
    case 'no-longer-allowed':
      return explain(reason.failure)
  }
}

/** `["192.0.2.1" "2001:db8::1"]`, as Go prints a quoted list; RFC 5952 for IPv6. Throws nothing. */
export function quotedList(addresses: readonly Address[]): string {
  return `[${addresses.map(address => quoted(formatAddress(address))).join(' ')}]`
}

const FAMILY_NAMES: Readonly<Record<Family, string>> = { ipv4: 'IPv4', ipv6: 'IPv6' }

const MAX_REASONS = 20 // keeps the sentence of a thousand pools within what an Event or a condition may carry

function noneAvailable({ pool, families, considered }: AllocationFailure & { code: 'no-available-addresses' }): string {
  const where = pool === undefined ? '' : ` in pool ${pool}`
  const both = pool !== undefined && families.length > 1 ? ' for dual IPFamily' : ''
  const reasons = considered.flatMap(({ pool, ruledOut }) =>
    ruledOut === undefined ? [] : [`pool ${pool}: ${explainRefusal(ruledOut)}`],
  )
  const rest = reasons.length > MAX_REASONS ? [`and ${reasons.length - MAX_REASONS} more pools`] : []
  return `no available IPs${where}${both}: ${[...reasons.slice(0, MAX_REASONS), ...rest].join('; ') || 'no pool may be chosen from'}`
}

function inQuarantine({ quarantined }: PoolRefusal & { code: 'exhausted' }): string {
  return quarantined === undefined ? '' : ` or in quarantine (${quarantined})`
}

function notInPools(addresses: readonly Address[]): string {
  return addresses.length === 1 ? 'no pool holds it' : 'no pool holds both'
}

function familyNames(families: readonly Family[]): string {
  return families.map(family => FAMILY_NAMES[family]).join(', ')
}

/** Text of somebody else's, short enough for an Event whatever it is. */
function quoted(text: string): string {
  return JSON.stringify(text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text)
}

const MAX_QUOTED = 256
