import { ByteReader, ByteWriter, ShortReadError } from '@metallb-ts/netip'
import type { CodecContext } from './attributes.ts'
import { HEADER_LENGTH, MAX_EXTENDED_LENGTH, MESSAGE_TYPES } from './constants.ts'
import { decodeNotification, ERRORS, type Notification } from './notification.ts'
import { decodeOpen, encodeOpen, type Open } from './open.ts'
import { plainBytes } from './plain-bytes.ts'
import { decodeUpdate, encodeUpdate, type Update } from './update.ts'

/** RFC 4271 §4.4: a header and nothing else. */
export interface Keepalive {
  readonly type: 'keepalive'
}

/** RFC 2918 §3; `subtype` is RFC 7313's demarcation: 0 a request, 1 the beginning, 2 the end. */
export interface RouteRefresh {
  readonly type: 'route-refresh'
  readonly afi: number
  readonly safi: number
  readonly subtype: number
}

/** Any message of BGP-4. */
export type Message = Open | Update | Notification | Keepalive | RouteRefresh

/** The one KEEPALIVE there is (RFC 4271 §4.4). */
export const KEEPALIVE: Keepalive = { type: 'keepalive' }

/** A whole message, header included. A message over the limit is the caller's mistake and throws a RangeError. */
export function encodeMessage(message: Message, context: CodecContext): Uint8Array {
  const to = new ByteWriter({ limit: MAX_EXTENDED_LENGTH, initial: message.type === 'update' ? 256 : 64 })
  to.u32(0xffff_ffff).u32(0xffff_ffff).u32(0xffff_ffff).u32(0xffff_ffff).u16(0).u8(MESSAGE_TYPES[message.type])
  encodeBody(message, context, to)
  return to.patchU16(16, to.length).finish()
}

/** A message, or why the session cannot go on. */
export type Decoded =
  | { readonly ok: true; readonly message: Message }
  /** `notification` is ready to be sent. */
  | { readonly ok: false; readonly notification: Notification }

/** The message in the bytes of one frame, header included. Never throws, whatever the bytes. */
export function decodeMessage(frame: Uint8Array, context: CodecContext): Decoded {
  const bytes = plainBytes(frame)
  const type = bytes[18] ?? 0
  const body = new ByteReader(bytes.subarray(HEADER_LENGTH))
  try {
    const message = decodeBody(type, body, context, bytes)
    if (message === undefined) return { ok: false, notification: ERRORS.badType(type) }
    const isAnswer = message.type === 'notification' && type !== MESSAGE_TYPES.notification
    return isAnswer ? { ok: false, notification: message } : { ok: true, message }
  } catch (error) {
    if (!(error instanceof ShortReadError)) throw error
    return {
      ok: false,
      notification: type === MESSAGE_TYPES.open ? ERRORS.malformedOpen() : ERRORS.badLength(frame.length),
    }
  }
}

function encodeBody(message: Message, context: CodecContext, to: ByteWriter): void {
  switch (message.type) {
    case 'open':
      return encodeOpen(message, to)
    case 'update':
      return encodeUpdate(message, context, to)
    case 'notification':
      return void to.u8(message.code).u8(message.subcode).bytes(message.data)
    case 'route-refresh':
      return void to.u16(message.afi).u8(message.subtype).u8(message.safi)
    case 'keepalive':
  }
}

function decodeBody(type: number, body: ByteReader, context: CodecContext, frame: Uint8Array): Message | undefined {
  switch (type) {
    case MESSAGE_TYPES.open:
      return decodeOpen(body)
    case MESSAGE_TYPES.update:
      return decodeUpdate(body, context)
    case MESSAGE_TYPES.notification:
      return decodeNotification(body)
    case MESSAGE_TYPES.keepalive:
      return KEEPALIVE
    case MESSAGE_TYPES['route-refresh']: {
      const afi = body.u16()
      const subtype = body.u8()
      const safi = body.u8()
      // RFC 7313 §5; longer requests carry outbound filters, which nobody agreed on, and stay requests.
      if ((subtype === 1 || subtype === 2) && body.remaining > 0) return ERRORS.badRefreshLength(frame)
      return { type: 'route-refresh', afi, subtype, safi }
    }
    default:
      return undefined
  }
}
