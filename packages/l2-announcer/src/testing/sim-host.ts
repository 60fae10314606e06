import { addressBytes, BROADCAST_MAC, equalAddresses, isLinkLocal, type Address, type Mac } from '@metallb-ts/netip'
import type { Clock } from '@metallb-ts/runtime'
import { ARP_REPLY, ARP_REQUEST, decodeArp, encodeArp, type ArpPacket } from '../wire/arp.ts'
import { ETHER_TYPE_ARP, ethernetFrame, isVlanTagged, macAt, multicastMac, u16At } from '../wire/ethernet.ts'
import {
  ALL_NODES,
  decodeNeighborMessage,
  encodeNeighborMessage,
  FLAG_OVERRIDE,
  FLAG_SOLICITED,
  NEIGHBOR_ADVERTISEMENT,
  NEIGHBOR_SOLICITATION,
  solicitedNodeGroup,
  type NeighborMessage,
} from '../wire/icmpv6.ts'
import { NeighborCache, type Neighbor } from './neighbor-cache.ts'
import type { SimPort, SimSegment } from './sim-segment.ts'

export interface SimHostInit {
  readonly mac: Mac
  readonly addresses: readonly Address[]
  /** Linux's locktime: a reply that nobody asked for does not replace an entry younger than this. @default 1000 */
  readonly lockMs?: number
  /** Answers for its addresses as a kernel does. @default true */
  readonly isAnswering?: boolean
}

/** A host on the segment with Linux's rules for what it believes about its neighbours. */
export class SimHost {
  readonly port: SimPort
  /** Every frame it heard, by kind; the oldest are dropped. */
  readonly heard: ArpPacket[] = []
  readonly heardNeighbor: NeighborMessage[] = []
  readonly #clock: Clock
  readonly #init: Required<SimHostInit>
  readonly #neighbors: NeighborCache

  constructor(clock: Clock, segment: SimSegment, init: SimHostInit) {
    this.#clock = clock
    this.#init = { lockMs: 1_000, isAnswering: true, ...init }
    this.port = segment.plug(frame => this.#onFrame(frame))
    for (const address of init.addresses) {
      if (address.family === 'ipv6') this.port.joined.add(multicastMac(solicitedNodeGroup(address)))
    }
    this.#neighbors = new NeighborCache(clock, {
      ask: (address, to) => (address.family === 'ipv4' ? this.#askArp(address, to) : this.#askNeighbor(address, to)),
    })
  }

  get mac(): Mac {
    return this.#init.mac
  }

  neighbor(address: Address): Neighbor | undefined {
    return this.#neighbors.get(address)
  }

  /** Sends one datagram, or asks who has the address. True when a datagram left. */
  send(to: Address): boolean {
    const mac = this.#neighbors.use(to)
    if (mac === undefined) return false
    const bytes = addressBytes(to)
    const frame = ethernetFrame(mac, this.mac, to.family === 'ipv4' ? 0x0800 : 0x86dd, 40)
    frame.set(bytes, to.family === 'ipv4' ? 30 : 38)
    this.port.send(frame)
    return true
  }

  /** Asks who has the address, whatever the cache says. */
  ask(address: Address): void {
    if (address.family === 'ipv4') this.#askArp(address, undefined)
    else this.#askNeighbor(address, undefined)
  }

  /** RFC 4862 §5.4.2: is the address anybody's? */
  probe(address: Address): void {
    const group = solicitedNodeGroup(address)
    this.port.send(
      encodeNeighborMessage({
        etherDestination: multicastMac(group),
        etherSource: this.mac,
        source: UNSPECIFIED,
        destination: group,
        type: NEIGHBOR_SOLICITATION,
        flags: 0,
        target: address,
        linkAddress: undefined,
      }),
    )
  }

