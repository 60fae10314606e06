import type { Instruction } from '@metallb-ts/linux-net'
import {
  addressBytes,
  addressFromBytes,
  ByteReader,
  ByteWriter,
  macBytes,
  ShortReadError,
  type Address,
  type Mac,
} from '@metallb-ts/netip'

export interface EchoFrame {
  /** The peer: its kernel passes the packet on, back to us. */
  readonly destination: Mac
  readonly source: Mac
  /** Ours, as source and as destination of the packet. */
  readonly address: Address
  readonly ttl: number
}

/** Ethernet, IPv4 and UDP around an echo. */
export function encodeEchoFrame({ destination, source, address, ttl }: EchoFrame, payload: Uint8Array): Uint8Array {
  const own = addressBytes(address)
  const udp = new ByteWriter()
    .u16(ECHO_PORT)
    .u16(ECHO_PORT)
    .u16(UDP_HEADER + payload.length)
    .u16(0)
    .bytes(payload)
  const pseudo = new ByteWriter().bytes(own).bytes(own).u16(PROTOCOL_UDP).u16(udp.length)
  udp.patchU16(UDP_CHECKSUM_AT, checksum(pseudo.finish(), udp.finish()) || 0xffff)
  const ip = new ByteWriter()
    .u8(0x45)
    .u8(CLASS_SELECTOR_6)
    .u16(IP_HEADER + udp.length)
    .u32(0)
  ip.u8(ttl).u8(PROTOCOL_UDP).u16(0).bytes(own).bytes(own)
  ip.patchU16(IP_CHECKSUM_AT, checksum(ip.finish()))
  const frame = new ByteWriter().bytes(macBytes(destination)).bytes(macBytes(source)).u16(ETHERTYPE_IPV4)
  return frame.bytes(ip.finish()).bytes(udp.finish()).finish()
}

/** What came in such a frame; undefined for any other. Never throws, whatever the bytes. */
export function decodeEchoFrame(frame: Uint8Array): ReceivedEcho | undefined {
  try {
    const from = new ByteReader(frame)
    from.skip(ETHERNET_HEADER)
    if (from.u8() !== PLAIN_IPV4) return undefined
    from.skip(1)
    const packetLength = from.u16()
    from.skip(4)
    const ttl = from.u8()
    if (from.u8() !== PROTOCOL_UDP) return undefined
    from.skip(2)
    const [source, destination] = [addressFromBytes(from.bytes(4)), addressFromBytes(from.bytes(4))]
    const udp = from.window(packetLength - IP_HEADER)
    udp.skip(2)
    if (udp.u16() !== ECHO_PORT) return undefined
    const length = udp.u16()
    udp.skip(2)
    return { bytes: udp.bytes(length - UDP_HEADER), source, destination, ttl }
  } catch (error) {
    if (!(error instanceof ShortReadError)) throw error
    return undefined
  }
}

export interface ReceivedEcho {
  readonly bytes: Uint8Array
  readonly source: Address
  readonly destination: Address
  readonly ttl: number
}

/** For the kernel: UDP to the echo port, in one piece and without options, as we send it. */
export function echoFilter(): readonly Instruction[] {
  return [
    ...only(LOAD_OCTET, ETHERNET_HEADER, PLAIN_IPV4, 7),
    ...only(LOAD_HALF, ETHERNET_HEADER + FRAGMENT_AT, 0, 5),
    ...only(LOAD_OCTET, ETHERNET_HEADER + PROTOCOL_AT, PROTOCOL_UDP, 3),
    ...only(LOAD_HALF, ETHERNET_HEADER + IP_HEADER + 2, ECHO_PORT, 1),
    { code: RETURN, jt: 0, jf: 0, k: WHOLE },
    { code: RETURN, jt: 0, jf: 0, k: 0 },
  ]
}

export const ETHERTYPE_IPV4 = 0x0800

const ECHO_PORT = 3_785
const PROTOCOL_UDP = 17
const CLASS_SELECTOR_6 = 0xc0
const PLAIN_IPV4 = 0x45 // version 4, five words of header
const ETHERNET_HEADER = 14
const IP_HEADER = 20
const FRAGMENT_AT = 6
const PROTOCOL_AT = 9
const IP_CHECKSUM_AT = 10
const UDP_HEADER = 8
const UDP_CHECKSUM_AT = 6

// Classic BPF: class, size and mode in one number.
const LOAD_OCTET = 0x30
const LOAD_HALF = 0x28
const JUMP_EQUAL = 0x15
const RETURN = 0x06
const WHOLE = 0xffff

/** Goes on if what is loaded is `value`, else over the next `otherwise` instructions. */
function only(load: number, at: number, value: number, otherwise: number): readonly Instruction[] {
  return [
    { code: load, jt: 0, jf: 0, k: at },
    { code: JUMP_EQUAL, jt: 0, jf: otherwise, k: value },
  ]
}

/** RFC 1071. */
function checksum(...parts: readonly Uint8Array[]): number {
  let sum = 0
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 2) sum += (part[i]! << 8) | (part[i + 1] ?? 0)
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}
