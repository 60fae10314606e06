import { address, addressFromBytes, BROADCAST_MAC, type Address, type Mac } from '@metallb-ts/netip'
import { failed, ok, type Clock, type Result } from '@metallb-ts/runtime'
import type { LinkFailure, LinkMonitor, LinkPort, Links, LinkSnapshot } from '../link.ts'
import { ETHER_TYPE_ARP, ETHER_TYPE_IPV6, macAt, multicastMac, u16At } from '../wire/ethernet.ts'
import { ALL_NODES, NDP } from '../wire/icmpv6.ts'
import type { SimPort, SimSegment } from './sim-segment.ts'

/** A datagram that reached the node, and when. */
export interface Received {
  readonly to: Address
  readonly at: number
}

/**
 * A machine with interfaces on simulated segments: the `links` and `monitor` of an announcer. Its NICs filter as real
 * ones do: their own address, broadcast, all nodes, and groups joined.
 */
export class SimNode implements Links, LinkMonitor {
  readonly received: Received[] = []
  /** Set to make `open` fail, as without the capability. */
  openFailure: LinkFailure | undefined
  /** Set to refuse memberships, as a kernel without room for them does. */
  refusesGroups = false
  readonly #clock: Clock
  readonly #nics = new Map<number, Nic>()
  readonly #watchers = new Set<(links: readonly LinkSnapshot[]) => void>()
  #nextIndex = 1

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A new interface with a wire to the segment: Ethernet, up, with carrier and a link-local address. */
  plug(segment: SimSegment, facts: Partial<LinkSnapshot> & { readonly name: string; readonly mac: Mac }): SimPort {
    const index = facts.index ?? this.#nextIndex
    this.#nextIndex = Math.max(this.#nextIndex, index) + 1
    const nic: Nic = {
      link: { ...ETHERNET, index, ...facts },
      port: segment.plug(frame => this.#hear(nic, frame)),
      onFrame: undefined,
    }
    this.#nics.set(index, nic)
    this.#tell()
    return nic.port
  }

  /** Changes what is true of an interface, as `ip link set` and `ip address` do. */
  set(name: string, change: Partial<Omit<LinkSnapshot, 'index'>>): void {
    const nic = this.#nic(name)
    nic.link = { ...nic.link, ...change }
    this.#tell()
  }

  unplug(name: string): void {
    const nic = this.#nic(name)
    nic.port.cut()
    nic.onFrame = undefined
    this.#nics.delete(nic.link.index)
    this.#tell()
  }

  links(): readonly LinkSnapshot[] {
    return [...this.#nics.values()].map(({ link }) => link)
  }

  watch(onLinks: (links: readonly LinkSnapshot[]) => void): { close(): void } {
    this.#watchers.add(onLinks)
    onLinks(this.links())
    return { close: () => void this.#watchers.delete(onLinks) }
  }

  open(link: LinkSnapshot, onFrame: (frame: Uint8Array) => void): Result<LinkPort, LinkFailure> {
    if (this.openFailure !== undefined) return failed(this.openFailure)
    const nic = this.#nics.get(link.index)
    if (nic === undefined || link.mac === undefined) return failed({ code: 'no-such-link', detail: 'ENODEV' })
    nic.onFrame = onFrame
    return ok(portOf(this, nic, link.mac))
  }

  #hear(nic: Nic, frame: Uint8Array): void {
    const destination = macAt(frame, 0)
    const { mac, isUp } = nic.link
    const isWanted =
      destination === mac ||
      destination === BROADCAST_MAC ||
      destination === ALL_NODES_MAC ||
      nic.port.joined.has(destination)
    if (!isUp || !isWanted) return
    const type = u16At(frame, 12)
    if (type === ETHER_TYPE_ARP || (type === ETHER_TYPE_IPV6 && frame[NDP.nextHeader] === 58)) nic.onFrame?.(frame)
    else if (destination === mac) this.received.push({ to: destinationOf(frame), at: this.#clock.now() })
  }

  #nic(name: string): Nic {
    const nic = [...this.#nics.values()].find(({ link }) => link.name === name)
    if (nic === undefined) throw new RangeError(`no interface ${name}`)
    return nic
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher(this.links())
  }
}

interface Nic {
  link: LinkSnapshot
  readonly port: SimPort
  onFrame: ((frame: Uint8Array) => void) | undefined
}

function portOf(node: SimNode, nic: Nic, mac: Mac): LinkPort {
  return {
    mac,
    mtu: nic.link.mtu,
    send: frame => {
      if (!nic.link.isUp || !nic.link.hasCarrier) return false
      nic.port.send(frame)
      return true
    },
    join: group => {
      if (node.refusesGroups) return false
      nic.port.joined.add(multicastMac(group))
      return true
    },
    leave: group => void nic.port.joined.delete(multicastMac(group)),
    listenFor: () => {},
    close: () => {
      nic.onFrame = undefined
      nic.port.joined.clear()
    },
  }
}

function destinationOf(frame: Uint8Array): Address {
  return u16At(frame, 12) === ETHER_TYPE_IPV6
    ? addressFromBytes(frame.subarray(38, 54))
    : addressFromBytes(frame.subarray(30, 34))
}

const ALL_NODES_MAC = multicastMac(ALL_NODES)

const ETHERNET: Omit<LinkSnapshot, 'index' | 'name' | 'mac'> = {
  mtu: 1_500,
  isUp: true,
  hasCarrier: true,
  canBroadcast: true,
  isLoopback: false,
  isNoArp: false,
  hardwareType: 1,
  kind: undefined,
  master: undefined,
  masterKind: undefined,
  parent: undefined,
  addresses: [{ address: address('fe80::1'), prefixLength: 64, isTentative: false }],
}
