import { BROADCAST_MAC, isGroupMac, type Address, type Mac } from '@metallb-ts/netip'
import type { IgnoreReason } from './ignore.ts'
import type { Responder } from './responder.ts'
import { admits, type Announced } from './table.ts'
import { ARP, ARP_REPLY, ARP_REQUEST, arpProblem, encodeArp } from './wire/arp.ts'
import { macAt, u16At, u32At } from './wire/ethernet.ts'

/**
 * The reply to an ARP request for an address we hold on this link (RFC 826), or why there is none. Broadcast and unicast
 * requests alike: a neighbour revalidates a stale entry by unicast. Any bytes return; nothing is allocated but the reply.
 */
export function answerArp(frame: Uint8Array, responder: Responder): Uint8Array | IgnoreReason {
  const problem = arpProblem(frame)
  if (problem !== undefined) return problem
  if (u16At(frame, ARP.operation) !== ARP_REQUEST) return 'not-a-request'
  const destination = macAt(frame, 0)
  if (destination !== BROADCAST_MAC && destination !== responder.mac) return 'not-for-us'
  const requester = macAt(frame, ARP.senderMac)
  if (requester === responder.mac || macAt(frame, 6) === responder.mac) return 'own-frame'
  if (isGroupMac(requester) || isGroupMac(macAt(frame, 6))) return 'bad-source'
  const target = u32At(frame, ARP.targetAddress)
  const entry = responder.table.findIpv4(target)
  if (entry === undefined) return 'not-announced'
  if (!admits(entry, responder.interfaceName)) return 'not-on-this-interface'
  return encodeArp({
    destination: requester,
    source: responder.mac,
    operation: ARP_REPLY,
    senderMac: responder.mac,
    senderAddress: target,
    targetMac: requester,
    targetAddress: u32At(frame, ARP.senderAddress), // 0.0.0.0 for a probe (RFC 5227 §2.1.1), which we answer as well
  })
}

/** Both forms, request first: a neighbour's guard time drops replies for a second, requests never. */
export function gratuitousArp(address: Address, mac: Mac): readonly [request: Uint8Array, reply: Uint8Array] {
  const value = Number(address.value)
  const common = {
    destination: BROADCAST_MAC,
    source: mac,
    senderMac: mac,
    senderAddress: value,
    targetAddress: value,
  }
  return [
    encodeArp({ ...common, operation: ARP_REQUEST, targetMac: 0 as Mac }), // RFC 5227 §3: an announcement
    encodeArp({ ...common, operation: ARP_REPLY, targetMac: mac }), // RFC 5944 §4.6: the target is the sender
  ]
}

/** An address of ours that the sender of this frame says it has (RFC 5227 §2.4), and the hardware address it gave. */
export interface Claim {
  readonly entry: Announced
  readonly mac: Mac
}

/** RFC 5227 §2.4: any ARP packet, request or reply, whose sender address is ours and whose sender is not. */
export function arpClaim(frame: Uint8Array, responder: Responder): Claim | undefined {
  if (arpProblem(frame) !== undefined) return undefined
  const entry = responder.table.findIpv4(u32At(frame, ARP.senderAddress))
  if (entry === undefined) return undefined
  const mac = macAt(frame, ARP.senderMac)
  return mac === responder.mac || mac === 0 || isGroupMac(mac) ? undefined : { entry, mac }
}
