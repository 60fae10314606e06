import { addressBytes, formatAddress, type Address } from '@metallb-ts/netip'
import { AF_INET6, IPPROTO_IPV6, libcClose, libcSetsockopt, libcSocket, SOCK_CLOEXEC } from './libc.ts'
import { checked, SystemError } from './system-error.ts'

/** Memberships in IPv6 groups, so that MLD (RFC 3810) reports them and snooping switches pass them on. */
export class MulticastGroups {
  readonly #members = new Map<string, { count: number; fd: number }>()
  readonly #sockets: { readonly fd: number; groups: number }[] = []

  /** Joins on one interface; a group joined twice has to be left twice. Throws a SystemError when the kernel refuses. */
  join(group: Address, index: number): void {
    const key = memberKey(group, index)
    const member = this.#members.get(key)
    if (member !== undefined) {
      member.count++
      return
    }
    const socket = this.#roomy()
    checked(
      'setsockopt IPV6_ADD_MEMBERSHIP',
      libcSetsockopt(socket.fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, membership(group, index), 20),
    )
    socket.groups++
    this.#members.set(key, { count: 1, fd: socket.fd })
  }

  /** Also of an interface that is gone, with which its memberships went. */
  leave(group: Address, index: number): void {
    const key = memberKey(group, index)
    const member = this.#members.get(key)
    if (member === undefined || --member.count > 0) return
    this.#members.delete(key)
    libcSetsockopt(member.fd, IPPROTO_IPV6, IPV6_DROP_MEMBERSHIP, membership(group, index), 20)
    const socket = this.#sockets.find(({ fd }) => fd === member.fd)
    if (socket !== undefined) socket.groups--
  }

  close(): void {
    for (const { fd } of this.#sockets) libcClose(fd)
    this.#sockets.length = 0
    this.#members.clear()
  }

  #roomy(): { readonly fd: number; groups: number } {
    const roomy = this.#sockets.find(({ groups }) => groups < GROUPS_PER_SOCKET)
    if (roomy !== undefined) return roomy
    const fresh = { fd: checked('socket', libcSocket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)), groups: 0 }
    this.#sockets.push(fresh)
    return fresh
  }
}

/** The groups of one interface that is opened. */
export interface JoinedGroups {
  /** False when the kernel would not have it now. */
  readonly join: (group: Address) => boolean
  readonly leave: (group: Address) => void
  readonly leaveAll: () => void
}

export function joinedOn(groups: MulticastGroups, index: number): JoinedGroups {
  const joined = new Map<bigint, Address>()
  return {
    join: group => {
      if (joined.has(group.value)) return true
      try {
        groups.join(group, index)
      } catch (error) {
        if (error instanceof SystemError) return false
        throw error
      }
      joined.set(group.value, group)
      return true
    },
    leave: group => {
      if (joined.delete(group.value)) groups.leave(group, index)
    },
    leaveAll: () => {
      for (const group of joined.values()) groups.leave(group, index)
      joined.clear()
    },
  }
}

const SOCK_DGRAM = 2
const IPV6_ADD_MEMBERSHIP = 20
const IPV6_DROP_MEMBERSHIP = 21
const GROUPS_PER_SOCKET = 256 // net.core.optmem_max of older kernels holds some 365

function memberKey(group: Address, index: number): string {
  return `${formatAddress(group)}%${index}`
}

function membership(group: Address, index: number): Buffer {
  const request = Buffer.alloc(20)
  request.set(addressBytes(group))
  request.writeUInt32LE(index, 16)
  return request
}
