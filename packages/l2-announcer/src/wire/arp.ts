import { writeMac, type Mac } from '@metallb-ts/netip'
import {
  ETHER_TYPE_ARP,
  ETHERNET_HEADER,
  ethernetFrame,
  isVlanTagged,
  macAt,
  u16At,
  u32At,
  writeU16,
  writeU32,
} from './ethernet.ts'

/** Offsets in the whole frame (RFC 826, "Packet format", for Ethernet and IPv4). */
export const ARP = {
  hardwareType: 14,
  protocolType: 16,
  hardwareLength: 18,
  protocolLength: 19,
  operation: 20,
  senderMac: 22,
  senderAddress: 28,
  targetMac: 32,
  targetAddress: 38,
  end: 42,
} as const

export const ARP_REQUEST = 1
export const ARP_REPLY = 2

const ARP_LENGTH: number = ARP.end - ETHERNET_HEADER
const HARDWARE_ETHERNET = 1
const PROTOCOL_IPV4 = 0x0800

/** An ARP packet for IPv4 on Ethernet, with the header of its frame. Addresses are unsigned integers. */
export interface ArpPacket {
  readonly destination: Mac
  readonly source: Mac
  readonly operation: number
  readonly senderMac: Mac
  readonly senderAddress: number
  readonly targetMac: Mac
  readonly targetAddress: number
}

export type ArpProblem = 'too-short' | 'vlan-tagged' | 'not-arp' | 'not-ethernet-ipv4'

/** What is wrong with the frame as ARP for IPv4 on Ethernet, before any field of it may be read. */
export function arpProblem(frame: Uint8Array): ArpProblem | undefined {
  if (frame.length < ETHERNET_HEADER) return 'too-short'
  if (isVlanTagged(frame)) return 'vlan-tagged'
  if (u16At(frame, 12) !== ETHER_TYPE_ARP) return 'not-arp'
  if (frame.length < ARP.end) return 'too-short'
  const isEthernetIpv4 =
    u16At(frame, ARP.hardwareType) === HARDWARE_ETHERNET &&
    u16At(frame, ARP.protocolType) === PROTOCOL_IPV4 &&
    frame[ARP.hardwareLength] === 6 &&
    frame[ARP.protocolLength] === 4
  return isEthernetIpv4 ? undefined : 'not-ethernet-ipv4'
}

/** Any bytes: a packet, or what is wrong with them. */
export function decodeArp(frame: Uint8Array): ArpPacket | ArpProblem {
  return (
    arpProblem(frame) ?? {
      destination: macAt(frame, 0),
      source: macAt(frame, 6),
      operation: u16At(frame, ARP.operation),
      senderMac: macAt(frame, ARP.senderMac),
      senderAddress: u32At(frame, ARP.senderAddress),
      targetMac: macAt(frame, ARP.targetMac),
      targetAddress: u32At(frame, ARP.targetAddress),
    }
  )
}

/** A whole frame, padded with zeros. */
export function encodeArp(packet: ArpPacket): Uint8Array {
  const frame = ethernetFrame(packet.destination, packet.source, ETHER_TYPE_ARP, ARP_LENGTH)
  writeU16(frame, ARP.hardwareType, HARDWARE_ETHERNET)
  writeU16(frame, ARP.protocolType, PROTOCOL_IPV4)
  frame[ARP.hardwareLength] = 6
  frame[ARP.protocolLength] = 4
  writeU16(frame, ARP.operation, packet.operation)
  writeMac(packet.senderMac, frame, ARP.senderMac)
  writeU32(frame, ARP.senderAddress, packet.senderAddress)
  writeMac(packet.targetMac, frame, ARP.targetMac)
  writeU32(frame, ARP.targetAddress, packet.targetAddress)
  return frame
}
