export { type PendingReason, type RibEntry } from './adj-rib-out.ts'
export { type SourcedRoute } from './announced-routes.ts'
export { explainClose, type CloseReason, type NotificationFacts, type SendReason } from './close-reason.ts'
export { type Discovery } from './discovery.ts'
export { type BgpEvents } from './events.ts'
export { type LocalRestart, type Negotiated, type Role } from './negotiate.ts'
export { type Peer } from './peer.ts'
export { type PeerComponents } from './peer-components.ts'
export { type PeerCounters } from './peer-counters.ts'
export { PcapEncoder, pcapHeader, type ConnectionEnds, type PassedMessage } from './pcap.ts'
export { peerChange, type PeerChange, type PeerInit, type PeerKey } from './peer-init.ts'
export { type LastErrors } from './peer-report.ts'
export { type PeerRestart, type RestartHelp, type RestartTerms } from './peer-restart.ts'
export { type PeerSurroundings } from './peer-settings.ts'
export { type ReceivedRoutes, type RejectReason } from './received.ts'
export { type ReceivedChange } from './received-side.ts'
export { type RetainedChange } from './retained-routes.ts'
export { type SweepReason } from './retention.ts'
export {
  attributesKey,
  linkBandwidth,
  mergeAttributes,
  routeKey,
  WELL_KNOWN_COMMUNITIES,
  type LargeCommunity,
  type Route,
  type RouteAttributes,
} from './route.ts'
export { type StateName } from './session-state.ts'
export {
  createSpeaker,
  type PathOptions,
  type PathState,
  type Speaker,
  type SpeakerComponents,
  type SpeakerInit,
  type StopOptions,
} from './speaker.ts'
export {
  type Connection,
  type ConnectionHandlers,
  type DialOptions,
  type ListenKey,
  type ListenOptions,
  type Transport,
} from './transport.ts'
