import type { Address, Mac } from '@metallb-ts/netip'
import { anyArpFilter, anyNeighborFilter, arpFilter, neighborFilter, type Instruction } from '../bpf.ts'
import type { Link } from '../link-table.ts'
import { joinedOn, MulticastGroups } from './multicast.ts'
import { NetlinkMonitor, type Readable } from './netlink-socket.ts'
import { PacketSocket } from './packet-socket.ts'
import { SystemError } from './system-error.ts'

/** One interface opened for ARP and neighbor messages. */
export interface OpenLink {
  readonly mac: Mac
  readonly mtu: number
  send(frame: Uint8Array): boolean
  /** False when the kernel would not have it now. */
  join(group: Address): boolean
  leave(group: Address): void
  listenFor(addresses: readonly Address[]): void
  close(): void
}

export type OpenedLink =
  | { readonly ok: true; readonly value: OpenLink }
  | {
      readonly ok: false
      readonly error: {
        readonly code: 'no-permission' | 'no-such-link' | 'out-of-resources' | 'refused'
        readonly detail: string
      }
    }

export interface PacketLinks {
  open(link: Pick<Link, 'index' | 'name' | 'mac' | 'mtu'>, onFrame: (frame: Uint8Array) => void): OpenedLink
  watch(onLinks: (links: readonly Link[]) => void): { close(): void }
  close(): void
}

/** Interfaces over AF_PACKET and netlink, read on one poll loop. */
export function packetLinks(loop: Readable): PacketLinks {
  const groups = new MulticastGroups()
  return {
    open: (link, onFrame) => {
      try {
        return { ok: true, value: openLink(loop, groups, link, onFrame) }
      } catch (error) {
        if (!(error instanceof SystemError)) throw error
        return { ok: false, error: { code: FAILURES[error.code] ?? 'refused', detail: error.message } }
      }
    },
    watch: onLinks => new NetlinkMonitor(loop, onLinks),
    close: () => groups.close(),
  }
}

const ETHERTYPE_ARP = 0x0806
const ETHERTYPE_IPV6 = 0x86dd
const MAX_FRAMES = 64 // frames of one interface in one turn, so that a flood on one does not starve the others

const FAILURES: Readonly<Record<string, 'no-permission' | 'no-such-link' | 'out-of-resources'>> = {
  EPERM: 'no-permission',
  EACCES: 'no-permission',
  ENODEV: 'no-such-link',
  ENXIO: 'no-such-link',
  EMFILE: 'out-of-resources',
  ENFILE: 'out-of-resources',
  ENOBUFS: 'out-of-resources',
  ENOMEM: 'out-of-resources',
}

function openLink(
  loop: Readable,
  groups: MulticastGroups,
  { index, mac, mtu }: Pick<Link, 'index' | 'mac' | 'mtu'>,
  onFrame: (frame: Uint8Array) => void,
): OpenLink {
  const arp = new PacketSocket({ index, protocol: ETHERTYPE_ARP, filter: arpFilter([]) })
  const neighbors = openSecond(arp, { index, protocol: ETHERTYPE_IPV6, filter: neighborFilter([]) })
  const read = (socket: PacketSocket) => () => {
    for (let i = 0; i < MAX_FRAMES; i++) {
      const frame = socket.receive()
      if (frame === undefined) return
      onFrame(frame)
    }
  }
  const registrations = [loop.add(arp.fd, read(arp)), loop.add(neighbors.fd, read(neighbors))]
  const joined = joinedOn(groups, index)
  let listened: Record<Address['family'], readonly bigint[]> = { ipv4: [], ipv6: [] }
  let isOpen = true
  return {
    mac: mac ?? (0 as Mac),
    mtu,
    send: frame => (frame[12] === 0x08 ? arp : neighbors).send(frame),
    join: joined.join,
    leave: joined.leave,
    listenFor: addresses => {
      const before = listened
      listened = { ipv4: valuesOf(addresses, 'ipv4'), ipv6: valuesOf(addresses, 'ipv6') }
      if (!isSame(before.ipv4, listened.ipv4)) setFilter(arp, arpFilter(addresses), anyArpFilter())
      if (!isSame(before.ipv6, listened.ipv6)) setFilter(neighbors, neighborFilter(addresses), anyNeighborFilter())
    },
    close: () => {
      if (!isOpen) return
      isOpen = false
      for (const registration of registrations) registration.remove()
      joined.leaveAll()
      arp.close()
      neighbors.close()
    },
  }
}

function valuesOf(addresses: readonly Address[], family: Address['family']): readonly bigint[] {
  return addresses.flatMap(each => (each.family === family ? [each.value] : []))
}

function isSame(a: readonly bigint[], b: readonly bigint[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i])
}

/** Kernels before 6.7 have room for some 400 addresses (net.core.optmem_max); past it who reads the frames looks alone. */
function setFilter(socket: PacketSocket, filter: readonly Instruction[], fallback: readonly Instruction[]): void {
  try {
    socket.setFilter(filter)
  } catch (error) {
    if (!(error instanceof SystemError && error.code === 'ENOMEM')) throw error
    socket.setFilter(fallback)
  }
}

function openSecond(first: PacketSocket, init: ConstructorParameters<typeof PacketSocket>[0]): PacketSocket {
  try {
    return new PacketSocket(init)
  } catch (error) {
    first.close()
    throw error
  }
}
