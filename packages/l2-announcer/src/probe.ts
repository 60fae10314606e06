import { BROADCAST_MAC, address as literal, type Address, type Mac } from '@metallb-ts/netip'
import type { Clock, Timer } from '@metallb-ts/runtime'
import { arpClaim, type Claim } from './arp.ts'
import { neighborClaim } from './ndp.ts'
import type { Responder } from './responder.ts'
import { ARP, ARP_REQUEST, arpProblem, encodeArp } from './wire/arp.ts'
import { ETHER_TYPE_ARP, macAt, multicastMac, u16At, u32At } from './wire/ethernet.ts'
import {
  encodeNeighborMessage,
  NDP,
  NEIGHBOR_SOLICITATION,
  neighborProblem,
  solicitedNodeGroup,
} from './wire/icmpv6.ts'

/** Asks the network whether somebody has an address, without saying that we do. */
export function probeFrame(address: Address, mac: Mac): Uint8Array {
  return address.family === 'ipv4' ? arpProbe(address, mac) : duplicateProbe(address, mac)
}

/** RFC 5227 §2.1.1: the sender address is zero, so that nobody learns anything. */
function arpProbe(address: Address, mac: Mac): Uint8Array {
  return encodeArp({
    destination: BROADCAST_MAC,
    source: mac,
    operation: ARP_REQUEST,
    senderMac: mac,
    senderAddress: 0,
    targetMac: 0 as Mac,
    targetAddress: Number(address.value),
  })
}

/** RFC 4862 §5.4.2: from nobody, to the solicited-node group, without a link-layer address. */
function duplicateProbe(address: Address, mac: Mac): Uint8Array {
  const group = solicitedNodeGroup(address)
  return encodeNeighborMessage({
    etherDestination: multicastMac(group),
    etherSource: mac,
    source: UNSPECIFIED,
    destination: group,
    type: NEIGHBOR_SOLICITATION,
    flags: 0,
    target: address,
    linkAddress: undefined,
  })
}

const UNSPECIFIED = literal('::')

/**
 * Who has, or is about to take, an address of the table, by a frame: anything it says with the address as its own, and
 * its own probe for it (RFC 5227 §2.1.1, RFC 4862 §5.4.3 and §5.4.4).
 */
export function probeAnswer(frame: Uint8Array, probing: Responder): Claim | undefined {
  const isArp = frame.length >= 14 && u16At(frame, 12) === ETHER_TYPE_ARP
  return isArp
    ? (arpClaim(frame, probing) ?? otherProbe(frame, probing))
    : (neighborClaim(frame, probing) ?? otherDuplicateProbe(frame, probing))
}

function otherProbe(frame: Uint8Array, { table, mac }: Responder): Claim | undefined {
  if (arpProblem(frame) !== undefined || u16At(frame, ARP.operation) !== ARP_REQUEST) return undefined
  if (u32At(frame, ARP.senderAddress) !== 0) return undefined
  return foreign(table.findIpv4(u32At(frame, ARP.targetAddress)), macAt(frame, ARP.senderMac), mac)
}

function otherDuplicateProbe(frame: Uint8Array, { table, mac }: Responder): Claim | undefined {
  if (neighborProblem(frame) !== undefined || frame[NDP.type] !== NEIGHBOR_SOLICITATION) return undefined
  const source = frame.subarray(NDP.source, NDP.source + 16)
  if (source.some(octet => octet !== 0)) return undefined
  return foreign(table.findIpv6(frame, NDP.target), macAt(frame, 6), mac)
}

function foreign(entry: Claim['entry'] | undefined, theirs: Mac, ours: Mac): Claim | undefined {
  return entry === undefined || theirs === ours ? undefined : { entry, mac: theirs }
}

export interface ProbeSettings {
  /** Probes sent. @default 3 (PROBE_NUM) */
  readonly count: number
  /** Between them, milliseconds. @default 200 */
  readonly intervalMs: number
  /** After the last one, for answers, milliseconds. @default 400 */
  readonly waitMs: number
}

/** RFC 5227 §1.1 waits up to nine seconds, which is for hosts that may be asleep; who serves answers at once. */
export const DEFAULT_PROBE: ProbeSettings = { count: 3, intervalMs: 200, waitMs: 400 }

/** An address that somebody else has, and where that was heard. */
export interface Taken {
  readonly address: string
  readonly interface: string
  readonly mac: Mac
}

/** One round of probes, for addresses that are to be announced together. */
export class ProbeRound {
  readonly addresses: readonly Address[]
  readonly #found = new Map<string, Taken>()
  readonly #timers: Timer[] = []

  constructor(
    clock: Clock,
    { count, intervalMs, waitMs }: ProbeSettings,
    startMs: number,
    addresses: readonly Address[],
    send: (addresses: readonly Address[]) => void,
    onDone: (taken: readonly Taken[]) => void,
  ) {
    this.addresses = addresses
    for (let i = 0; i < count; i++) {
      this.#timers.push(clock.setTimer(startMs + i * intervalMs, () => send(addresses)))
    }
    const endsAt = startMs + (count - 1) * intervalMs + waitMs
    this.#timers.push(clock.setTimer(endsAt, () => onDone([...this.#found.values()])))
  }

  heard(taken: Taken): void {
    this.#found.set(taken.address, taken)
  }

  cancel(): void {
    for (const timer of this.#timers) timer.cancel()
  }
}
