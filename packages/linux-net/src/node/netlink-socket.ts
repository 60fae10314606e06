import { LinkTable, type Link } from '../link-table.ts'
import { decodeLinkMessages, dumpRequest } from '../netlink.ts'
import { errno, libcBind, libcClose, libcRecv, libcSend, libcSocket, SOCK_CLOEXEC, SOCK_NONBLOCK } from './libc.ts'
import { checked } from './system-error.ts'

/** What a poll loop offers. */
export interface Readable {
  add(fd: number, onReadable: () => void): { remove(): void }
}

/** Tells of interfaces and their addresses as the kernel does: at once with all there are, then with every change. */
export class NetlinkMonitor {
  readonly #fd: number
  readonly #table = new LinkTable()
  readonly #buffer = Buffer.alloc(RECEIVE_LIMIT)
  readonly #registration: { remove(): void }
  readonly #onLinks: (links: readonly Link[]) => void
  #sequence = 0
  #dump: 'links' | 'addresses' | 'complete' = 'links'
  #changed = false

  constructor(loop: Readable, onLinks: (links: readonly Link[]) => void) {
    this.#onLinks = onLinks
    this.#fd = checked('socket', libcSocket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE))
    checked('bind', libcBind(this.#fd, netlinkAddress(GROUPS), 12))
    this.#registration = loop.add(this.#fd, () => this.#read())
    this.#startDump()
  }

  close(): void {
    this.#registration.remove()
    libcClose(this.#fd)
  }

  #startDump(): void {
    this.#table.clear()
    this.#ask('links')
  }

  #ask(what: 'links' | 'addresses'): void {
    this.#dump = what
    const request = dumpRequest(what, ++this.#sequence)
    checked('send', libcSend(this.#fd, request, request.length, 0))
  }

  #read(): void {
    for (let turns = 0; turns < MAX_READS; turns++) {
      const length = libcRecv(this.#fd, this.#buffer, RECEIVE_LIMIT, 0)
      if (length > 0) this.#apply(this.#buffer.subarray(0, length))
      else if (length < 0 && errno() === ENOBUFS) this.#startDump()
      else break
    }
    if (!this.#changed || this.#dump !== 'complete') return
    this.#changed = false
    this.#onLinks(this.#table.links())
  }

  #apply(bytes: Uint8Array): void {
    for (const message of decodeLinkMessages(bytes)) {
      if (message.type === 'done') this.#dumped()
      else if (this.#table.apply(message)) this.#changed = true
    }
  }

  #dumped(): void {
    if (this.#dump === 'links') return this.#ask('addresses')
    this.#dump = 'complete'
    this.#changed = true
  }
}

const AF_NETLINK = 16
const SOCK_RAW = 3
const NETLINK_ROUTE = 0
const GROUPS = 0x1 | 0x10 | 0x100 // RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR
const ENOBUFS = 105
const RECEIVE_LIMIT = 65_536
const MAX_READS = 256 // datagrams taken in one turn, so that a storm leaves room for frames

function netlinkAddress(groups: number): Buffer {
  const address = Buffer.alloc(12)
  address.writeUInt16LE(AF_NETLINK, 0)
  address.writeUInt32LE(groups, 8)
  return address
}
