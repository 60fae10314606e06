import type { Address, Mac } from '@metallb-ts/netip'
import type { Result } from '@metallb-ts/runtime'

/** Everything the announcer wants to know about one network interface, as the kernel tells it. */
export interface LinkSnapshot {
  /** The kernel's number for it. A deleted interface that comes back has another one. */
  readonly index: number
  readonly name: string
  /** Absent when the interface has none of six octets (InfiniBand, tunnels). */
  readonly mac: Mac | undefined
  /** Octets. */
  readonly mtu: number
  /** Set up by its administrator (IFF_UP). */
  readonly isUp: boolean
  /** A peer is at the other end of the wire (IFF_LOWER_UP and IFF_RUNNING). */
  readonly hasCarrier: boolean
  readonly canBroadcast: boolean
  readonly isLoopback: boolean
  /** IFF_NOARP: its owner wants no address resolution here. */
  readonly isNoArp: boolean
  /** ARPHRD_*; 1 is Ethernet. */
  readonly hardwareType: number
  /** What made it: `bridge`, `bond`, `vlan`, `macvlan`, `veth`, …; absent for plain hardware. */
  readonly kind: string | undefined
  /** Index of the bridge, bond, team or VRF it belongs to. */
  readonly master: number | undefined
  /** What its master is, when the kernel says so on the member itself. */
  readonly masterKind: string | undefined
  /** Index of the interface it stands on (VLAN, macvlan, ipvlan) in this namespace. */
  readonly parent: number | undefined
  readonly addresses: readonly LinkAddress[]
}

export interface LinkAddress {
  readonly address: Address
  readonly prefixLength: number
  /** Still being checked for duplicates (IFA_F_TENTATIVE), or found to be one: not to be used as a source. */
  readonly isTentative: boolean
}

/** One opened interface. Callbacks are synchronous; a frame's bytes are only valid during the call. */
export interface LinkPort {
  readonly mac: Mac
  readonly mtu: number
  /** Sends a whole Ethernet frame. False when the kernel would not take it now (link down, no buffers): not an error. */
  send(frame: Uint8Array): boolean
  /** Receives what is sent to an IPv6 multicast group. False when the kernel would not have it now; it is asked again. */
  join(group: Address): boolean
  leave(group: Address): void
  /** The addresses whose ARP and neighbor messages matter from now on. A port may let others through as well. */
  listenFor(addresses: readonly Address[]): void
  /** Safe to repeat. */
  close(): void
}

export interface Links {
  /** Opens an interface. `onFrame` gets ARP and ICMPv6 neighbor messages as whole Ethernet frames. */
  open(link: LinkSnapshot, onFrame: (frame: Uint8Array) => void): Result<LinkPort, LinkFailure>
}

/** Why an interface could not be opened. */
export interface LinkFailure {
  readonly code: 'no-permission' | 'no-such-link' | 'out-of-resources' | 'refused'
  /** The system's own word for it, such as `EPERM`. */
  readonly detail: string
}

export interface LinkMonitor {
  /** Calls at once with what is there, and again with the whole after every change. */
  watch(onLinks: (links: readonly LinkSnapshot[]) => void): { close(): void }
}
