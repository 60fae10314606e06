export { AdjRibOut, type PendingChanges, type RouteGroup } from './adj-rib-out.ts'
export { explainClose, type CloseReason, type NotificationFacts, type SendReason } from './close-reason.ts'
export { type BgpEvents } from './events.ts'
export { type Negotiated } from './negotiate.ts'
export { Peer, type PeerComponents, type PeerCounters } from './peer.ts'
export { peerChange, type PeerChange, type PeerInit } from './peer-init.ts'
export {
  attributesKey,
  mergeAttributes,
  routeKey,
  WELL_KNOWN_COMMUNITIES,
  type LargeCommunity,
  type Route,
  type RouteAttributes,
} from './route.ts'
export { type StateName } from './session.ts'
export { createSpeaker, type SourcedRoute, type Speaker, type SpeakerInit } from './speaker.ts'
export { type Connection, type ConnectionHandlers, type DialOptions, type Transport } from './transport.ts'
