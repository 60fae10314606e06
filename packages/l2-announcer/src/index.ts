export { answerArp, arpClaim, gratuitousArp, type Claim } from './arp.ts'
export type { DesiredAddress } from './desired.ts'
export type { L2Conflict, L2Events, LinkChanged } from './events.ts'
export { IGNORE_REASONS, type IgnoreReason } from './ignore.ts'
export type { LinkAddress, LinkFailure, LinkMonitor, LinkPort, Links, LinkSnapshot } from './link.ts'
export { answerNeighborSolicitation, neighborClaim, unsolicitedAdvertisement } from './ndp.ts'
export type { Responder } from './responder.ts'
export { admits, AnnouncedTable, type Announced } from './table.ts'
export {
  electionDigest,
  electOwner,
  INELIGIBILITIES,
  isEligible,
  rank,
  type Candidate,
  type Election,
  type Ineligibility,
  type Verdict,
} from './ownership.ts'
export { DEFAULT_PROBE, probeAnswer, probeFrame, type ProbeSettings, type Taken } from './probe.ts'
export { sha256 } from './sha256.ts'
export {
  createAnnouncer,
  type Announcer,
  type AnnouncerComponents,
  type AnnouncerInit,
  type LinkStatus,
} from './announcer.ts'
export type { AddressCounters, AnnouncerCounters } from './counters.ts'
export { DEFAULT_RATE_LIMITS, type RateLimits } from './rate-limit.ts'
export { DEFAULT_SCHEDULE, DEFEND_INTERVAL_MS, type ScheduleSettings } from './schedule.ts'
export {
  chooseLinks,
  DEFAULT_EXCLUDED_INTERFACES,
  isUsed,
  LINK_REFUSALS,
  nameMatcher,
  type LinkChoice,
  type LinkRefusal,
  type NotAnExpression,
} from './select-links.ts'
export { electOwners, holdDown, type ElectionRequest, type Presence, type Spreading } from './elect-owners.ts'
export { electAll, type Contest, type ElectionRules, type Electorate } from './electorate.ts'
export {
  INITIAL_TENURES,
  stepTenures,
  type Holder,
  type Ownership,
  type Tenure,
  type TenureSettings,
  type TenureState,
  type TenureStep,
  type TenureView,
} from './tenure.ts'
