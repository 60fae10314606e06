import type { ByteReader } from '@metallb-ts/netip'

/** The message that ends a session, RFC 4271 §4.5. */
export interface Notification {
  readonly type: 'notification'
  readonly code: number
  readonly subcode: number
  readonly data: Uint8Array
}

/** A NOTIFICATION by code and subcode (RFC 4271 §4.5). */
export function notification(code: number, subcode: number, data: Uint8Array = EMPTY): Notification {
  return { type: 'notification', code, subcode, data }
}

export function decodeNotification(body: ByteReader): Notification {
  return notification(body.u8(), body.u8(), body.rest().slice())
}

/** Codes and subcodes by name, for those who send them. */
export const ERRORS = {
  notSynchronized: (): Notification => notification(1, 1),
  badLength: (length: number): Notification => notification(1, 2, u16(length)),
  badType: (type: number): Notification => notification(1, 3, Uint8Array.of(type)),
  unsupportedVersion: (): Notification => notification(2, 1, u16(4)),
  badPeerAs: (asn?: number): Notification => notification(2, 2, asn === undefined ? EMPTY : u32(asn)),
  badIdentifier: (): Notification => notification(2, 3),
  unsupportedParameter: (): Notification => notification(2, 4),
  unacceptableHoldTime: (): Notification => notification(2, 6),
  roleMismatch: (): Notification => notification(2, 11),
  unsupportedCapability: (capability: Uint8Array): Notification => notification(2, 7, capability),
  malformedOpen: (): Notification => notification(2, 0),
  malformedAttributes: (attribute: Uint8Array = EMPTY): Notification => notification(3, 1, attribute),
  invalidNetwork: (): Notification => notification(3, 10),
  holdTimerExpired: (): Notification => notification(4, 0),
  sendHoldTimerExpired: (): Notification => notification(8, 0),
  /** RFC 6608 §3: the data is the type of the message that came. */
  unexpectedIn: (state: 'open-sent' | 'open-confirm' | 'established', type: number): Notification =>
    notification(5, FSM_SUBCODES[state], Uint8Array.of(type)),
  fsmError: (): Notification => notification(5, 0),
  /** FRR reads which family and which limit from the data. */
  tooManyPrefixes: (afi: number, limit: number): Notification =>
    notification(6, 1, Uint8Array.of(...u16(afi), 1, ...u32(limit))),
  shutdown: (reason: string = ''): Notification => notification(6, 2, shutdownText(reason)),
  peerRemoved: (): Notification => notification(6, 3),
  reset: (reason: string = ''): Notification => notification(6, 4, shutdownText(reason)),
  rejected: (): Notification => notification(6, 5),
  otherChange: (): Notification => notification(6, 6),
  collision: (): Notification => notification(6, 7),
  outOfResources: (): Notification => notification(6, 8),
  /** RFC 8538 §3: ends the session for good, whatever graceful restart was agreed on. */
  hardReset: ({ code, subcode, data }: Notification): Notification =>
    notification(6, 9, Uint8Array.of(code, subcode, ...data)),
  bfdDown: (): Notification => notification(6, 10), // RFC 9384 §3
  /** RFC 7313 §5: the data is the whole message. */
  badRefreshLength: (message: Uint8Array): Notification => notification(7, 1, message.slice()),
} as const

/** In words, with the text of RFC 9003 where there is one, and what a hard reset wraps (RFC 8538 §3). */
export function explainNotification({ code, subcode, data }: Notification): string {
  const name = `${CODE_NAMES[code] ?? `code ${code}`}, ${SUBCODE_NAMES[code]?.[subcode] ?? `subcode ${subcode}`}`
  const head = `${name} (${code}/${subcode})`
  if (code !== 6) return head
  if (subcode === 9 && data.length >= 2)
    return `${head}: ${explainNotification(notification(data[0]!, data[1]!, data.subarray(2)))}`
  const text = subcode === 2 || subcode === 4 ? shutdownMessage(data) : ''
  return text === '' ? head : `${head}: ${text}`
}

/** The text of an administrative shutdown or reset, safe to log; in hexadecimal when its length lies (RFC 9003 §2). */
export function shutdownMessage(data: Uint8Array): string {
  if (data.length === 0) return ''
  const length = data[0]!
  if (length > data.length - 1) return hex(data)
  try {
    return escaped(new TextDecoder('utf-8', { fatal: true }).decode(data.subarray(1, 1 + length)))
  } catch {
    return hex(data)
  }
}

const EMPTY = new Uint8Array(0)

const FSM_SUBCODES = { 'open-sent': 1, 'open-confirm': 2, established: 3 } as const // RFC 6608 §3

const CODE_NAMES: Readonly<Record<number, string>> = {
  1: 'message header error',
  2: 'OPEN message error',
  3: 'UPDATE message error',
  4: 'hold timer expired',
  5: 'finite state machine error',
  6: 'cease',
  7: 'ROUTE-REFRESH message error',
  8: 'send hold timer expired',
}

const SUBCODE_NAMES: Readonly<Record<number, readonly string[]>> = {
  1: ['unspecific', 'connection not synchronized', 'bad message length', 'bad message type'],
  2: [
    'unspecific',
    'unsupported version number',
    'bad peer AS',
    'bad BGP identifier',
    'unsupported optional parameter',
    'authentication failure',
    'unacceptable hold time',
    'unsupported capability',
    'grouping conflict',
    'subcode 9',
    'subcode 10',
    'role mismatch',
  ],
  3: [
    'unspecific',
    'malformed attribute list',
    'unrecognized well-known attribute',
    'missing well-known attribute',
    'attribute flags error',
    'attribute length error',
    'invalid ORIGIN attribute',
    'AS routing loop',
    'invalid NEXT_HOP attribute',
    'optional attribute error',
    'invalid network field',
    'malformed AS_PATH',
  ],
  4: ['no more said'],
  5: [
    'unspecific',
    'unexpected message in OpenSent',
    'unexpected message in OpenConfirm',
    'unexpected message in Established',
  ],
  6: [
    'unspecific',
    'maximum number of prefixes reached',
    'administrative shutdown',
    'peer de-configured',
    'administrative reset',
    'connection rejected',
    'other configuration change',
    'connection collision resolution',
    'out of resources',
    'hard reset',
    'BFD down',
  ],
  7: ['unspecific', 'invalid message length'],
  8: ['no more said'],
}

const MAX_SHUTDOWN_TEXT = 255 // RFC 9003 §2

function shutdownText(reason: string): Uint8Array {
  if (reason === '') return EMPTY
  const text = new TextEncoder().encode(reason)
  let length = Math.min(text.length, MAX_SHUTDOWN_TEXT)
  while (length > 0 && length < text.length && (text[length]! & 0xc0) === 0x80) length-- // never half a character
  return Uint8Array.of(length, ...text.subarray(0, length))
}

/** RFC 9003 §6: control characters must not reach a log or a terminal. */
function escaped(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, char => `\\u{${char.codePointAt(0)!.toString(16)}}`)
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255)
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value & 255)
}
