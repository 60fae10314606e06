import { formatAddress, formatPrefix, type Address, type Prefix } from '@metallb-ts/netip'

/** A destination and what is said about it. */
export interface Route {
  readonly prefix: Prefix
  readonly attributes: RouteAttributes
  /** Tells routes of one prefix apart, 1 to 2^32-1; such a route goes to peers with add-path only. @default none */
  readonly pathId?: number
}

/** Plain values; two that say the same have equal `attributesKey`. */
export interface RouteAttributes {
  /** @default 'igp' */
  readonly origin?: 'igp' | 'egp' | 'incomplete'
  /** LOCAL_PREF, 0 to 2^32-1; sent on internal sessions only. @default 100 there */
  readonly localPreference?: number
  /** MULTI_EXIT_DISC, 0 to 2^32-1. */
  readonly med?: number
  /** RFC 1997 communities, 32 bits each. @default none */
  readonly communities?: readonly number[]
  /** RFC 8092 communities. @default none */
  readonly largeCommunities?: readonly LargeCommunity[]
  /** RFC 4360 communities, 64 bits each; `linkBandwidth` makes one. @default none */
  readonly extendedCommunities?: readonly bigint[]
  /** How many times more our AS stands in AS_PATH on external sessions, 0 to 10. @default 0 */
  readonly asPathPrepend?: number
  /** `self`: the session's own address, in the family of the prefix. @default 'self' */
  readonly nextHop?: Address | 'self'
}

/** Three 32-bit numbers. */
export interface LargeCommunity {
  readonly global: number
  readonly local1: number
  readonly local2: number
}

/** Well-known communities: RFC 1997, 3765, 7611, 7999, 8326, 9494. */
export const WELL_KNOWN_COMMUNITIES = {
  'graceful-shutdown': 0xffff_0000,
  'accept-own': 0xffff_0001,
  'llgr-stale': 0xffff_0006,
  'no-llgr': 0xffff_0007,
  blackhole: 0xffff_029a,
  'no-export': 0xffff_ff01,
  'no-advertise': 0xffff_ff02,
  'no-export-subconfed': 0xffff_ff03,
  'no-peer': 0xffff_ff04,
} as const

/** The non-transitive link bandwidth community: how much traffic this path takes, in octets per second. */
export function linkBandwidth(asn: number, octetsPerSecond: number): bigint {
  const bytes = new DataView(new ArrayBuffer(8))
  bytes.setUint16(0, 0x4004)
  bytes.setUint16(2, asn > 0xffff ? 23_456 : asn)
  bytes.setFloat32(4, octetsPerSecond)
  return bytes.getBigUint64(0)
}

/** One text for routes that replace each other: the prefix, and the path identifier where there is one. */
export function routeKey({ prefix, pathId }: Pick<Route, 'prefix' | 'pathId'>): string {
  return pathId === undefined ? formatPrefix(prefix) : `${formatPrefix(prefix)}#${pathId}`
}

/** One text for attributes that say the same: routes of one key can stand in one UPDATE. */
export function attributesKey(attributes: RouteAttributes): string {
  const known = KEYS.get(attributes)
  if (known !== undefined) return known
  const key = makeKey(attributes)
  KEYS.set(attributes, key)
  return key
}

/**
 * What is said of one prefix that several sources announce: all their communities, the highest preference, the lowest
 * MED and origin, the fewest prepended hops, and the next hop of the first source that names one.
 */
export function mergeAttributes(all: readonly RouteAttributes[]): RouteAttributes {
  const first = all[0]!
  if (all.every(one => one === first)) return first
  const numbers = (pick: (one: RouteAttributes) => number | undefined): number[] =>
    all.map(pick).filter(value => value !== undefined)
  const preferences = numbers(one => one.localPreference)
  const meds = numbers(one => one.med)
  const origins = numbers(one => ORIGINS.indexOf(one.origin ?? 'igp'))
  const communities = [...new Set(all.flatMap(one => one.communities ?? []))]
  const extended = [...new Set(all.flatMap(one => one.extendedCommunities ?? []))]
  const large = new Map(all.flatMap(one => one.largeCommunities ?? []).map(one => [largeKey(one), one]))
  const nextHop = all.find(({ nextHop: hop }) => hop !== undefined && hop !== 'self')?.nextHop
  return {
    origin: ORIGINS[Math.min(...origins)]!,
    ...(preferences.length > 0 && { localPreference: Math.max(...preferences) }),
    ...(meds.length > 0 && { med: Math.min(...meds) }),
    ...(communities.length > 0 && { communities }),
    ...(extended.length > 0 && { extendedCommunities: extended }),
    ...(large.size > 0 && { largeCommunities: [...large.values()] }),
    asPathPrepend: Math.min(...all.map(one => one.asPathPrepend ?? 0)),
    ...(nextHop !== undefined && { nextHop }),
  }
}

/** RFC 8326 §4: routes that are about to go, so that traffic moves before they do. */
export function withGracefulShutdown(attributes: RouteAttributes): RouteAttributes {
  const known = DRAINED.get(attributes)
  if (known !== undefined) return known
  const communities = [...new Set([...(attributes.communities ?? []), WELL_KNOWN_COMMUNITIES['graceful-shutdown']])]
  const drained = { ...attributes, communities, localPreference: 0 }
  DRAINED.set(attributes, drained)
  return drained
}

export function compareLarge(a: LargeCommunity, b: LargeCommunity): number {
  return a.global - b.global || a.local1 - b.local1 || a.local2 - b.local2
}

/** Each once, ascending: every node says the same octets of the same route. */
export function sortedUnique<Value extends number | bigint>(values: readonly Value[]): Value[] {
  return [...new Set(values)].sort((a, b) => (a < b ? -1 : 1))
}

export function sortedUniqueLarge(values: readonly LargeCommunity[]): LargeCommunity[] {
  return [...new Map(values.map(one => [largeKey(one), one])).values()].sort(compareLarge)
}

const ORIGINS = ['igp', 'egp', 'incomplete'] as const
const KEYS = new WeakMap<RouteAttributes, string>()
const DRAINED = new WeakMap<RouteAttributes, RouteAttributes>()

function makeKey(attributes: RouteAttributes): string {
  const { origin = 'igp', localPreference, med, asPathPrepend = 0, nextHop = 'self' } = attributes
  const { communities = [], largeCommunities = [], extendedCommunities = [] } = attributes
  return [
    origin,
    localPreference ?? '',
    med ?? '',
    asPathPrepend,
    nextHop === 'self' ? '' : formatAddress(nextHop),
    sortedUnique(communities).join(),
    sortedUniqueLarge(largeCommunities).map(largeKey).join(),
    sortedUnique(extendedCommunities).join(),
  ].join('|')
}

function largeKey({ global, local1, local2 }: LargeCommunity): string {
  return `${global}:${local1}:${local2}`
}
