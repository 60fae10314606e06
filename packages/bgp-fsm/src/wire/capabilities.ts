import { ByteReader, ByteWriter, type Family } from '@metallb-ts/netip'
import { AFI, SAFI_UNICAST } from './constants.ts'

/** What an OPEN offers, RFC 5492. Numbers that we do not know stay as bytes. */
export type Capability =
  | { readonly kind: 'multiprotocol'; readonly afi: number; readonly safi: number }
  | { readonly kind: 'route-refresh' }
  | {
      readonly kind: 'extended-next-hop'
      readonly tuples: readonly { readonly afi: number; readonly safi: number; readonly nextHopAfi: number }[]
    }
  | { readonly kind: 'extended-message' }
  | {
      readonly kind: 'graceful-restart'
      readonly restarting: boolean
      readonly notification: boolean
      readonly seconds: number
      readonly families: readonly RestartFamily[]
    }
  | { readonly kind: 'four-octet-as'; readonly asn: number }
  | { readonly kind: 'enhanced-route-refresh' }
  | { readonly kind: 'unknown'; readonly code: number; readonly value: Uint8Array }

export interface RestartFamily {
  readonly afi: number
  readonly safi: number
  /** The forwarding state was kept. */
  readonly preserved: boolean
}

export function unicast(family: Family): Capability {
  return { kind: 'multiprotocol', afi: AFI[family], safi: SAFI_UNICAST }
}

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

/** One capability's value; the wrong length for its code leaves it unknown, for it then says nothing we can use. */
export function decodeCapability(code: number, value: Uint8Array): Capability {
  const row = BY_CODE.get(code)
  return row?.decode(value) ?? { kind: 'unknown', code, value: value.slice() }
}

type Known = Exclude<Capability, { kind: 'unknown' }>

interface Row<Kind extends Known['kind']> {
  readonly code: number
  readonly encode: (capability: Extract<Known, { kind: Kind }>, to: ByteWriter) => void
  readonly decode: (value: Uint8Array) => Extract<Known, { kind: Kind }> | undefined
}

/** One row per number. A capability without a row does not compile. */
const ROWS: { readonly [Kind in Known['kind']]: Row<Kind> } = {
  multiprotocol: {
    code: 1, // RFC 4760 §8
    encode: ({ afi, safi }, to) => void to.u16(afi).u8(0).u8(safi),
    decode: value => (value.length === 4 ? { kind: 'multiprotocol', afi: u16(value, 0), safi: value[3]! } : undefined),
  },
  'route-refresh': {
    code: 2, // RFC 2918 §2
    encode: () => {},
    decode: value => (value.length === 0 ? { kind: 'route-refresh' } : undefined),
  },
  'extended-next-hop': {
    code: 5, // RFC 8950 §4
    encode: ({ tuples }, to) => {
      for (const { afi, safi, nextHopAfi } of tuples) to.u16(afi).u16(safi).u16(nextHopAfi)
    },
    decode: value => {
      if (value.length % 6 !== 0) return undefined
      const reader = new ByteReader(value)
      const tuples = Array.from({ length: value.length / 6 }, () => ({
        afi: reader.u16(),
        safi: reader.u16(),
        nextHopAfi: reader.u16(),
      }))
      return { kind: 'extended-next-hop', tuples }
    },
  },
  'extended-message': {
    code: 6, // RFC 8654 §3
    encode: () => {},
    decode: value => (value.length === 0 ? { kind: 'extended-message' } : undefined),
  },
  'graceful-restart': {
    code: 64, // RFC 4724 §3, RFC 8538 §2
    encode: ({ restarting, notification, seconds, families }, to) => {
      to.u16((restarting ? 0x8000 : 0) | (notification ? 0x4000 : 0) | (seconds & 0xfff))
      for (const { afi, safi, preserved } of families)
        to.u16(afi)
          .u8(safi)
          .u8(preserved ? 0x80 : 0)
    },
    decode: value => {
      if (value.length < 2 || (value.length - 2) % 4 !== 0) return undefined
      const reader = new ByteReader(value)
      const head = reader.u16()
      const families = Array.from({ length: (value.length - 2) / 4 }, () => ({
        afi: reader.u16(),
        safi: reader.u8(),
        preserved: (reader.u8() & 0x80) !== 0,
      }))
      const flags = { restarting: (head & 0x8000) !== 0, notification: (head & 0x4000) !== 0 }
      return { kind: 'graceful-restart', ...flags, seconds: head & 0xfff, families }
    },
  },
  'four-octet-as': {
    code: 65, // RFC 6793 §3
    encode: ({ asn }, to) => void to.u32(asn),
    decode: value => (value.length === 4 ? { kind: 'four-octet-as', asn: new ByteReader(value).u32() } : undefined),
  },
  'enhanced-route-refresh': {
    code: 70, // RFC 7313 §3
    encode: () => {},
    decode: value => (value.length === 0 ? { kind: 'enhanced-route-refresh' } : undefined),
  },
}

const BY_CODE = new Map<number, { decode: (value: Uint8Array) => Capability | undefined }>(
  Object.values(ROWS).map(row => [row.code, row]),
)

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}
