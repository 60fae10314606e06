export {
  createBfd,
  createBfdSession,
  type Bfd,
  type BfdComponents,
  type BfdInit,
  type BfdSession,
  type OpenProblem,
  type SessionHandle,
} from './bfd.ts'
export { type Discards, type SessionCounters } from './counters.ts'
export { Demultiplexer, type Addressee, type Discarded, type UnknownTtl } from './demultiplexer.ts'
export { DISCARD_REASONS, type DiscardReason } from './discard.ts'
export { isPathFailure, type BfdEvents } from './events.ts'
export { type Move, type SessionTiming } from './live-session.ts'
export { pathKey, type BfdPath, type MultihopPath, type PathKind, type SessionKey, type SingleHopPath } from './path.ts'
export { DEFAULT_PROFILE, type BfdProfile, type CompleteProfile } from './profile.ts'
export {
  initialSession,
  stepSession,
  type MoveCause,
  type SessionAnswer,
  type SessionEffect,
  type SessionInput,
  type SessionTimer,
} from './session.ts'
export { type PeerView, type SessionSettings, type SessionState } from './session-state.ts'
export { explainSight, lastSight, type Sight } from './sight.ts'
export {
  type Arrival,
  type BfdTransport,
  type ControlDatagram,
  type Datagram,
  type EchoDatagram,
  type Listener,
  type ListenOptions,
  type Sender,
  type SendOptions,
  type TransportProblem,
} from './transport.ts'
export { diagnosticName, DIAGNOSTICS, type ControlPacket, type DiagnosticName, type StateName } from './wire/index.ts'
