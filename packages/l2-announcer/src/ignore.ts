/** Why a frame got no answer. Each is counted; none is an error. */
export type IgnoreReason = (typeof IGNORE_REASONS)[number]

export const IGNORE_REASONS = [
  'too-short',
  'vlan-tagged', // the tag names another broadcast domain; an untagged answer would be wrong
  'not-arp',
  'not-ethernet-ipv4',
  'not-a-request',
  'not-icmpv6',
  'not-a-solicitation',
  'bad-hop-limit',
  'bad-checksum',
  'bad-option',
  'bad-target',
  'bad-source',
  'bad-destination',
  'not-for-us',
  'own-frame',
  'not-announced',
  'not-on-this-interface',
  'same-segment', // another interface of ours on the same segment answers
  'source-over-limit',
  'over-limit',
] as const
