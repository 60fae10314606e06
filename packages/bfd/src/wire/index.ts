export { type Authentication, type DigestKind } from './authentication.ts'
export { decodeControl, encodeControl, STATE_NAMES, type ControlPacket, type StateName } from './control-packet.ts'
export { diagnosticName, DIAGNOSTICS, type DiagnosticName } from './diagnostic.ts'
export { decodeEcho, encodeEcho, type EchoPacket } from './echo-packet.ts'
