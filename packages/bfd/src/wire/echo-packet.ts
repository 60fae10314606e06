import { ByteReader, ByteWriter } from '@metallb-ts/netip'

/** What we send to ourselves by way of the peer. Its form is the sender's own matter (RFC 5880 §5); this is FRR's. */
export interface EchoPacket {
  readonly myDiscriminator: number
  /** Monotonic milliseconds of the sender. */
  readonly sentAt: number
}

export function encodeEcho({ myDiscriminator, sentAt }: EchoPacket): Uint8Array {
  const microseconds = Math.round(sentAt * 1_000)
  const to = new ByteWriter({ limit: LENGTH, initial: LENGTH }).u8(VERSION).u8(LENGTH).u16(0).u32(myDiscriminator)
  return to
    .u64(BigInt(Math.floor(microseconds / 1e6)))
    .u64(BigInt(microseconds % 1e6))
    .finish()
}

/** Undefined for what is no echo of this form. Never throws, whatever the bytes. */
export function decodeEcho(payload: Uint8Array): EchoPacket | undefined {
  if (payload.length < LENGTH || payload[0] !== VERSION || payload[1] !== LENGTH) return undefined
  const from = new ByteReader(payload)
  from.skip(4)
  const myDiscriminator = from.u32()
  return { myDiscriminator, sentAt: Number(from.u64()) * 1_000 + Number(from.u64()) / 1_000 }
}

const VERSION = 1
const LENGTH = 24
