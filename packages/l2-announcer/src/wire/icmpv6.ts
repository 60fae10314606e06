import { addressBytes, addressFromBytes, writeMac, type Address, type Mac } from '@metallb-ts/netip'
import {
  copyBytes,
  ETHER_TYPE_IPV6,
  ETHERNET_HEADER,
  ethernetFrame,
  isVlanTagged,
  macAt,
  u16At,
  writeU16,
} from './ethernet.ts'

/** Offsets in the whole frame (RFC 8200 §3, RFC 4861 §4.3 and §4.4). */
export const NDP = {
  version: 14,
  payloadLength: 18,
  nextHeader: 20,
  hopLimit: 21,
  source: 22,
  destination: 38,
  type: 54,
  code: 55,
  checksum: 56,
  flags: 58,
  target: 62,
  options: 78,
} as const

export const NEIGHBOR_SOLICITATION = 135
export const NEIGHBOR_ADVERTISEMENT = 136

/** RFC 4861 §4.4. */
export const FLAG_ROUTER = 0x80
export const FLAG_SOLICITED = 0x40
export const FLAG_OVERRIDE = 0x20

const OPTION_SOURCE_LINK_ADDRESS = 1
const OPTION_TARGET_LINK_ADDRESS = 2
const IPV6_HEADER = 40
const SHORTEST_MESSAGE = 24
const NEXT_HEADER_ICMPV6 = 58
const HOP_LIMIT = 255 // RFC 4861 §7.1.1: it cannot have crossed a router

export const ALL_NODES: Address = { family: 'ipv6', value: (0xff02n << 112n) | 1n }

/** RFC 4291 §2.7.1: ff02::1:ff and the last 24 bits. */
export function solicitedNodeGroup(address: Address): Address {
  return { family: 'ipv6', value: (0xff02n << 112n) | 0x1_ff00_0000n | (address.value & 0xff_ffffn) }
}

export interface NeighborMessage {
  readonly etherDestination: Mac
  readonly etherSource: Mac
  readonly source: Address
  readonly destination: Address
  readonly type: typeof NEIGHBOR_SOLICITATION | typeof NEIGHBOR_ADVERTISEMENT
  /** Of an advertisement: `FLAG_*` put together. */
  readonly flags: number
  readonly target: Address
  /** Source link-layer address of a solicitation, target link-layer address of an advertisement. */
  readonly linkAddress: Mac | undefined
}

export type NeighborProblem =
  | 'too-short'
  | 'vlan-tagged'
  | 'not-icmpv6'
  | 'not-a-solicitation'
  | 'bad-hop-limit'
  | 'bad-checksum'
  | 'bad-option'
  | 'bad-target'

/** What RFC 4861 §7.1.1 and §7.1.2 find wrong with any neighbor message, before a field of it may be read. */
export function neighborProblem(frame: Uint8Array): NeighborProblem | undefined {
  if (frame.length < ETHERNET_HEADER) return 'too-short'
  if (isVlanTagged(frame)) return 'vlan-tagged'
  if (u16At(frame, 12) !== ETHER_TYPE_IPV6) return 'not-icmpv6'
  if (frame.length < NDP.options) return 'too-short'
  if (frame[NDP.version]! >>> 4 !== 6 || frame[NDP.nextHeader] !== NEXT_HEADER_ICMPV6) return 'not-icmpv6'
  const length = u16At(frame, NDP.payloadLength)
  if (length < SHORTEST_MESSAGE || NDP.type + length > frame.length) return 'too-short'
  const type = frame[NDP.type]
  if (type !== NEIGHBOR_SOLICITATION && type !== NEIGHBOR_ADVERTISEMENT) return 'not-a-solicitation'
  if (frame[NDP.code] !== 0) return 'not-a-solicitation'
  if (frame[NDP.hopLimit] !== HOP_LIMIT) return 'bad-hop-limit'
  if (icmpv6Checksum(frame, length) !== 0) return 'bad-checksum'
  if (frame[NDP.target] === 0xff) return 'bad-target'
  return hasWellFormedOptions(frame, NDP.type + length) ? undefined : 'bad-option'
}

/**
 * Where the link-layer address starts that the message carries, 0 for none. The message has passed `neighborProblem`.
 * RFC 4861 §4.6.1; unknown options, the nonce of RFC 3971 §5.3.2 among them, are passed over.
 */
export function linkAddressOffset(frame: Uint8Array): number {
  const wanted = frame[NDP.type] === NEIGHBOR_SOLICITATION ? OPTION_SOURCE_LINK_ADDRESS : OPTION_TARGET_LINK_ADDRESS
  const end = NDP.type + u16At(frame, NDP.payloadLength)
  for (let at: number = NDP.options; at < end; at += frame[at + 1]! * 8) {
    if (frame[at] === wanted && frame[at + 1] === 1) return at + 2
  }
  return 0
}

