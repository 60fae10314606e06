import { annotation, ANNOTATIONS, POOL_ANNOTATION, type Service } from '@metallb-ts/api'
import type { AllocationRequest, Port, Sharing, Terms } from '@metallb-ts/ipam'
import { compareAddresses, formatAddress, parseAddress, type Address, type Family } from '@metallb-ts/netip'
import { poolsFor } from './allocation-request-pools.ts'
import type { NotOurs, RequestProblem } from './allocation-request-problem.ts'
import type { PoolConfig } from './pools.ts'
import { typedAddress } from './typed-address.ts'

/** What a Service means for the allocator. */
export type RequestReading =
  /** Not for us to look at; whatever it shows, others wrote. */
  | { readonly kind: 'ignore'; readonly because: NotOurs }
  /** Holds nothing of ours, and must not. */
  | { readonly kind: 'give-up'; readonly because: NotOurs | RequestProblem }
  /** Keeps what it has, unexamined, until a person mends what is wrong. */
  | { readonly kind: 'leave'; readonly because: RequestProblem; readonly terms: Terms }
  /** With a problem, what is held may stay where it fits, but nothing new can be given. */
  | { readonly kind: 'ask'; readonly request: AllocationRequest; readonly problem?: RequestProblem }

export interface RequestRules {
  readonly pools: readonly PoolConfig[]
  /** Pools that exist as resources but cannot be used, and never could since this process began; and why, in words. */
  readonly brokenPools: ReadonlyMap<string, string>
  /** The only class handled; empty handles Services without a class. */
  readonly loadBalancerClass: string
}

/** Service to request, in MetalLB's order: class, type, cluster addresses, families, then who may give what. */
export function readRequest(service: Service, rules: RequestRules): RequestReading {
  const { spec = {} } = service
  if (spec.type !== 'LoadBalancer') return { kind: 'give-up', because: { code: 'not-a-load-balancer' } }
  const wanted = spec.loadBalancerClass ?? ''
  if (wanted !== rules.loadBalancerClass) return { kind: 'ignore', because: { code: 'another-class', class: wanted } }
  const clusterIPs = clusterIPsOf(service)
  if (clusterIPs.length === 0) return { kind: 'give-up', because: { code: 'no-cluster-ip' } }
  const policy = spec.ipFamilyPolicy ?? 'SingleStack'
  if (policy === 'RequireDualStack' && clusterIPs.length < 2) {
    return { kind: 'give-up', because: { code: 'not-enough-cluster-ips', clusterIPs } }
  }
  const families = familiesOf(clusterIPs, spec.ipFamilies?.[0])
  if (families === undefined)
    return { kind: 'leave', because: { code: 'bad-cluster-ips', clusterIPs }, terms: termsOf(service) }
  const pool = service.metadata.annotations?.[POOL_ANNOTATION]
  if (pool !== undefined && rules.brokenPools.has(pool) && currentAddresses(service).length > 0) {
    return { kind: 'leave', because: { code: 'pool-misconfigured', pool }, terms: termsOf(service) }
  }
  return ask(service, families, policy, rules)
}

/** Addresses that the status shows now; what is no address is left out. */
export function currentAddresses({ status }: Service): readonly Address[] {
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => {
    const address = parseAddress(ip ?? '')
    return address.ok ? [address.value] : []
  })
}

function ask(service: Service, families: readonly Family[], policy: string, rules: RequestRules): RequestReading {
  const { metadata } = service
  const requested = requestedAddresses(service)
  const pool = annotation(metadata.annotations, ANNOTATIONS.addressPool) ?? ''
  const why = rules.brokenPools.get(pool)
  const misconfigured = why === undefined ? undefined : ({ code: 'pool-misconfigured', pool, why } as const)
  const problem = 'code' in requested ? requested : misconfigured
  const addresses = 'code' in requested || requested.length === 0 ? undefined : requested
  const request: AllocationRequest = {
    families,
    familyPolicy: FAMILY_POLICIES[policy] ?? 'single',
    ...(addresses !== undefined && { addresses }),
    ...(pool !== '' && { pool }),
    ...termsOf(service),
    ...poolsFor(rules.pools, metadata.namespace ?? '', metadata.labels),
    ...(problem !== undefined && { keepOnly: true }),
  }
  return { kind: 'ask', request, ...(problem !== undefined && { problem }) }
}

function termsOf(service: Service): Terms {
  const sharing = sharingOf(service)
  const ports = (service.spec?.ports ?? []).map(({ protocol = 'TCP', port }): Port => ({ protocol, port }))
  return { ports, refused: [], ...(sharing !== undefined && { sharing }) }
}

const FAMILY_POLICIES: Readonly<Record<string, AllocationRequest['familyPolicy']>> = {
  PreferDualStack: 'prefer-dual',
  RequireDualStack: 'require-dual',
}

function clusterIPsOf({ spec = {} }: Service): readonly string[] {
  const all = spec.clusterIPs ?? []
  return all.length > 0 ? all : spec.clusterIP === undefined || spec.clusterIP === '' ? [] : [spec.clusterIP]
}

/** One family, or two different ones with the primary first; undefined for anything else. */
function familiesOf(clusterIPs: readonly string[], primary: string | undefined): readonly Family[] | undefined {
  const addresses = clusterIPs.map(text => parseAddress(text))
  const families = new Set(addresses.flatMap(read => (read.ok ? [read.value.family] : [])))
  if (families.size !== clusterIPs.length) return undefined
  if (families.size === 1) return [...families]
  return primary === 'IPv6' ? ['ipv6', 'ipv4'] : ['ipv4', 'ipv6']
}

/** Two addresses in the order of their text, which is the order MetalLB's status comes to. */
function requestedAddresses({ metadata, spec = {} }: Service): readonly Address[] | RequestProblem {
  const list = annotation(metadata.annotations, ANNOTATIONS.loadBalancerIPs) ?? ''
  const field = spec.loadBalancerIP ?? ''
  if (list !== '' && field !== '') return { code: 'addresses-asked-twice' }
  if (field !== '') {
    const address = typedAddress(field)
    return address === undefined ? { code: 'bad-address-field', text: field } : [address]
  }
  if (list === '') return []
  const items = list.split(',', MAX_REQUESTED + 1)
  const addresses = items.flatMap(item => typedAddress(item) ?? [])
  if (addresses.length < items.length || items.length > MAX_REQUESTED)
    return { code: 'bad-address-annotation', text: list }
  return addresses.toSorted((a, b) => compareText(formatAddress(a), formatAddress(b)) || compareAddresses(a, b))
}

const MAX_REQUESTED = 16 // two can be had; a few more still earn the sentence that says so

function sharingOf({ metadata, spec = {} }: Service): Sharing | undefined {
  const key = annotation(metadata.annotations, ANNOTATIONS.allowSharedIp) ?? ''
  if (key === '') return undefined
  const selector = spec.externalTrafficPolicy === 'Local' ? Object.entries(spec.selector ?? {}) : []
  return {
    key,
    backend: selector
      .map(([name, value]) => `${name}=${value}`)
      .sort()
      .join(','),
  }
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
