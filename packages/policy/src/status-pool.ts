import type { IPAddressPool, PoolCounters } from '@metallb-ts/api'
import type { FamilyUsage, PoolUsage } from '@metallb-ts/ipam'

/** What a pool's status should say; undefined when it does. */
export function poolCounters(pool: IPAddressPool, usage: PoolUsage): PoolCounters | undefined {
  const counters: PoolCounters = {
    assignedIPv4: whole(usage.ipv4.assigned),
    assignedIPv6: whole(usage.ipv6.assigned),
    availableIPv4: whole(available(usage.ipv4)),
    availableIPv6: whole(available(usage.ipv6)),
  }
  const isSame = KEYS.every(key => pool.status?.[key] === counters[key])
  return isSame ? undefined : counters
}

/** Addresses that can still be given: none, rather than fewer, where excluded ones are held from before. */
export function available({ capacity, assigned, quarantined }: FamilyUsage): bigint {
  const left = capacity - assigned - quarantined
  return left > 0n ? left : 0n
}

const KEYS = ['assignedIPv4', 'assignedIPv6', 'availableIPv4', 'availableIPv6'] as const

/** Counts past 2^53-1 stay there: every reader of JSON can hold that number, and nobody counts further. */
function whole(count: bigint): number {
  return count > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(count)
}
