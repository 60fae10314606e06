export {
  decodeAttribute,
  encodeAttribute,
  type AsSegment,
  type CodecContext,
  type PathAttribute,
  type Penalty,
  type UpdateIssue,
} from './attributes.ts'
export { decodeCapability, encodeCapability, unicast, type Capability, type RestartFamily } from './capabilities.ts'
export { AFI, AS_TRANS, HEADER_LENGTH, MAX_EXTENDED_LENGTH, MAX_MESSAGE_LENGTH, SAFI_UNICAST } from './constants.ts'
export {
  decodeMessage,
  encodeMessage,
  Framer,
  KEEPALIVE,
  type Decoded,
  type Keepalive,
  type Message,
  type RouteRefresh,
} from './message.ts'
export { decodePrefixes, encodePrefix, prefixOctets } from './nlri.ts'
export { ERRORS, explainNotification, notification, type Notification } from './notification.ts'
export { type Open } from './open.ts'
export { gravest, type Update } from './update.ts'
