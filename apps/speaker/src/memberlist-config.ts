import type { Profile } from '@metallb-ts/membership'
import { failed, ok, type Result } from '@metallb-ts/runtime'

/** What MetalLB's memberlist file means here, and its keys that mean nothing here. */
export interface MemberlistConfig {
  readonly profile: Profile
  readonly withoutMeaning: readonly string[]
}

/**
 * MetalLB's `config.json` of memberlist. Three of its keys say how patient a detector is: ProbeInterval, ProbeTimeout and
 * SuspicionMult. Ours is as many times faster as with the defaults: MetalLB's LAN values make `fast`, and a file that
 * doubles MetalLB's time to a failover doubles ours. The others are of a protocol that is not spoken here.
 * @returns the sentence that says what is wrong, for a file that MetalLB would not take either
 */
export function memberlistConfig(text: string): Result<MemberlistConfig, string> {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return failed('it is no JSON')
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return failed('it is no object')
  const keys = new Map(Object.entries(parsed))
  for (const key of DURATIONS) {
    if (milliseconds(keys.get(key)) === undefined) return failed(`${key} is no duration such as 500ms`)
  }
  const suspicion = keys.get('SuspicionMult') ?? 0
  if (typeof suspicion !== 'number' || suspicion < 0) return failed('SuspicionMult is no number')
  const interval = milliseconds(keys.get('ProbeInterval'))!
  const patience = suspicion * interval + milliseconds(keys.get('ProbeTimeout'))!
  const intervalMs = within(Math.round(interval / FASTER_BEATS), LEAST_INTERVAL_MS, MOST_INTERVAL_MS)
  const deadMs = within(Math.round(patience / FASTER_DEATHS), LEAST_BEATS * intervalMs, MOST_DEAD_MS)
  return ok({ profile: { intervalMs, deadMs }, withoutMeaning: [...keys.keys()].filter(key => !MEANT.has(key)) })
}

const DURATIONS = [
  'TCPTimeout',
  'PushPullInterval',
  'ProbeTimeout',
  'ProbeInterval',
  'GossipInterval',
  'GossipToTheDeadTime',
  'QueueCheckInterval',
]
const MEANT: ReadonlySet<string> = new Set(['ProbeInterval', 'ProbeTimeout', 'SuspicionMult'])

/** A probe a second there, a heartbeat every 50 ms here. */
const FASTER_BEATS = 20
/** 4 × 1 s + 500 ms of patience there, 200 ms here. */
const FASTER_DEATHS = 22.5
const LEAST_INTERVAL_MS = 20
const MOST_INTERVAL_MS = 3_000
const LEAST_BEATS = 3
const MOST_DEAD_MS = 60_000

const UNITS_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
}

/** Of a duration as Go writes it: `1m30s`. */
function milliseconds(text: unknown): number | undefined {
  if (typeof text !== 'string' || !/^(\d+(\.\d+)?(ns|us|\u00b5s|ms|s|m|h))+$/.test(text)) return undefined
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|\u00b5s|ms|s|m|h)/g)]
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * UNITS_MS[unit!]!, 0)
}

function within(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value))
}
