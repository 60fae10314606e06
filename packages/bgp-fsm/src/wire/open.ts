import { ByteReader, ByteWriter } from '@metallb-ts/netip'
import { decodeCapability, encodeCapability, type Capability } from './capabilities.ts'
import { AS_TRANS } from './constants.ts'
import { ERRORS, type Notification } from './notification.ts'

/** RFC 4271 §4.2, with the capabilities of RFC 5492. */
export interface Open {
  readonly type: 'open'
  /** The AS number, four octets; two of them are AS_TRANS on the wire when it does not fit. */
  readonly asn: number
  /** Seconds, 0 or 3 to 65535. */
  readonly holdTime: number
  /** BGP identifier, an unsigned 32-bit number. */
  readonly routerId: number
  readonly capabilities: readonly Capability[]
}

export function encodeOpen({ asn, holdTime, routerId, capabilities }: Open, to: ByteWriter): void {
  to.u8(VERSION)
    .u16(asn > 0xffff ? AS_TRANS : asn)
    .u16(holdTime)
    .u32(routerId)
  const encoded = capabilities.map(encodeCapability)
  const length = encoded.reduce((sum, bytes) => sum + bytes.length, 0)
  if (length === 0) return void to.u8(0)
  if (length + 2 <= 255) {
    to.u8(length + 2)
      .u8(PARAMETER_CAPABILITIES)
      .u8(length)
  } else {
    to.u8(255)
      .u8(255)
      .u16(length + 3)
      .u8(PARAMETER_CAPABILITIES)
      .u16(length) // RFC 9072 §2
  }
  for (const bytes of encoded) to.bytes(bytes)
}

/** The OPEN, or the NOTIFICATION that answers it. Short bytes throw a ShortReadError for the caller to catch. */
export function decodeOpen(body: ByteReader): Open | Notification {
  if (body.u8() !== VERSION) return ERRORS.unsupportedVersion()
  const shortAsn = body.u16()
  const holdTime = body.u16()
  const routerId = body.u32()
  const capabilities = decodeParameters(body)
  if (!Array.isArray(capabilities)) return capabilities as Notification
  const four = capabilities.findLast(capability => capability.kind === 'four-octet-as')
  const asn = four === undefined ? shortAsn : four.asn
  if (asn === 0 || shortAsn === 0) return ERRORS.badPeerAs() // RFC 7607 §2
  if (routerId === 0) return ERRORS.badIdentifier() // RFC 6286 §2.1
  if (holdTime === 1 || holdTime === 2) return ERRORS.unacceptableHoldTime() // RFC 4271 §6.2
  return { type: 'open', asn, holdTime, routerId, capabilities }
}

const VERSION = 4
const PARAMETER_CAPABILITIES = 2

function decodeParameters(body: ByteReader): Capability[] | Notification {
  let length = body.u8()
  let isExtended = false
  // RFC 9072 §2: 255 and then 255 say that lengths have two octets.
  if (length === 255 && body.remaining > 0) {
    const rest = body.rest()
    isExtended = rest[0] === 255
    body = new ByteReader(rest)
    if (isExtended) {
      body.skip(1)
      length = body.u16()
    }
  }
  if (length !== body.remaining) return ERRORS.malformedOpen()
  const capabilities: Capability[] = []
  while (body.remaining > 0) {
    const type = body.u8()
    const value = body.window(isExtended ? body.u16() : body.u8())
    if (type !== PARAMETER_CAPABILITIES) return ERRORS.unsupportedParameter()
    while (value.remaining > 0) capabilities.push(decodeCapability(value.u8(), value.bytes(value.u8())))
  }
  return capabilities
}
