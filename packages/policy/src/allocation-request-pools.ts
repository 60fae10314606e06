import type { AllocationRequest, PoolRefusal } from '@metallb-ts/ipam'
import type { PoolConfig } from './pools.ts'
import { matchesAny, type Labels } from './selectors.ts'

/**
 * Which pools a Service may be given from. Pools that name Services or namespaces come first, by priority; pools open
 * to everyone after them, by name.
 */
export function poolsFor(
  pools: readonly PoolConfig[],
  namespace: string,
  labels: Labels | undefined,
): Pick<AllocationRequest, 'tiers' | 'refused'> {
  const pinned: PoolConfig[] = []
  const open: string[] = []
  const refused: AllocationRequest['refused'][number][] = []
  for (const pool of pools) {
    const because = incompatibility(pool, namespace, labels)
    if (because !== undefined) refused.push({ pool: pool.name, because, evenByName: true })
    else if (!pool.autoAssign) refused.push({ pool: pool.name, because: { code: 'not-automatic' }, evenByName: false })
    else if (pool.serviceAllocation === undefined) open.push(pool.name)
    else if (isReachable(pool.serviceAllocation)) pinned.push(pool)
    else refused.push({ pool: pool.name, because: { code: 'namespace-not-allowed', namespace }, evenByName: false })
  }
  return { tiers: [pinned.sort(byPriority).map(({ name }) => name), open.sort()], refused }
}

/** Why an address of the pool may not be held, also when it is asked for. */
function incompatibility(
  { serviceAllocation }: PoolConfig,
  namespace: string,
  labels: Labels | undefined,
): PoolRefusal | undefined {
  if (serviceAllocation === undefined) return undefined
  const { namespaces, serviceSelectors } = serviceAllocation
  // Selectors that match no namespace leave the set empty, and an empty set restricts nobody who asks: as MetalLB.
  if (namespaces.size > 0 && !namespaces.has(namespace)) return { code: 'namespace-not-allowed', namespace }
  return matchesAny(serviceSelectors, labels) ? undefined : { code: 'not-selected' }
}

/** Given unasked: not when its only restriction is to namespaces, of which there is none. */
function isReachable(allocation: NonNullable<PoolConfig['serviceAllocation']>): boolean {
  return allocation.namespaces.size > 0 || allocation.serviceSelectors.length > 0 || !allocation.restrictsNamespaces
}

/** Positive priorities ascending, all others last, equal ones by name. */
function byPriority(a: PoolConfig, b: PoolConfig): number {
  const [first, second] = [rank(a), rank(b)]
  return first !== second ? first - second : a.name < b.name ? -1 : 1
}

function rank({ serviceAllocation }: PoolConfig): number {
  const priority = serviceAllocation?.priority ?? 0
  return priority > 0 ? priority : Number.MAX_SAFE_INTEGER
}
