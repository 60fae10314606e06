import { addressBytes, isGroupMac, type Address, type Mac } from '@metallb-ts/netip'
import type { Claim } from './arp.ts'
import type { IgnoreReason } from './ignore.ts'
import type { Responder } from './responder.ts'
import { admits } from './table.ts'
import { macAt, multicastMac, u16At, u32At } from './wire/ethernet.ts'
import {
  ALL_NODES,
  encodeAdvertisement,
  FLAG_OVERRIDE,
  FLAG_SOLICITED,
  linkAddressOffset,
  NDP,
  NEIGHBOR_ADVERTISEMENT,
  NEIGHBOR_SOLICITATION,
  neighborProblem,
} from './wire/icmpv6.ts'

/**
 * The advertisement for a neighbor solicitation of an address we hold on this link (RFC 4861 §7.2.4), or why there is
 * none. Multicast and unicast solicitations, with and without a link-layer address, and the probes of others for an
 * address of ours (RFC 4862 §5.4.3). Any bytes return; nothing is allocated but the answer.
 */
export function answerNeighborSolicitation(frame: Uint8Array, responder: Responder): Uint8Array | IgnoreReason {
  const problem = neighborProblem(frame)
  if (problem !== undefined) return problem
  if (frame[NDP.type] !== NEIGHBOR_SOLICITATION) return 'not-a-solicitation'
  const asker = macAt(frame, 6)
  if (asker === responder.mac) return 'own-frame'
  if (isGroupMac(asker) || frame[NDP.source] === 0xff) return 'bad-source'
  if (!isForUs(frame, responder.mac)) return 'not-for-us'
  const linkAddress = linkAddressOffset(frame)
  const isProbe = isUnspecifiedAt(frame, NDP.source)
  if (isProbe && linkAddress !== 0) return 'bad-option' // RFC 4861 §7.1.1
  if (isProbe && !isSolicitedNodeGroup(frame)) return 'bad-destination' // RFC 4861 §7.1.1
  const entry = responder.table.findIpv6(frame, NDP.target)
  if (entry === undefined) return 'not-announced'
  if (!admits(entry, responder.interfaceName)) return 'not-on-this-interface'
  if (isProbe) {
    // RFC 4861 §7.2.4: to all nodes, Solicited clear; so the prober learns that its address is taken.
    return encodeAdvertisement(ALL_NODES_MAC, responder.mac, FLAG_OVERRIDE, entry.bytes, ALL_NODES_BYTES, 0)
  }
  const flags = FLAG_SOLICITED | FLAG_OVERRIDE // Override, or a neighbour that holds the old owner keeps it
  const to = linkAddress === 0 ? asker : macAt(frame, linkAddress)
  if (isGroupMac(to)) return 'bad-option'
  return encodeAdvertisement(to, responder.mac, flags, entry.bytes, frame, NDP.source)
}

/** RFC 4861 §7.2.6: unasked, to all nodes, Override set. */
export function unsolicitedAdvertisement(address: Address, mac: Mac): Uint8Array {
  return encodeAdvertisement(ALL_NODES_MAC, mac, FLAG_OVERRIDE, addressBytes(address), ALL_NODES_BYTES, 0)
}

/** An advertisement in which somebody else gives an address of ours. */
export function neighborClaim(frame: Uint8Array, responder: Responder): Claim | undefined {
  if (neighborProblem(frame) !== undefined || frame[NDP.type] !== NEIGHBOR_ADVERTISEMENT) return undefined
  const entry = responder.table.findIpv6(frame, NDP.target)
  if (entry === undefined) return undefined
  const linkAddress = linkAddressOffset(frame)
  const mac = macAt(frame, linkAddress === 0 ? 6 : linkAddress)
  return mac === responder.mac || mac === 0 || isGroupMac(mac) ? undefined : { entry, mac }
}

const ALL_NODES_MAC: Mac = multicastMac(ALL_NODES)
const ALL_NODES_BYTES: Uint8Array = addressBytes(ALL_NODES)

/** To our hardware address (RFC 6085 lets multicast go there too), or to the group that its IPv6 destination names. */
function isForUs(frame: Uint8Array, mac: Mac): boolean {
  const destination = macAt(frame, 0)
  if (destination === mac) return true
  return frame[NDP.destination] === 0xff && u16At(frame, 0) === 0x3333 && u32At(frame, 2) === u32At(frame, NDP.type - 4)
}

function isUnspecifiedAt(frame: Uint8Array, at: number): boolean {
  for (let i = at; i < at + 16; i++) if (frame[i] !== 0) return false
  return true
}

/** Is the destination the solicited-node group of the target (RFC 4291 §2.7.1)? */
function isSolicitedNodeGroup(frame: Uint8Array): boolean {
  const at = NDP.destination
  for (let i = 0; i < SOLICITED_NODE_PREFIX.length; i++) if (frame[at + i] !== SOLICITED_NODE_PREFIX[i]) return false
  for (let i = 13; i < 16; i++) if (frame[at + i] !== frame[NDP.target + i]) return false
  return true
}

const SOLICITED_NODE_PREFIX = [0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff] as const