/** Any bytes: a message, or what is wrong with them. */
export function decodeNeighborMessage(frame: Uint8Array): NeighborMessage | NeighborProblem {
  const problem = neighborProblem(frame)
  if (problem !== undefined) return problem
  const linkAddress = linkAddressOffset(frame)
  return {
    etherDestination: macAt(frame, 0),
    etherSource: macAt(frame, 6),
    source: addressFromBytes(frame.subarray(NDP.source, NDP.source + 16)),
    destination: addressFromBytes(frame.subarray(NDP.destination, NDP.destination + 16)),
    type: frame[NDP.type] as typeof NEIGHBOR_SOLICITATION | typeof NEIGHBOR_ADVERTISEMENT,
    flags: frame[NDP.flags]!,
    target: addressFromBytes(frame.subarray(NDP.target, NDP.target + 16)),
    linkAddress: linkAddress === 0 ? undefined : macAt(frame, linkAddress),
  }
}

/** A whole frame, checksum included. */
export function encodeNeighborMessage(message: NeighborMessage): Uint8Array {
  const optionLength = message.linkAddress === undefined ? 0 : 8
  const length = SHORTEST_MESSAGE + optionLength
  const { etherDestination, etherSource, type, flags, linkAddress } = message
  const frame = neighborFrame(etherDestination, etherSource, type, flags, length)
  frame.set(addressBytes(message.source), NDP.source)
  frame.set(addressBytes(message.destination), NDP.destination)
  frame.set(addressBytes(message.target), NDP.target)
  if (linkAddress !== undefined) {
    frame[NDP.options] = type === NEIGHBOR_SOLICITATION ? OPTION_SOURCE_LINK_ADDRESS : OPTION_TARGET_LINK_ADDRESS
    frame[NDP.options + 1] = 1
    writeMac(linkAddress, frame, NDP.options + 2)
  }
  writeU16(frame, NDP.checksum, icmpv6Checksum(frame, length))
  return frame
}

/**
 * An advertisement for the path of every frame: addresses are octets already, and nothing else is allocated. Its source
 * is the target itself, as a kernel does for an address it has: ndisc6 hears no advertisement of a global address from a
 * link-local one (see `finds the address by NDP` in test/kernel.interop.test.ts).
 */
export function encodeAdvertisement(
  etherDestination: Mac,
  mac: Mac,
  flags: number,
  target: Uint8Array,
  destination: Uint8Array,
  destinationAt: number,
): Uint8Array {
  const length = SHORTEST_MESSAGE + 8
  const frame = neighborFrame(etherDestination, mac, NEIGHBOR_ADVERTISEMENT, flags, length)
  copyBytes(target, 0, frame, NDP.source, 16)
  copyBytes(destination, destinationAt, frame, NDP.destination, 16)
  copyBytes(target, 0, frame, NDP.target, 16)
  frame[NDP.options] = OPTION_TARGET_LINK_ADDRESS
  frame[NDP.options + 1] = 1
  writeMac(mac, frame, NDP.options + 2)
  writeU16(frame, NDP.checksum, icmpv6Checksum(frame, length))
  return frame
}

/**
 * RFC 4443 §2.3 over the pseudo-header and `length` octets of message: the sum to write when the field holds zero, and 0
 * for a received message that is whole.
 */
export function icmpv6Checksum(frame: Uint8Array, length: number): number {
  let sum = length + NEXT_HEADER_ICMPV6
  for (let at: number = NDP.source; at < NDP.type; at += 2) sum += u16At(frame, at)
  const end = NDP.type + length
  for (let at: number = NDP.type; at + 1 < end; at += 2) sum += u16At(frame, at)
  if (length % 2 === 1) sum += frame[end - 1]! << 8
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

function neighborFrame(
  etherDestination: Mac,
  etherSource: Mac,
  type: number,
  flags: number,
  length: number,
): Uint8Array {
  const frame = ethernetFrame(etherDestination, etherSource, ETHER_TYPE_IPV6, IPV6_HEADER + length)
  frame[NDP.version] = 0x60
  writeU16(frame, NDP.payloadLength, length)
  frame[NDP.nextHeader] = NEXT_HEADER_ICMPV6
  frame[NDP.hopLimit] = HOP_LIMIT
  frame[NDP.type] = type
  frame[NDP.flags] = flags
  return frame
}

/** RFC 4861 §7.1.1: every option has a length, greater than zero; and none leaves the packet. */
function hasWellFormedOptions(frame: Uint8Array, end: number): boolean {
  for (let at: number = NDP.options; at < end;) {
    if (at + 2 > end) return false
    const length = frame[at + 1]! * 8
    if (length === 0 || at + length > end) return false
    at += length
  }
  return true
}
