import { addressBytes, ByteWriter, type Address } from '@metallb-ts/netip'
import { internetChecksum } from './internet-checksum.ts'

/** A message that passed, as it stood on the wire. */
export interface PassedMessage {
  readonly peer: string
  readonly direction: 'sent' | 'received'
  /** Header and all; valid until the receiver returns. */
  readonly bytes: Uint8Array
  /** The connection, one object as long as it lives. */
  readonly ends: ConnectionEnds
}

/** Both ends of the connection that a message went over. */
export interface ConnectionEnds {
  readonly localAddress: Address
  readonly remoteAddress: Address
}

/** What a capture file begins with: version 2.4, microseconds, packets that begin with their IP header. */
export function pcapHeader(): Uint8Array {
  return new ByteWriter().u32(0xa1b2_c3d4).u16(2).u16(4).u32(0).u32(0).u32(SNAP_LENGTH).u32(LINKTYPE_RAW).finish()
}

/**
 * Dresses messages as TCP segments for who reads captures. Octets, order and addresses are those of the wire; ports,
 * sequence numbers and the bounds of segments are made up: the peer's port is 179, ours differs by connection.
 */
export class PcapEncoder {
  readonly #flows = new WeakMap<ConnectionEnds, Flow>()
  #connections = 0

  /** The packets of one message. @param wallTime milliseconds since 1970 */
  encode({ direction, bytes, ends }: PassedMessage, wallTime: number): Uint8Array {
    const flow = this.#flow(ends)
    const to = new ByteWriter({ limit: 2 * SNAP_LENGTH, initial: bytes.length + 128 })
    for (let at = 0; at < bytes.length; at += MOST_PAYLOAD) {
      const payload = bytes.subarray(at, at + MOST_PAYLOAD)
      const packet = direction === 'sent' ? sentPacket(ends, flow, payload) : receivedPacket(ends, flow, payload)
      const micros = Math.round(wallTime * 1_000)
      to.u32(Math.floor(micros / 1_000_000)).u32(micros % 1_000_000)
      to.u32(packet.length).u32(packet.length).bytes(packet)
      flow[direction] = (flow[direction] + payload.length) >>> 0
    }
    return to.finish()
  }

  #flow(ends: ConnectionEnds): Flow {
    const known = this.#flows.get(ends)
    if (known !== undefined) return known
    const flow = { port: FIRST_PORT + (this.#connections++ % PORTS), sent: 1, received: 1 }
    this.#flows.set(ends, flow)
    return flow
  }
}

/** `sent` and `received` are the sequence numbers that come next. */
interface Flow {
  readonly port: number
  sent: number
  received: number
}

const LINKTYPE_RAW = 101
const SNAP_LENGTH = 0x4_0000
const BGP_PORT = 179
const FIRST_PORT = 49_152
const PORTS = 16_384
const MOST_PAYLOAD = 65_000 // an extended message and its headers are more than one IP packet holds
const TCP = 6
const TCP_HEADER = 20
const PUSH_ACK = 0x18
const WINDOW = 0xffff

function sentPacket({ localAddress, remoteAddress }: ConnectionEnds, flow: Flow, payload: Uint8Array): Uint8Array {
  const head = tcpHeader(flow.port, BGP_PORT, flow.sent, flow.received)
  return ipPacket(localAddress, remoteAddress, head, payload)
}

function receivedPacket({ localAddress, remoteAddress }: ConnectionEnds, flow: Flow, payload: Uint8Array): Uint8Array {
  const head = tcpHeader(BGP_PORT, flow.port, flow.received, flow.sent)
  return ipPacket(remoteAddress, localAddress, head, payload)
}

function tcpHeader(source: number, destination: number, sequence: number, acknowledged: number): ByteWriter {
  const head = new ByteWriter().u16(source).u16(destination).u32(sequence).u32(acknowledged)
  return head.u8((TCP_HEADER / 4) << 4).u8(PUSH_ACK).u16(WINDOW).u16(0).u16(0) // prettier-ignore
}

function ipPacket(source: Address, destination: Address, tcp: ByteWriter, payload: Uint8Array): Uint8Array {
  const length = TCP_HEADER + payload.length
  const addresses = new ByteWriter().bytes(addressBytes(source)).bytes(addressBytes(destination)).finish()
  const pseudo = new ByteWriter().u32(length).u32(TCP).finish()
  tcp.patchU16(16, internetChecksum(addresses, pseudo, tcp.finish(), payload))
  const head = source.family === 'ipv4' ? ipv4Header(addresses, length) : ipv6Header(addresses, length)
  const packet = new ByteWriter({ limit: SNAP_LENGTH, initial: head.length + length })
  return packet.bytes(head).bytes(tcp.finish()).bytes(payload).finish()
}

function ipv4Header(addresses: Uint8Array, length: number): Uint8Array {
  const to = new ByteWriter().u16(0x45c0).u16(20 + length).u16(0).u16(0x4000) // prettier-ignore
  to.u8(64).u8(TCP).u16(0).bytes(addresses)
  return to.patchU16(10, internetChecksum(to.finish())).finish()
}

function ipv6Header(addresses: Uint8Array, length: number): Uint8Array {
  return new ByteWriter().u32(0x6c00_0000).u16(length).u8(TCP).u8(64).bytes(addresses).finish()
}
