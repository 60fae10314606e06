import type { BfdEvents, SessionCounters, SessionKey, StateName } from '@metallb-ts/bfd'
import type { Publisher } from '@metallb-ts/event-bus'
import type { ElectionRules, IgnoreReason, Ineligibility, L2Events } from '@metallb-ts/l2-announcer'
import type { MembershipEvents, Profile } from '@metallb-ts/membership'
import type { Address } from '@metallb-ts/netip'
import type { BfdWatch } from '@metallb-ts/policy'
import type { Logger } from '@metallb-ts/runtime'
import type { LanAddress } from './contest.ts'

/** The local network as the rest of the speaker sees it: what it should hold goes in, what came of it comes out. */
export interface Lan {
  /**
   * Replaces the whole desired state. An address named twice is answered on the union of its interfaces. One with a
   * contest is held while this node wins it among the living: give those of others as well, and an owner's death costs
   * no turn of the main thread.
   */
  apply(desired: readonly LanAddress[]): void
  /** Replaces the speakers that heartbeats go to; this node may be among them. */
  setPeers(peers: readonly LanPeer[]): void
  /** Replaces the paths to routers that are watched. */
  setBfd(watches: readonly BfdWatch[]): void
  /** At most a second old. */
  counters(): LanCounters
  links(): readonly LinkView[]
  /**
   * Says goodbye to the peers, falls silent, and ends the thread. Routers hear it when what runs over their paths has ended
   * (RFC 5882 §8): `pathsUnused`. Safe to repeat.
   */
  stop(pathsUnused?: Promise<unknown>): Promise<void>
}

export interface LanPeer {
  readonly node: string
  readonly address: Address
}

export type LanEvents = L2Events & MembershipEvents & BfdEvents & OwnerEvents

export interface OwnerEvents {
  /** Who answers for which contested addresses is another now, as far as this node knows. */
  'l2:owners': {
    readonly owners: readonly Owner[]
    /** Addresses of which nothing is known any more: nobody here wants them. */
    readonly uncontested: readonly string[]
  }
  /** Another speaker elects by other rules: both may answer for one address until their options agree. */
  'member:elects-otherwise': { readonly node: string }
}

export type Owner = {
  /** Canonical text of the address that is contested. */
  readonly address: string
  /** Empty while nobody holds it. */
  readonly owner: string
  /** By node, why it may not own it; told only where nobody does. */
  readonly refusals: Readonly<Record<string, readonly Ineligibility[]>>
}

export interface LanComponents {
  readonly events: Publisher<LanEvents>
  readonly logger: Logger
  /** The thread ended without being asked: the process cannot do its work any more. */
  readonly onFailure: (error: Error) => void
}

export interface LanInit {
  readonly node: string
  /** Expressions, unanchored, of the names of interfaces never used. @default [] */
  readonly excludedInterfaces?: readonly string[]
  /** Between announcements of an address nobody asked for, in milliseconds; 0 for never. @default 60000 */
  readonly refreshMs?: number
  /** How owners are elected; equal on every node. @default MetalLB's way, nobody held down */
  readonly election?: ElectionRules
  /** How frames are read: from packet sockets, or through libpcap in a process for each interface. @default packet */
  readonly backend?: 'packet' | 'cap'
  /** Asks the network whether somebody has an address before its first announcement in the cluster. @default false */
  readonly guard?: boolean
  /** Without it every node counts as alive, and nothing is sent. */
  readonly membership?: LanMembership
}

export interface LanMembership {
  readonly bindAddress: Address
  readonly bindPort: number
  /** The content of the memberlist secret. */
  readonly secret: string
  readonly profile: 'fast' | 'balanced' | 'safe' | Profile
}

/** One interface, and what it is used for. */
export interface LinkView {
  readonly index: number
  readonly name: string
  readonly mac: string
  readonly isUp: boolean
  readonly hasCarrier: boolean
  /** `used`, or why not. */
  readonly arp: string
  readonly ndp: string
  readonly addresses: readonly string[]
}

export interface LanCounters {
  /** By address: MetalLB's three. */
  readonly addresses: Readonly<Record<string, AddressCounters>>
  readonly ignored: Readonly<Partial<Record<IgnoreReason, number>>>
  /** Frames the kernel would not take. */
  readonly sendFailures: number
  readonly bfd: readonly BfdView[]
}

/** One watched path. */
export interface BfdView {
  readonly peer: string
  readonly session: SessionKey
  /** The router's address. */
  readonly remote: string
  /** Empty for the main routing table. */
  readonly vrf: string
  readonly state: StateName
  /** What its detector saw last, for people. */
  readonly seen: string
  readonly counters: SessionCounters
}

export interface AddressCounters {
  readonly requestsReceived: number
  readonly responsesSent: number
  readonly gratuitousSent: number
  readonly conflicts: number
}
