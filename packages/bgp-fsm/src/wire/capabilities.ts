import { ByteReader, ByteWriter, type Family } from '@metallb-ts/netip'
import { AFI, SAFI_UNICAST } from './constants.ts'

/** What an OPEN offers, RFC 5492. Numbers that we do not know stay as bytes. */
export type Capability =
  | { readonly kind: 'multiprotocol'; readonly afi: number; readonly safi: number }
  | { readonly kind: 'route-refresh' }
  /** Code 128, from before RFC 2918; means the same. */
  | { readonly kind: 'old-route-refresh' }
  | { readonly kind: 'extended-next-hop'; readonly tuples: readonly NextHopTuple[] }
  | { readonly kind: 'extended-message' }
  | { readonly kind: 'role'; readonly role: number }
  | {
      readonly kind: 'graceful-restart'
      readonly restarting: boolean
      /** RFC 8538 §2: NOTIFICATIONs are bridged, too. */
      readonly notification: boolean
      /** 0 to 4095. */
      readonly seconds: number
      /** None: the sender only helps others. */
      readonly families: readonly RestartFamily[]
    }
  | { readonly kind: 'four-octet-as'; readonly asn: number }
  | { readonly kind: 'add-path'; readonly tuples: readonly AddPathTuple[] }
  | { readonly kind: 'enhanced-route-refresh' }
  | { readonly kind: 'long-lived-graceful-restart'; readonly families: readonly LongLivedFamily[] }
  | { readonly kind: 'fqdn'; readonly host: string; readonly domain: string }
  | { readonly kind: 'strict-bfd' }
  | { readonly kind: 'unknown'; readonly code: number; readonly value: Uint8Array }

/** Prefixes of one family may have next hops of another (RFC 8950 §4). */
export interface NextHopTuple {
  readonly afi: number
  readonly safi: number
  readonly nextHopAfi: number
}

/** RFC 4724 §3, for one family. */
export interface RestartFamily {
  readonly afi: number
  readonly safi: number
  /** The forwarding state was kept. */
  readonly preserved: boolean
}

/** RFC 7911 §4, for one family. */
export interface AddPathTuple {
  readonly afi: number
  readonly safi: number
  readonly mode: 'receive' | 'send' | 'both'
}

/** RFC 9494 §3, for one family. */
export interface LongLivedFamily extends RestartFamily {
  /** 0 to 2^24-1. */
  readonly staleSeconds: number
}

/** Capability 1 for unicast of one family (RFC 4760 §8). */
export function unicast(family: Family): Capability {
  return { kind: 'multiprotocol', afi: AFI[family], safi: SAFI_UNICAST }
}

/** Code, length and value (RFC 5492 §4). */
export function encodeCapability(capability: Capability): Uint8Array {
  const writer = new ByteWriter()
  if (capability.kind === 'unknown') {
    return writer.u8(capability.code).u8(capability.value.length).bytes(capability.value).finish()
  }
  const row = ROWS[capability.kind]
  const value = new ByteWriter({ limit: 255 })
  ;(row.encode as (capability: Capability, to: ByteWriter) => void)(capability, value)
  return writer.u8(row.code).u8(value.length).bytes(value.finish()).finish()
}

/**
 * One capability's value. The wrong length leaves an optional feature unknown, and so off; undefined when the session
 * cannot be without it (families and the AS number), which answers the OPEN with 2/0.
 */
export function decodeCapability(code: number, value: Uint8Array): Capability | undefined {
  const row = BY_CODE.get(code)
  const known = row?.decode(value)
  if (known !== undefined) return known
  return row?.isVital === true ? undefined : { kind: 'unknown', code, value: value.slice() }
}

type Known = Exclude<Capability, { kind: 'unknown' }>

interface Row<Kind extends Known['kind']> {
  readonly code: number
  readonly isVital?: boolean
  readonly encode: (capability: Extract<Known, { kind: Kind }>, to: ByteWriter) => void
  readonly decode: (value: Uint8Array) => Extract<Known, { kind: Kind }> | undefined
}

