import { type Address } from '@metallb-ts/netip'

/** A classic BPF instruction, as `struct sock_filter` has it. */
export interface Instruction {
  readonly code: number
  readonly jt: number
  readonly jf: number
  readonly k: number
}

/** Most instructions the kernel takes, BPF_MAXINSNS. */
export const MAX_INSTRUCTIONS = 4_096

/**
 * Lets ARP through that asks for one of the addresses or has it as sender, whole and untagged, unless it was meant
 * for another host or is our own. With more addresses than fit, any untagged ARP.
 */
export function arpFilter(addresses: readonly Address[]): readonly Instruction[] {
  const values = addresses.filter(({ family }) => family === 'ipv4').map(({ value }) => Number(value))
  const isOurs = acceptIfAny(values)
  const asks = [loadWord(ARP_TARGET_AT), ...isOurs]
  const onlyIfRequest = [loadHalf(ARP_OPERATION_AT), jumpEqual(ARP_REQUEST, 1, 0), jump(asks.length)]
  return bounded(ARP_HEAD, [...onlyIfRequest, ...asks, loadWord(ARP_SENDER_AT), ...isOurs])
}

/**
 * Lets neighbor solicitations and advertisements through whose target ends in the last 32 bits of one of the addresses:
 * the whole target is compared by who reads it. With more addresses than fit, any of them.
 */
export function neighborFilter(addresses: readonly Address[]): readonly Instruction[] {
  const endings = addresses.filter(({ family }) => family === 'ipv6').map(({ value }) => Number(value & 0xffff_ffffn))
  return bounded(NEIGHBOR_HEAD, [loadWord(TARGET_ENDING_AT), ...acceptIfAny(endings)])
}

/** Any untagged ARP meant for us, for a kernel that has no room for the addresses. */
export function anyArpFilter(): readonly Instruction[] {
  return [...ARP_HEAD, accept]
}

/** Any neighbor solicitation or advertisement meant for us. */
export function anyNeighborFilter(): readonly Instruction[] {
  return [...NEIGHBOR_HEAD, accept]
}

/** The bytes of `struct sock_filter[]`, little-endian. */
export function encodeProgram(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * 8)
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const { code, jt, jf, k } of program) {
    view.setUint32(at, code | (jt << 16) | (jf << 24), true)
    view.setUint32(at + 4, k, true)
    at += 8
  }
  return bytes
}

const ETHERTYPE_AT = 12
const ETHERTYPE_ARP = 0x0806
const ETHERTYPE_IPV6 = 0x86dd
const ARP_OPERATION_AT = 20
const ARP_REQUEST = 1
const ARP_SENDER_AT = 28
const ARP_TARGET_AT = 38
const NEXT_HEADER_AT = 20
const HOP_LIMIT_AT = 21
const ICMPV6 = 58
const ICMP_TYPE_AT = 54
const NEIGHBOR_SOLICITATION = 135
const NEIGHBOR_ADVERTISEMENT = 136
const TARGET_ENDING_AT = 74

/** Where the kernel keeps what is not in the frame: SKF_AD_OFF + SKF_AD_PKTTYPE, SKF_AD_VLAN_TAG_PRESENT. */
const PACKET_TYPE = 0xffff_f000 + 4
const VLAN_TAG_PRESENT = 0xffff_f000 + 48
const PACKET_OTHERHOST = 3
const PACKET_OUTGOING = 4

const WHOLE_FRAME = 0x4_0000

const accept: Instruction = { code: 0x06, jt: 0, jf: 0, k: WHOLE_FRAME }
const drop: Instruction = { code: 0x06, jt: 0, jf: 0, k: 0 }
const loadWord = (k: number): Instruction => ({ code: 0x20, jt: 0, jf: 0, k })
const loadHalf = (k: number): Instruction => ({ code: 0x28, jt: 0, jf: 0, k })
const loadByte = (k: number): Instruction => ({ code: 0x30, jt: 0, jf: 0, k })
const jumpEqual = (k: number, jt: number, jf: number): Instruction => ({ code: 0x15, jt, jf, k })
const jumpAtLeast = (k: number, jt: number, jf: number): Instruction => ({ code: 0x35, jt, jf, k })
const jump = (k: number): Instruction => ({ code: 0x05, jt: 0, jf: 0, k })
const unless = (k: number): readonly Instruction[] => [jumpEqual(k, 1, 0), drop]
const dropIf = (k: number): readonly Instruction[] => [jumpEqual(k, 0, 1), drop]
const acceptIf = (k: number): readonly Instruction[] => [jumpEqual(k, 0, 1), accept]

/** A tagged frame of a VLAN that has no interface here reaches the parent's socket; answering it untagged would be wrong. */
const MEANT_FOR_US: readonly Instruction[] = [
  loadWord(PACKET_TYPE),
  ...dropIf(PACKET_OTHERHOST),
  ...dropIf(PACKET_OUTGOING),
  loadWord(VLAN_TAG_PRESENT),
  ...unless(0),
]

const ARP_HEAD: readonly Instruction[] = [...MEANT_FOR_US, loadHalf(ETHERTYPE_AT), ...unless(ETHERTYPE_ARP)]

const NEIGHBOR_HEAD: readonly Instruction[] = [
  ...MEANT_FOR_US,
  loadHalf(ETHERTYPE_AT),
  ...unless(ETHERTYPE_IPV6),
  loadByte(NEXT_HEADER_AT),
  ...unless(ICMPV6),
  loadByte(HOP_LIMIT_AT),
  ...unless(255), // RFC 4861 §7.1.1
  loadByte(ICMP_TYPE_AT),
  jumpEqual(NEIGHBOR_SOLICITATION, 2, 0),
  ...unless(NEIGHBOR_ADVERTISEMENT),
]

/** Passes on past its end what is none of them. Every request costs the kernel this program: many are halved, not walked. */
function acceptIfAny(values: readonly number[]): readonly Instruction[] {
  const sorted = [...new Set(values)].sort((a, b) => a - b)
  if (sorted.length <= MOST_WALKED) return sorted.flatMap(acceptIf)
  const program: Instruction[] = []
  halve(program, sorted, 0, sorted.length, lengthOf(sorted.length))
  return program
}

/** @param end where the program goes on with what is none of them */
function halve(program: Instruction[], sorted: readonly number[], from: number, to: number, end: number): void {
  if (to - from <= LEAF) {
    for (let i = from; i < to; i++) program.push(jumpEqual(sorted[i]!, 0, 1), accept)
    program.push(jump(end - program.length - 1))
    return
  }
  const middle = from + ((to - from) >>> 1)
  program.push(jumpAtLeast(sorted[middle]!, 0, 1), jump(lengthOf(middle - from)))
  halve(program, sorted, from, middle, end)
  halve(program, sorted, middle, to, end)
}

/** In instructions, of the part for so many values. */
function lengthOf(count: number): number {
  return count <= LEAF ? 2 * count + 1 : 2 + lengthOf(count >>> 1) + lengthOf(count - (count >>> 1))
}

const MOST_WALKED = 64
const LEAF = 8

function bounded(head: readonly Instruction[], body: readonly Instruction[]): readonly Instruction[] {
  const program = [...head, ...body, drop]
  return program.length <= MAX_INSTRUCTIONS ? program : [...head, accept]
}
