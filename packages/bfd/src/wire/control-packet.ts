import { ByteReader, ByteWriter } from '@metallb-ts/netip'
import { failed, ok, type Result } from '@metallb-ts/runtime'
import type { DiscardReason } from '../discard.ts'
import { readAuthentication, writeAuthentication, type Authentication } from './authentication.ts'

/** A BFD control packet (RFC 5880 §4.1), the payload of one UDP datagram. Intervals in microseconds, as on the wire. */
export interface ControlPacket {
  /** Why the sender's session last went down; see `diagnosticName`. 0 to 31. */
  readonly diagnostic: number
  readonly state: StateName
  readonly isPoll: boolean
  readonly isFinal: boolean
  /** The sender's BFD outlives a restart of what it runs beside. */
  readonly isControlPlaneIndependent: boolean
  /** The sender wants no periodic packets while both are up. */
  readonly isDemand: boolean
  /** 1 to 255 */
  readonly detectMultiplier: number
  /** Not 0. */
  readonly myDiscriminator: number
  /** 0: the sender has not heard us, or not lately. */
  readonly yourDiscriminator: number
  readonly desiredMinTxUs: number
  /** 0: no periodic packets, please. */
  readonly requiredMinRxUs: number
  /** 0: no echo, please. */
  readonly requiredMinEchoRxUs: number
  readonly authentication?: Authentication
}

export type StateName = (typeof STATE_NAMES)[number]

/** By their number on the wire. */
export const STATE_NAMES = ['admin-down', 'down', 'init', 'up'] as const

export function encodeControl(packet: ControlPacket): Uint8Array {
  const to = new ByteWriter({ limit: LENGTH_LIMIT, initial: MINIMUM_LENGTH })
  to.u8((VERSION << 5) | packet.diagnostic)
  to.u8((STATE_NAMES.indexOf(packet.state) << 6) | flagsOf(packet))
  to.u8(packet.detectMultiplier).u8(0)
  to.u32(packet.myDiscriminator).u32(packet.yourDiscriminator)
  to.u32(packet.desiredMinTxUs).u32(packet.requiredMinRxUs).u32(packet.requiredMinEchoRxUs)
  if (packet.authentication !== undefined) writeAuthentication(packet.authentication, to)
  return to.patchU8(LENGTH_OFFSET, to.length).finish()
}

/** The checks of RFC 5880 §6.8.6 that need no session, in its order. Never throws, whatever the bytes. */
export function decodeControl(payload: Uint8Array): Result<ControlPacket, DiscardReason> {
  if (payload.length < MINIMUM_LENGTH) return failed('payload-too-short')
  const [first, second, detectMultiplier, length] = payload as unknown as [number, number, number, number]
  if (first >> 5 !== VERSION) return failed('bad-version')
  const hasAuthentication = (second & FLAGS.authentication) !== 0
  if (length < (hasAuthentication ? MINIMUM_WITH_AUTHENTICATION : MINIMUM_LENGTH)) return failed('length-below-minimum')
  if (length > payload.length) return failed('length-beyond-payload')
  if (detectMultiplier === 0) return failed('zero-detect-multiplier')
  if ((second & FLAGS.multipoint) !== 0) return failed('multipoint')
  const from = new ByteReader(payload.subarray(DISCRIMINATORS_OFFSET, length))
  const myDiscriminator = from.u32()
  if (myDiscriminator === 0) return failed('zero-my-discriminator')
  return ok({
    diagnostic: first & 0x1f,
    state: STATE_NAMES[second >> 6]!,
    isPoll: (second & FLAGS.poll) !== 0,
    isFinal: (second & FLAGS.final) !== 0,
    isControlPlaneIndependent: (second & FLAGS.controlPlaneIndependent) !== 0,
    isDemand: (second & FLAGS.demand) !== 0,
    detectMultiplier,
    myDiscriminator,
    yourDiscriminator: from.u32(),
    desiredMinTxUs: from.u32(),
    requiredMinRxUs: from.u32(),
    requiredMinEchoRxUs: from.u32(),
    ...(hasAuthentication && { authentication: readAuthentication(from) }),
  })
}

const VERSION = 1
const MINIMUM_LENGTH = 24
const MINIMUM_WITH_AUTHENTICATION = 26
const LENGTH_LIMIT = 255
const LENGTH_OFFSET = 3
const DISCRIMINATORS_OFFSET = 4

const FLAGS = {
  poll: 0x20,
  final: 0x10,
  controlPlaneIndependent: 0x08,
  authentication: 0x04,
  demand: 0x02,
  multipoint: 0x01,
}

function flagsOf(packet: ControlPacket): number {
  return (
    (packet.isPoll ? FLAGS.poll : 0) |
    (packet.isFinal ? FLAGS.final : 0) |
    (packet.isControlPlaneIndependent ? FLAGS.controlPlaneIndependent : 0) |
    (packet.authentication === undefined ? 0 : FLAGS.authentication) |
    (packet.isDemand ? FLAGS.demand : 0)
  )
}