  /** Claims an address as its own, unasked. */
  claim(address: Address): void {
    if (address.family === 'ipv6') return this.#advertise(address, ALL_NODES, multicastMac(ALL_NODES), FLAG_OVERRIDE)
    const value = Number(address.value)
    this.#sendArp({
      operation: ARP_REQUEST,
      destination: BROADCAST_MAC,
      senderAddress: value,
      targetMac: 0 as Mac,
      targetAddress: value,
    })
  }

  #onFrame(frame: Uint8Array): void {
    if (frame.length < 14 || isVlanTagged(frame)) return
    if (u16At(frame, 12) === ETHER_TYPE_ARP) {
      const packet = decodeArp(frame)
      if (typeof packet !== 'string') this.#onArp(packet)
      return
    }
    const destination = macAt(frame, 0)
    const isWanted =
      destination === this.mac || this.port.joined.has(destination) || destination === multicastMac(ALL_NODES)
    const message = isWanted ? decodeNeighborMessage(frame) : 'not-icmpv6'
    if (typeof message !== 'string') this.#onNeighborMessage(message)
  }

  /** As Linux's arp_process: a gratuitous packet overrides at once, other news only after the lock time. */
  #onArp(packet: ArpPacket): void {
    if (packet.destination !== this.mac && packet.destination !== BROADCAST_MAC) return
    keep(this.heard, packet)
    const sender = ipv4(packet.senderAddress)
    const isOurs = this.#has(ipv4(packet.targetAddress))
    if (packet.operation === ARP_REQUEST && isOurs) {
      if (packet.senderAddress !== 0) this.#neighbors.hearQuestion(sender, packet.senderMac)
      if (this.#init.isAnswering) this.#answerArp(packet)
      return
    }
    const isReply = packet.operation === ARP_REPLY
    const isGratuitous =
      packet.senderAddress === packet.targetAddress && (!isReply || packet.targetMac === packet.senderMac)
    const age = this.#clock.now() - (this.#neighbors.get(sender)?.updatedAt ?? 0)
    this.#neighbors.hear(sender, {
      mac: packet.senderMac,
      isConfirmed: isReply && packet.destination === this.mac,
      mayOverride: isGratuitous || age > this.#init.lockMs,
    })
  }

  /** RFC 4861 §7.2.3 and §7.2.5. */
  #onNeighborMessage(message: NeighborMessage): void {
    keep(this.heardNeighbor, message)
    if (message.type === NEIGHBOR_ADVERTISEMENT) {
      const isSolicited = (message.flags & FLAG_SOLICITED) !== 0
      if (isSolicited && message.destination.value >> 120n === 0xffn) return // §7.1.2
      const mac = message.linkAddress
      if (mac === undefined) return
      this.#neighbors.hear(message.target, {
        mac,
        isConfirmed: isSolicited,
        mayOverride: (message.flags & FLAG_OVERRIDE) !== 0,
      })
      return
    }
    if (!this.#has(message.target) || !this.#init.isAnswering) return
    if (message.source.value === 0n) return this.claim(message.target)
    const to = message.linkAddress ?? message.etherSource
    this.#neighbors.hearQuestion(message.source, to)
    this.#advertise(message.target, message.source, to, FLAG_SOLICITED | FLAG_OVERRIDE)
  }

  #answerArp(request: ArpPacket): void {
    this.#sendArp({
      operation: ARP_REPLY,
      destination: request.senderMac,
      senderAddress: request.targetAddress,
      targetMac: request.senderMac,
      targetAddress: request.senderAddress,
    })
  }

  #askArp(address: Address, to: Mac | undefined): void {
    this.#sendArp({
      operation: ARP_REQUEST,
      destination: to ?? BROADCAST_MAC,
      senderAddress: Number(this.#own('ipv4').value),
      targetMac: 0 as Mac,
      targetAddress: Number(address.value),
    })
  }

  #sendArp(packet: Omit<ArpPacket, 'source' | 'senderMac'>): void {
    this.port.send(encodeArp({ ...packet, source: this.mac, senderMac: this.mac }))
  }

  #askNeighbor(address: Address, to: Mac | undefined): void {
    const group = solicitedNodeGroup(address)
    this.port.send(
      encodeNeighborMessage({
        etherDestination: to ?? multicastMac(group),
        etherSource: this.mac,
        source: this.#own('ipv6'),
        destination: to === undefined ? group : address,
        type: NEIGHBOR_SOLICITATION,
        flags: 0,
        target: address,
        linkAddress: this.mac,
      }),
    )
  }

  #advertise(target: Address, destination: Address, etherDestination: Mac, flags: number): void {
    this.port.send(
      encodeNeighborMessage({
        etherDestination,
        etherSource: this.mac,
        source: target,
        destination,
        type: NEIGHBOR_ADVERTISEMENT,
        flags,
        target,
        linkAddress: this.mac,
      }),
    )
  }

  #has(address: Address): boolean {
    return this.#init.addresses.some(own => equalAddresses(own, address))
  }

  #own(family: Address['family']): Address {
    const own = this.#init.addresses.filter(address => address.family === family)
    return own.find(address => !isLinkLocal(address)) ?? own[0] ?? { family, value: 0n }
  }
}

const UNSPECIFIED: Address = { family: 'ipv6', value: 0n }
const MOST_HEARD = 4_096

function keep<T>(list: T[], item: T): void {
  list.push(item)
  if (list.length > MOST_HEARD) list.shift()
}

function ipv4(value: number): Address {
  return { family: 'ipv4', value: BigInt(value) }
}
