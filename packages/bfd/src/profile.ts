/** What a user may choose about a session; MetalLB's BFDProfile has these fields. Intervals in milliseconds. */
export interface BfdProfile {
  /** Least time between packets that we can take, 10 to 60000. @default 300 */
  readonly receiveIntervalMs?: number
  /** Least time between packets that we send while up, 10 to 60000. @default 300 */
  readonly transmitIntervalMs?: number
  /** Packets of ours in a row that the peer may miss, 1 to 255. @default 3 */
  readonly detectMultiplier?: number
  /** Between echoes that we send, and least time between echoes that we return, 10 to 60000. @default 50 */
  readonly echoIntervalMs?: number
  /** Send echoes, where path and peer allow them: IPv4, single hop. @default false */
  readonly echoMode?: boolean
  /** The peer may send echoes: our kernel forwards IPv4, so that they return. @default false */
  readonly echoTarget?: boolean
  /** Silent until the peer has spoken. Two passive ends never meet. @default false */
  readonly passiveMode?: boolean
  /** Multihop: least TTL of what we take, 1 to 254. @default 254, one router between */
  readonly minimumTtl?: number
}

export type CompleteProfile = Required<BfdProfile>

/** With its defaults; a number out of bounds is the caller's mistake and throws a RangeError. */
export function completeProfile(profile: BfdProfile): CompleteProfile {
  const complete = { ...DEFAULT_PROFILE, ...profile }
  for (const [field, least, most] of BOUNDS) {
    const value = complete[field]
    if (!Number.isInteger(value) || value < least || value > most)
      throw new RangeError(`${field} is a whole number from ${least} to ${most}, not ${value}`)
  }
  return complete
}

/** What two users of one session get: the quicker detection of both, and the narrower door (RFC 5882 §4.4). */
export function strictestProfile(profiles: readonly CompleteProfile[]): CompleteProfile {
  const least = (field: (typeof BOUNDS)[number][0]): number => Math.min(...profiles.map(profile => profile[field]))
  return {
    receiveIntervalMs: least('receiveIntervalMs'),
    transmitIntervalMs: least('transmitIntervalMs'),
    detectMultiplier: least('detectMultiplier'),
    echoIntervalMs: least('echoIntervalMs'),
    echoMode: profiles.some(({ echoMode }) => echoMode),
    echoTarget: profiles.some(({ echoTarget }) => echoTarget),
    passiveMode: profiles.every(({ passiveMode }) => passiveMode),
    minimumTtl: Math.max(...profiles.map(({ minimumTtl }) => minimumTtl)),
  }
}

/** FRR's, for what is left open. */
export const DEFAULT_PROFILE: CompleteProfile = {
  receiveIntervalMs: 300,
  transmitIntervalMs: 300,
  detectMultiplier: 3,
  echoIntervalMs: 50,
  echoMode: false,
  echoTarget: false,
  passiveMode: false,
  minimumTtl: 254,
}

const LEAST_INTERVAL_MS = 10
const MOST_INTERVAL_MS = 60_000

const BOUNDS = [
  ['receiveIntervalMs', LEAST_INTERVAL_MS, MOST_INTERVAL_MS],
  ['transmitIntervalMs', LEAST_INTERVAL_MS, MOST_INTERVAL_MS],
  ['detectMultiplier', 1, 255],
  ['echoIntervalMs', LEAST_INTERVAL_MS, MOST_INTERVAL_MS],
  ['minimumTtl', 1, 254],
] as const
