export { type Holdings } from './holdings.ts'
export { decodeHoldings, encodeHoldings, type Holding, type HoldingsMessage } from './holdings-wire.ts'
export { type MembershipEvents } from './events.ts'
export {
  createMembership,
  type Cipher,
  type Datagrams,
  type Membership,
  type MembershipComponents,
  type MembershipCounters,
  type MembershipInit,
  type PeerAddress,
} from './membership.ts'
export { PROFILES, type Profile } from './profile.ts'
export { decodeHeartbeat, encodeHeartbeat, nameHash, type Heartbeat } from './wire.ts'
