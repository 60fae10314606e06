export { judgeWrite, type AdmissionVerdict, type ConfigKind, type ProposedWrite } from './admission.ts'
export { disjointPools } from './allocation-request-disjoint.ts'
export { explainRequestProblem, type NotOurs, type RequestProblem } from './allocation-request-problem.ts'
export { currentAddresses, readRequest, type RequestReading, type RequestRules } from './allocation-request.ts'
export { EMPTY_CONFIG, readConfig, type Config, type ConfigReading, type ConfigResources } from './config.ts'
export {
  explainForeignInstallation,
  foreignWriter,
  isAtWork,
  lastForeignWrite,
  type AddressWriter,
  type ForeignInstallation,
  type ManagedFields,
} from './foreign-installations.ts'
export { type PoolConfig, type ServiceAllocationConfig } from './pools.ts'
export { explainProblem, type ConfigProblem, type ConfigProblemCode, type ObjectName } from './problem.ts'
export { reasonOf, timestamp, withCondition, withoutCondition, type Finding } from './status-condition.ts'
export { configurationStatus } from './status-configuration.ts'
export { type ServiceEvent } from './status-events.ts'
export { available, poolCounters } from './status-pool.ts'
export {
  ADDRESS_CONDITION,
  leavingAddresses,
  serviceOutcome,
  type ServiceOutcome,
  type ServicePatch,
} from './status.ts'
export { type ContestedAddress, type Layer2Announcement } from './announce-layer2.ts'
export { announcements, type AnnouncementInput, type Announcements, type OwnerFacts } from './announcements.ts'
export { ANNOUNCED_CONDITION, announcedCondition, type Spoken, type SpokenInput } from './announced-condition.ts'
export { bfdWatches, type BfdCaution, type BfdRefusal, type BfdWatch, type BfdWatches } from './bfd-watches.ts'
export { type BgpAdvertisementConfig } from './bgp-advertisements.ts'
export { type PeerConfig } from './bgp-peers.ts'
export { candidates, living, type CandidateRules } from './candidates.ts'
export {
  drainFinding,
  drainView,
  NOT_DRAINED,
  stepDrain,
  type DrainEffect,
  type DrainInput,
  type DrainState,
  type DrainTimer,
  type DrainView,
} from './drain.ts'
export { canServe, servingEndpoints, type ServingEndpoints } from './endpoints.ts'
export { type L2AdvertisementConfig } from './l2-advertisements.ts'
export { nodeFacts, type DrainWish, type NodeFacts } from './nodes.ts'
export { nodePeers, type NodePeers, type PeerRefusal } from './peers.ts'
export { prefixText, routesOnTheWire, type RoutesOnTheWire, type SessionView } from './session-silences.ts'
export { sessionStatus, type SessionFacts } from './session-status.ts'
export { speakingOrder } from './speaking-order.ts'
export { matchesAny, matchesSelector, type Labels } from './selectors.ts'
export { explainIneligibility, explainSilence, type Silence, type SilenceCode } from './silence.ts'
