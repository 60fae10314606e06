import type { IPAddressPool, LabelSelector, Namespace, Node } from '@metallb-ts/api'
import { compareAddresses, formatAddress, formatRange, type Address, type AddressRange } from '@metallb-ts/netip'
import type { Reading } from './config.ts'
import type { ConfigProblem } from './problem.ts'
import { RangeIndex } from './range-index.ts'
import { matchesSelector, selectorKey, selectorProblem, type Labels } from './selectors.ts'
import { typedAddress, typedRange } from './typed-address.ts'

export interface PoolConfig {
  readonly name: string
  readonly labels: Labels
  /** In the order of the resource: the order of allocation. */
  readonly ranges: readonly AddressRange[]
  /** Addresses of nodes that lie in the ranges: never given. */
  readonly excluded: readonly AddressRange[]
  readonly autoAssign: boolean
  readonly avoidBuggyIPs: boolean
  readonly serviceAllocation?: ServiceAllocationConfig
}

export interface ServiceAllocationConfig {
  /** 0 means last. */
  readonly priority: number
  /** Namespaces named, and those whose labels match now. Empty means no restriction. */
  readonly namespaces: ReadonlySet<string>
  /** The resource restricts namespaces, even where its selectors match none now. */
  readonly restrictsNamespaces: boolean
  readonly serviceSelectors: readonly LabelSelector[]
}

export function readPool({ metadata, spec }: IPAddressPool, namespaces: readonly Namespace[]): Reading<PoolConfig> {
  const object = { kind: 'IPAddressPool', name: metadata.name } as const
  const problems: ConfigProblem[] = []
  const fault = (code: ConfigProblem['code'], path: string, detail: string): void => {
    problems.push({ code, object, path, detail: `parsing address pool ${metadata.name}: ${detail}` })
  }
  const ranges: AddressRange[] = []
  const index = new RangeIndex()
  const addresses = spec?.addresses ?? []
  if (addresses.length === 0) fault('missing-field', 'spec.addresses', 'pool has no prefixes defined')
  for (const [i, item] of addresses.entries()) {
    const read = typedRange(item)
    if (!read.ok)
      fault(
        'invalid-range',
        `spec.addresses[${i}]`,
        `invalid CIDR "${item}" in pool "${metadata.name}": ${read.detail}`,
      )
    else {
      const twin = index.meeting(read.range)
      if (twin === undefined) {
        ranges.push(read.range)
        index.add(read.range)
      } else
        problems.push({
          code: 'overlap',
          object,
          path: `spec.addresses[${i}]`,
          detail: overlapDetail(item, metadata.name, formatRange(twin)),
        })
    }
  }
  const serviceAllocation =
    spec?.serviceAllocation === undefined ? undefined : readAllocation(spec.serviceAllocation, namespaces, fault)
  if (problems.length > 0) return { problems }
  return {
    problems,
    value: {
      name: metadata.name,
      labels: metadata.labels ?? {},
      ranges,
      excluded: [],
      autoAssign: spec.autoAssign ?? true,
      avoidBuggyIPs: spec.avoidBuggyIPs ?? false,
      ...(serviceAllocation !== undefined && { serviceAllocation }),
    },
  }
}

/** Overlap with a pool that was good before this one. */
export function overlapProblem(pool: PoolConfig, accepted: readonly PoolConfig[]): ConfigProblem | undefined {
  for (const other of accepted) {
    const index = new RangeIndex(other.ranges)
    for (const [i, range] of pool.ranges.entries()) {
      const twin = index.meeting(range)
      if (twin === undefined) continue
      return {
        code: 'overlap',
        object: { kind: 'IPAddressPool', name: pool.name },
        path: `spec.addresses[${i}]`,
        detail: `${overlapDetail(formatRange(range), pool.name, formatRange(twin))} of pool "${other.name}"`,
      }
    }
  }
  return undefined
}

/** Addresses of nodes that lie in a pool, ascending, each once. */
export function nodeAddresses(
  pool: PoolConfig,
  nodes: readonly Node[],
): readonly { readonly node: string; readonly address: Address }[] {
  const found = new Map<string, { node: string; address: Address }>()
  const index = new RangeIndex(pool.ranges)
  for (const { metadata, status } of nodes) {
    for (const { address: text } of status?.addresses ?? []) {
      const address = typedAddress(text)
      if (address === undefined || !index.contains(address)) continue
      found.set(formatAddress(address), { node: metadata.name, address })
    }
  }
  return [...found.values()].sort((a, b) => compareAddresses(a.address, b.address))
}

/** A node's own address in a pool is reported, and never given; the rest of the pool stays in use. */
export function nodeAddressProblems(pool: PoolConfig, nodes: readonly Node[]): readonly ConfigProblem[] {
  return nodeAddresses(pool, nodes).map(({ node, address }) => ({
    code: 'node-address-in-pool',
    object: { kind: 'IPAddressPool', name: pool.name },
    path: 'spec.addresses',
    detail: `${formatAddress(address)} is an address of node ${node} and is never given to a Service`,
  }))
}

type Fault = (code: ConfigProblem['code'], path: string, detail: string) => void

function readAllocation(
  allocation: NonNullable<IPAddressPool['spec']['serviceAllocation']>,
  all: readonly Namespace[],
  fault: Fault,
): ServiceAllocationConfig {
  const { priority = 0, namespaces = [], namespaceSelectors = [], serviceSelectors = [] } = allocation
  if (new Set(namespaces).size < namespaces.length) {
    fault('duplicate', 'spec.serviceAllocation.namespaces', 'duplicate definition in namespaces field')
  }
  checkSelectors(namespaceSelectors, 'namespaceSelectors', 'namespace', fault)
  checkSelectors(serviceSelectors, 'serviceSelectors', 'service', fault)
  const matching = all.filter(({ metadata }) =>
    namespaceSelectors.some(selector => matchesSelector(selector, metadata.labels)),
  )
  return {
    priority,
    namespaces: new Set([...namespaces, ...matching.map(({ metadata }) => metadata.name)]),
    restrictsNamespaces: namespaces.length + namespaceSelectors.length > 0,
    serviceSelectors,
  }
}

function checkSelectors(selectors: readonly LabelSelector[], field: string, what: string, fault: Fault): void {
  const seen = new Set<string>()
  for (const [i, selector] of selectors.entries()) {
    const path = `spec.serviceAllocation.${field}[${i}]`
    const problem = selectorProblem(selector)
    if (problem !== undefined) fault('invalid-selector', path, `${problem}\ninvalid ${what} label selector`)
    const key = selectorKey(selector)
    if (seen.has(key)) fault('duplicate', path, `duplicate definition of ${field} "${key}"`)
    seen.add(key)
  }
}

function overlapDetail(item: string, pool: string, other: string): string {
  return `CIDR "${item}" in pool "${pool}" overlaps with already defined CIDR "${other}"`
}
