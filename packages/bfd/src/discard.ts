/** Why a datagram was thrown away: it changed nothing, and nothing answered it. */
export type DiscardReason = (typeof DISCARD_REASONS)[number]

/** In the order in which they are looked for; the first that holds is the one counted. */
export const DISCARD_REASONS = [
  'ttl', // single hop, and somebody passed it on (RFC 5881 §5)
  'ttl-unknown', // the transport cannot say, and nothing else filters
  'payload-too-short',
  'bad-version',
  'length-below-minimum',
  'length-beyond-payload',
  'zero-detect-multiplier',
  'multipoint',
  'zero-my-discriminator',
  'unknown-your-discriminator',
  'zero-your-discriminator', // and a state that only somebody who has heard us can be in
  'no-session',
  'wrong-port',
  'minimum-ttl',
  'poll-and-final',
  'authentication-unexpected',
  'echo-not-ours',
  'echo-unexpected', // echoes that do not go out do not come back
  'echo-ttl',
  'echo-stale',
] as const
