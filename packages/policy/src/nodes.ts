import { DRAIN_KEY, EXCLUDE_NODE_LABEL, type Node } from '@metallb-ts/api'
import type { Address, Family } from '@metallb-ts/netip'
import type { Labels } from './selectors.ts'
import { typedAddress } from './typed-address.ts'

/** What decisions read of a node. */
export interface NodeFacts {
  readonly name: string
  readonly labels: Labels
  /** Its condition NetworkUnavailable is True. */
  readonly isNetworkUnavailable: boolean
  /** It carries the label that keeps load balancers off. */
  readonly isExcluded: boolean
  /** Nothing new is to be scheduled on it. */
  readonly isCordoned: boolean
  /** What its user said of draining it; `forced`: even where nobody else announces. */
  readonly drain: DrainWish
  /** The first internal address of each family. */
  readonly addresses: Readonly<Partial<Record<Family, Address>>>
}

export type DrainWish = 'no' | 'asked' | 'forced'

/** Ready and tainted do not matter here, and cordoned only to who asks for it: what counts is whether traffic may come. */
export function nodeFacts({ metadata, spec, status }: Node): NodeFacts {
  const internal = (status?.addresses ?? [])
    .filter(({ type }) => type === 'InternalIP')
    .map(({ address }) => typedAddress(address))
  const first = (family: Family): Address | undefined => internal.find(address => address?.family === family)
  const [ipv4, ipv6] = [first('ipv4'), first('ipv6')]
  return {
    name: metadata.name,
    labels: metadata.labels ?? {},
    isNetworkUnavailable: (status?.conditions ?? []).some(
      ({ type, status }) => type === 'NetworkUnavailable' && status === 'True',
    ),
    isExcluded: metadata.labels !== undefined && Object.hasOwn(metadata.labels, EXCLUDE_NODE_LABEL),
    isCordoned: spec?.unschedulable === true,
    drain: drainWish(metadata.annotations?.[DRAIN_KEY] ?? metadata.labels?.[DRAIN_KEY]),
    addresses: { ...(ipv4 !== undefined && { ipv4 }), ...(ipv6 !== undefined && { ipv6 }) },
  }
}

/** Only what is plainly a yes: a typing error must not take a node off the network. */
function drainWish(text: string | undefined): DrainWish {
  return text === 'true' ? 'asked' : text === 'force' ? 'forced' : 'no'
}
