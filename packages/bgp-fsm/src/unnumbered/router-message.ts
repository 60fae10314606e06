import { address, addressBytes, addressFromBytes, ByteWriter, isLinkLocal, type Address } from '@metallb-ts/netip'
import { internetChecksum } from '../internet-checksum.ts'

/** Who sends on a link. */
export interface LinkEnd {
  /** Six octets. */
  readonly mac: Uint8Array
  /** IPv6, link-local. */
  readonly address: Address
}

/** RFC 4861 §4.1: asks the routers of a link to show themselves. A whole Ethernet frame. */
export function routerSolicitation(sender: LinkEnd): Uint8Array {
  const message = new ByteWriter().u8(SOLICITATION).u8(0).u16(0).u32(0)
  return frame(sender, ALL_ROUTERS, linkLayerOption(message, sender))
}

/** RFC 4861 §4.2: shows us, and offers nobody a route: lifetime 0, no prefix. A whole Ethernet frame. */
export function routerAdvertisement(sender: LinkEnd): Uint8Array {
  const message = new ByteWriter().u8(ADVERTISEMENT).u8(0).u16(0)
  message.u8(0).u8(0).u16(0).u32(0).u32(0) // hop limit, flags, lifetime and both timers: no advice
  return frame(sender, ALL_NODES, linkLayerOption(message, sender))
}

/** Who shows itself in this Ethernet frame; undefined when it is no valid advertisement (RFC 4861 §6.1.2). */
export function advertisedRouter(frame: Uint8Array): Address | undefined {
  if (frame.length < MESSAGE_AT + ADVERTISEMENT_LENGTH) return undefined
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  const message = frame.subarray(MESSAGE_AT, MESSAGE_AT + view.getUint16(LENGTH_AT))
  const addresses = frame.subarray(SOURCE_AT, MESSAGE_AT)
  const source = addressFromBytes(addresses.subarray(0, 16))
  const isFromThisLink =
    view.getUint16(ETHERTYPE_AT) === ETHERTYPE_IPV6 &&
    frame[IP_AT]! >> 4 === 6 &&
    frame[NEXT_HEADER_AT] === ICMPV6 &&
    frame[HOP_LIMIT_AT] === HOP_LIMIT &&
    isLinkLocal(source)
  const isAdvertisement =
    message.length >= ADVERTISEMENT_LENGTH &&
    message.length === view.getUint16(LENGTH_AT) &&
    message[0] === ADVERTISEMENT &&
    message[1] === 0 &&
    areOptions(message.subarray(ADVERTISEMENT_LENGTH)) &&
    icmpChecksum(addresses, message) === 0
  return isFromThisLink && isAdvertisement ? source : undefined
}

const ETHERTYPE_AT = 12
const IP_AT = 14
const LENGTH_AT = IP_AT + 4
const NEXT_HEADER_AT = IP_AT + 6
const HOP_LIMIT_AT = IP_AT + 7
const SOURCE_AT = IP_AT + 8
const MESSAGE_AT = IP_AT + 40
const ETHERTYPE_IPV6 = 0x86dd
const ICMPV6 = 58
const HOP_LIMIT = 255
const SOLICITATION = 133
const ADVERTISEMENT = 134
const ADVERTISEMENT_LENGTH = 16
const CHECKSUM_AT = 2
const SOURCE_LINK_LAYER = 1
const ALL_NODES = address('ff02::1')
const ALL_ROUTERS = address('ff02::2')

function linkLayerOption(message: ByteWriter, { mac }: LinkEnd): Uint8Array {
  return message.u8(SOURCE_LINK_LAYER).u8(1).bytes(mac).finish()
}

function frame({ mac, address: source }: LinkEnd, group: Address, message: Uint8Array): Uint8Array {
  const addresses = new ByteWriter().bytes(addressBytes(source)).bytes(addressBytes(group)).finish()
  new DataView(message.buffer, message.byteOffset).setUint16(CHECKSUM_AT, icmpChecksum(addresses, message))
  return new ByteWriter()
    .u16(0x3333) // RFC 2464 §7: a group's frames go to the last 32 bits of its address
    .u32(Number(group.value & 0xffff_ffffn))
    .bytes(mac)
    .u16(ETHERTYPE_IPV6)
    .u32(0x6000_0000)
    .u16(message.length)
    .u8(ICMPV6)
    .u8(HOP_LIMIT)
    .bytes(addresses)
    .bytes(message)
    .finish()
}

/** RFC 4443 §2.3: over both addresses, length and next header, too. */
function icmpChecksum(addresses: Uint8Array, message: Uint8Array): number {
  const rest = new ByteWriter().u32(message.length).u32(ICMPV6).finish()
  return internetChecksum(addresses, rest, message)
}

/** Each says its length in units of eight octets, and none has none. */
function areOptions(options: Uint8Array): boolean {
  let at = 0
  while (at < options.length) {
    const octets = (options[at + 1] ?? 0) * 8
    if (octets === 0) return false
    at += octets
  }
  return at === options.length
}
