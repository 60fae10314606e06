export { hideLongAsns, mergeAs4 } from './as4.ts'
export {
  decodeAttribute,
  encodeAttribute,
  issueNotification,
  passOn,
  type AsSegment,
  type AttributeReading,
  type CodecContext,
  type IssueReason,
  type MpReach,
  type MpUnreach,
  type PathAttribute,
  type Penalty,
  type UpdateIssue,
} from './attributes.ts'
export {
  decodeCapability,
  encodeCapability,
  unicast,
  type AddPathTuple,
  type Capability,
  type LongLivedFamily,
  type NextHopTuple,
  type RestartFamily,
} from './capabilities.ts'
export {
  AFI,
  AS_TRANS,
  familyOf,
  HEADER_LENGTH,
  MAX_EXTENDED_LENGTH,
  MAX_MESSAGE_LENGTH,
  MESSAGE_TYPES,
  SAFI_UNICAST,
} from './constants.ts'
export { Framer } from './framer.ts'
export {
  decodeMessage,
  encodeMessage,
  KEEPALIVE,
  type Decoded,
  type Keepalive,
  type Message,
  type RouteRefresh,
} from './message.ts'
export { decodePrefixes, encodePrefix, prefixOctets, type NlriPrefix } from './nlri.ts'
export { ERRORS, explainNotification, notification, shutdownMessage, type Notification } from './notification.ts'
export { type Open } from './open.ts'
export { decodeUpdate, endOfRibFamily, gravest, type Update } from './update.ts'
