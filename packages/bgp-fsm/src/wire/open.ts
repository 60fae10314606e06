import { ByteReader, type ByteWriter } from '@metallb-ts/netip'
import { decodeCapability, encodeCapability, type Capability } from './capabilities.ts'
import { AS_TRANS } from './constants.ts'
import { ERRORS, type Notification } from './notification.ts'

/** RFC 4271 §4.2, with the capabilities of RFC 5492. What it says is judged by `negotiate`, not here. */
export interface Open {
  readonly type: 'open'
  /** The AS number, four octets (RFC 6793 §4.1: the capability's where there is one). */
  readonly asn: number
  /** "My Autonomous System" as it stood on the wire. @default the AS number, or AS_TRANS when that does not fit */
  readonly shortAsn?: number
  /** Seconds, 0 or 3 to 65535 when legal. */
  readonly holdTime: number
  /** BGP identifier, an unsigned 32-bit number, not 0 when legal. */
  readonly routerId: number
  readonly capabilities: readonly Capability[]
}

export function encodeOpen({ asn, shortAsn, holdTime, routerId, capabilities }: Open, to: ByteWriter): void {
  to.u8(VERSION)
    .u16(shortAsn ?? (asn > 0xffff ? AS_TRANS : asn))
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
  const four = capabilities.find(capability => capability.kind === 'four-octet-as')
  return { type: 'open', asn: four?.asn ?? shortAsn, shortAsn, holdTime, routerId, capabilities }
}

const VERSION = 4
const PARAMETER_CAPABILITIES = 2

function decodeParameters(body: ByteReader): Capability[] | Notification {
  let length = body.u8()
  let area = body
  let isExtended = false
  // RFC 9072 §2: 255 and then 255 say that lengths have two octets; 255 and anything else is the classic form.
  if (length === 255 && body.remaining > 0) {
    const rest = body.rest()
    isExtended = rest[0] === 255
    area = new ByteReader(isExtended ? rest.subarray(1) : rest)
    if (isExtended) length = area.u16()
  }
  if (length !== area.remaining) return ERRORS.malformedOpen()
  const capabilities: Capability[] = []
  while (area.remaining > 0) {
    const type = area.u8()
    const value = area.window(isExtended ? area.u16() : area.u8())
    if (type !== PARAMETER_CAPABILITIES) return ERRORS.unsupportedParameter()
    while (value.remaining > 0) {
      const capability = decodeCapability(value.u8(), value.bytes(value.u8()))
      if (capability === undefined) return ERRORS.malformedOpen()
      capabilities.push(capability)
    }
  }
  return capabilities
}
