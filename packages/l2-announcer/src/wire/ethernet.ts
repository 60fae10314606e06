import { addressBytes, writeMac, type Address, type Mac } from '@metallb-ts/netip'

export const ETHERNET_HEADER = 14
/** Shortest frame without its check sequence (IEEE 802.3 §3.2.8); shorter ones are padded with zeros. */
export const SHORTEST_FRAME = 60

export const ETHER_TYPE_ARP = 0x0806
export const ETHER_TYPE_IPV6 = 0x86dd
const ETHER_TYPE_VLAN = 0x8100 // IEEE 802.1Q customer tag
const ETHER_TYPE_SERVICE_VLAN = 0x88a8 // IEEE 802.1Q service tag

/** A zeroed frame of at least the shortest length, with its header written. */
export function ethernetFrame(destination: Mac, source: Mac, etherType: number, payload: number): Uint8Array {
  const frame = new Uint8Array(Math.max(SHORTEST_FRAME, ETHERNET_HEADER + payload))
  writeMac(destination, frame, 0)
  writeMac(source, frame, 6)
  writeU16(frame, 12, etherType)
  return frame
}

export function isVlanTagged(frame: Uint8Array): boolean {
  const type = u16At(frame, 12)
  return type === ETHER_TYPE_VLAN || type === ETHER_TYPE_SERVICE_VLAN
}

/** RFC 2464 §7: 33:33 and the last four octets of the group. */
export function multicastMac(group: Address): Mac {
  const bytes = addressBytes(group)
  return (0x3333_0000_0000 + u32At(bytes, bytes.length - 4)) as Mac
}

/** Offsets of this file's readers are the caller's to have checked. */
export function u16At(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}

export function u32At(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}

export function macAt(bytes: Uint8Array, at: number): Mac {
  return (u16At(bytes, at) * 0x1_0000_0000 + u32At(bytes, at + 2)) as Mac
}

export function writeU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8
  bytes[at + 1] = value
}

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  writeU16(bytes, at, value >>> 16)
  writeU16(bytes, at + 2, value & 0xffff)
}

/** Copies without a view, for the path of every frame. */
export function copyBytes(from: Uint8Array, fromAt: number, to: Uint8Array, toAt: number, length: number): void {
  for (let i = 0; i < length; i++) to[toAt + i] = from[fromAt + i]!
}
