import { ByteReader, ByteWriter, ShortReadError } from '@metallb-ts/netip'
import type { CodecContext } from './attributes.ts'
import { HEADER_LENGTH, MAX_EXTENDED_LENGTH, MAX_MESSAGE_LENGTH, MESSAGE_TYPES } from './constants.ts'
import { decodeNotification, ERRORS, type Notification } from './notification.ts'
import { decodeOpen, encodeOpen, type Open } from './open.ts'
import { decodeUpdate, encodeUpdate, type Update } from './update.ts'

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

export type Message = Open | Update | Notification | Keepalive | RouteRefresh

export const KEEPALIVE: Keepalive = { type: 'keepalive' }

/** A whole message, header included. A message over the limit is the caller's mistake and throws a RangeError. */
export function encodeMessage(message: Message, context: CodecContext): Uint8Array {
  const to = new ByteWriter({ limit: MAX_EXTENDED_LENGTH, initial: message.type === 'update' ? 256 : 64 })
  to.u32(0xffff_ffff).u32(0xffff_ffff).u32(0xffff_ffff).u32(0xffff_ffff).u16(0).u8(MESSAGE_TYPES[message.type])
  encodeBody(message, context, to)
  return to.patchU16(16, to.length).finish()
}

export type Decoded =
  | { readonly ok: true; readonly message: Message }
  /** `notification` is ready to be sent. */
  | { readonly ok: false; readonly notification: Notification }

/** The message in the bytes of one frame, header included. Never throws, whatever the bytes. */
export function decodeMessage(frame: Uint8Array, context: CodecContext): Decoded {
  const type = frame[18] ?? 0
  const body = new ByteReader(frame.subarray(HEADER_LENGTH))
  try {
    const message = decodeBody(type, body, context)
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

/** Cuts a stream of bytes into frames, judging headers before a body is waited for. */
export class Framer {
  #held: Uint8Array = new Uint8Array(0)
  #limit = MAX_MESSAGE_LENGTH

  /** From now on messages may have 65535 octets (RFC 8654). */
  allowExtended(): void {
    this.#limit = MAX_EXTENDED_LENGTH
  }

  /** Whole frames of what has come, in order, then the error that ends the stream if there is one. */
  push(chunk: Uint8Array): { readonly frames: readonly Uint8Array[]; readonly error?: Notification } {
    const bytes = this.#held.length === 0 ? chunk : join(this.#held, chunk)
    const frames: Uint8Array[] = []
    let at = 0
    while (bytes.length - at >= HEADER_LENGTH) {
      const length = (bytes[at + 16]! << 8) | bytes[at + 17]!
      const error = this.#headerError(bytes, at, length)
      if (error !== undefined) return { frames, error }
      if (bytes.length - at < length) break
      frames.push(bytes.subarray(at, at + length))
      at += length
    }
    this.#held = bytes.slice(at)
    return { frames }
  }

  /** RFC 4271 §6.1 */
  #headerError(bytes: Uint8Array, at: number, length: number): Notification | undefined {
    for (let i = 0; i < 16; i++) if (bytes[at + i] !== 0xff) return ERRORS.notSynchronized()
    const type = bytes[at + 18]!
    const bounds = LENGTHS[type]
    if (bounds === undefined) return length < HEADER_LENGTH ? ERRORS.badLength(length) : ERRORS.badType(type)
    const most = Math.min(bounds.most ?? this.#limit, this.#limit)
    return length < bounds.least || length > most ? ERRORS.badLength(length) : undefined
  }
}

/** RFC 4271 §4, RFC 2918 §3; OPEN and KEEPALIVE never grow (RFC 8654 §4). */
const LENGTHS: Readonly<Record<number, { readonly least: number; readonly most?: number }>> = {
  [MESSAGE_TYPES.open]: { least: 29, most: MAX_MESSAGE_LENGTH },
  [MESSAGE_TYPES.update]: { least: 23 },
  [MESSAGE_TYPES.notification]: { least: 21 },
  [MESSAGE_TYPES.keepalive]: { least: 19, most: 19 },
  [MESSAGE_TYPES['route-refresh']]: { least: 23 },
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

function decodeBody(type: number, body: ByteReader, context: CodecContext): Message | undefined {
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
      return { type: 'route-refresh', afi, subtype, safi: body.u8() }
    }
    default:
      return undefined
  }
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length)
  joined.set(a)
  joined.set(b, a.length)
  return joined
}