/** One row per number. A capability without a row does not compile. */
const ROWS: { readonly [Kind in Known['kind']]: Row<Kind> } = {
  multiprotocol: {
    code: 1, // RFC 4760 §8
    isVital: true,
    encode: ({ afi, safi }, to) => void to.u16(afi).u8(0).u8(safi),
    decode: value => (value.length === 4 ? { kind: 'multiprotocol', afi: u16(value, 0), safi: value[3]! } : undefined),
  },
  'route-refresh': empty(2, 'route-refresh'), // RFC 2918 §2
  'old-route-refresh': empty(128, 'old-route-refresh'),
  'extended-next-hop': {
    code: 5, // RFC 8950 §4
    encode: ({ tuples }, to) => {
      for (const { afi, safi, nextHopAfi } of tuples) to.u16(afi).u16(safi).u16(nextHopAfi)
    },
    decode: value => {
      const tuples = each(value, 6, reader => ({ afi: reader.u16(), safi: reader.u16(), nextHopAfi: reader.u16() }))
      return tuples && { kind: 'extended-next-hop', tuples }
    },
  },
  'extended-message': empty(6, 'extended-message'), // RFC 8654 §3
  role: {
    code: 9, // RFC 9234 §4.1
    encode: ({ role }, to) => void to.u8(role),
    decode: value => (value.length === 1 ? { kind: 'role', role: value[0]! } : undefined),
  },
  'graceful-restart': {
    code: 64, // RFC 4724 §3, RFC 8538 §2
    encode: ({ restarting, notification, seconds, families }, to) => {
      to.u16((restarting ? 0x8000 : 0) | (notification ? 0x4000 : 0) | (seconds & 0xfff))
      for (const { afi, safi, preserved } of families) {
        to.u16(afi)
          .u8(safi)
          .u8(preserved ? 0x80 : 0)
      }
    },
    decode: value => {
      if (value.length < 2) return undefined
      const head = u16(value, 0)
      const families = each(value.subarray(2), 4, reader => ({
        afi: reader.u16(),
        safi: reader.u8(),
        preserved: (reader.u8() & 0x80) !== 0,
      }))
      const flags = { restarting: (head & 0x8000) !== 0, notification: (head & 0x4000) !== 0 }
      return families && { kind: 'graceful-restart', ...flags, seconds: head & 0xfff, families }
    },
  },
  'four-octet-as': {
    code: 65, // RFC 6793 §3
    isVital: true,
    encode: ({ asn }, to) => void to.u32(asn),
    decode: value => (value.length === 4 ? { kind: 'four-octet-as', asn: new ByteReader(value).u32() } : undefined),
  },
  'add-path': {
    code: 69, // RFC 7911 §4
    encode: ({ tuples }, to) => {
      for (const { afi, safi, mode } of tuples)
        to.u16(afi)
          .u8(safi)
          .u8(ADD_PATH_MODES.indexOf(mode) + 1)
    },
    decode: value => {
      const all = each(value, 4, reader => ({
        afi: reader.u16(),
        safi: reader.u8(),
        mode: ADD_PATH_MODES[reader.u8() - 1],
      }))
      // RFC 7911 §4: a tuple with any other mode is ignored, not the capability.
      return all && { kind: 'add-path', tuples: all.filter((one): one is AddPathTuple => one.mode !== undefined) }
    },
  },
  'enhanced-route-refresh': empty(70, 'enhanced-route-refresh'), // RFC 7313 §3
  'long-lived-graceful-restart': {
    code: 71, // RFC 9494 §3
    encode: ({ families }, to) => {
      for (const { afi, safi, preserved, staleSeconds } of families)
        to.u16(afi)
          .u8(safi)
          .u8(preserved ? 0x80 : 0)
          .u24(staleSeconds)
    },
    decode: value => {
      const families = each(value, 7, reader => ({
        afi: reader.u16(),
        safi: reader.u8(),
        preserved: (reader.u8() & 0x80) !== 0,
        staleSeconds: reader.u24(),
      }))
      return families && { kind: 'long-lived-graceful-restart', families }
    },
  },
  fqdn: {
    code: 73,
    encode: ({ host, domain }, to) => {
      for (const text of [host, domain]) {
        const bytes = new TextEncoder().encode(text)
        to.u8(bytes.length).bytes(bytes)
      }
    },
    decode: value => {
      const hostEnd = 1 + (value[0] ?? 255)
      const domainEnd = hostEnd + 1 + (value[hostEnd] ?? 255)
      if (domainEnd !== value.length) return undefined
      const text = (from: number, end: number): string => new TextDecoder().decode(value.subarray(from, end))
      return { kind: 'fqdn', host: text(1, hostEnd), domain: text(hostEnd + 1, domainEnd) }
    },
  },
  'strict-bfd': empty(74, 'strict-bfd'), // draft-ietf-idr-bgp-bfd-strict-mode §3
}

const ADD_PATH_MODES = ['receive', 'send', 'both'] as const

const BY_CODE = new Map<number, { isVital?: boolean; decode: (value: Uint8Array) => Capability | undefined }>(
  Object.values(ROWS).map(row => [row.code, row]),
)

type Empty = 'route-refresh' | 'old-route-refresh' | 'extended-message' | 'enhanced-route-refresh' | 'strict-bfd'

function empty<Kind extends Empty>(code: number, kind: Kind): Row<Kind> {
  return {
    code,
    encode: () => {},
    decode: value => (value.length === 0 ? ({ kind } as Extract<Known, { kind: Kind }>) : undefined),
  }
}

function each<Made>(value: Uint8Array, width: number, make: (reader: ByteReader) => Made): Made[] | undefined {
  if (value.length % width !== 0) return undefined
  const reader = new ByteReader(value)
  return Array.from({ length: value.length / width }, () => make(reader))
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}
