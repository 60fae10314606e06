import { formatAddress, formatPrefix, type Address, type Prefix } from '@metallb-ts/netip'

/** A destination and what is said about it. */
export interface Route {
  readonly prefix: Prefix
  readonly attributes: RouteAttributes
}

export interface RouteAttributes {
  /** LOCAL_PREF, 0 to 2^32-1; sent on internal sessions only. @default 100 there */
  readonly localPreference?: number
  /** MULTI_EXIT_DISC, 0 to 2^32-1. */
  readonly med?: number
  /** RFC 1997 communities, 32 bits each. @default none */
  readonly communities?: readonly number[]
  /** RFC 8092 communities. @default none */
  readonly largeCommunities?: readonly LargeCommunity[]
  /** How many times more our AS stands in AS_PATH, 0 to 10. @default 0 */
  readonly prepend?: number
  /** @default the session's own address, in the family of the prefix */
  readonly nextHop?: Address
}

/** Three 32-bit numbers. */
export interface LargeCommunity {
  readonly global: number
  readonly local1: number
  readonly local2: number
}

/** Well-known communities: RFC 1997, 7999, 8326, 9494. */
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

export function routeKey({ prefix }: Pick<Route, 'prefix'>): string {
  return formatPrefix(prefix)
}

/** One text for attributes that say the same: routes of one key can stand in one UPDATE. */
export function attributesKey(attributes: RouteAttributes): string {
  const { localPreference, med, communities = [], largeCommunities = [], prepend = 0, nextHop } = attributes
  return JSON.stringify([
    localPreference,
    med,
    [...communities].sort((a, b) => a - b),
    [...largeCommunities].sort(compareLarge).map(({ global, local1, local2 }) => [global, local1, local2]),
    prepend,
    nextHop === undefined ? undefined : formatAddress(nextHop),
  ])
}

/**
 * What is said of one prefix that several sources announce: all their communities, the highest preference, the lowest
 * MED, the fewest prepended hops, and the next hop of the first source that names one.
 */
export function mergeAttributes(all: readonly RouteAttributes[]): RouteAttributes {
  if (all.length === 1) return all[0]!
  const numbers = (pick: (one: RouteAttributes) => number | undefined): number[] =>
    all.map(pick).filter(value => value !== undefined)
  const preferences = numbers(one => one.localPreference)
  const meds = numbers(one => one.med)
  const communities = [...new Set(all.flatMap(one => one.communities ?? []))]
  const large = new Map(
    all
      .flatMap(one => one.largeCommunities ?? [])
      .map(one => [JSON.stringify([one.global, one.local1, one.local2]), one]),
  )
  const nextHop = all.find(one => one.nextHop !== undefined)?.nextHop
  return {
    ...(preferences.length > 0 && { localPreference: Math.max(...preferences) }),
    ...(meds.length > 0 && { med: Math.min(...meds) }),
    ...(communities.length > 0 && { communities }),
    ...(large.size > 0 && { largeCommunities: [...large.values()] }),
    prepend: Math.min(...all.map(one => one.prepend ?? 0)),
    ...(nextHop !== undefined && { nextHop }),
  }
}

export function compareLarge(a: LargeCommunity, b: LargeCommunity): number {
  return a.global - b.global || a.local1 - b.local1 || a.local2 - b.local2
}
