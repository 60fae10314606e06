import { encodeProgram, type Instruction } from '../bpf.ts'
import {
  attachFilter,
  errno,
  libcBind,
  libcClose,
  libcGetsockopt,
  libcRecv,
  libcSend,
  libcSocket,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
} from './libc.ts'
import { checked } from './system-error.ts'

export interface PacketSocketInit {
  /** The kernel's number of the interface. */
  readonly index: number
  /** EtherType, such as 0x0806. */
  readonly protocol: number
  readonly filter: readonly Instruction[]
}

/** Whole frames of one EtherType on one interface (packet(7)). Throws a SystemError when it cannot be opened. */
export class PacketSocket {
  readonly fd: number
  readonly #buffer = Buffer.alloc(FRAME_LIMIT)

  constructor({ index, protocol, filter }: PacketSocketInit) {
    // Protocol 0 first: nothing queues before the filter is in place.
    this.fd = checked('socket', libcSocket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))
    try {
      this.setFilter(filter)
      checked('bind', libcBind(this.fd, linkAddress(index, protocol), LINK_ADDRESS_LENGTH))
    } catch (error) {
      libcClose(this.fd)
      throw error
    }
  }

  /** Replaced at once; what is queued already was let through by the one before. */
  setFilter(filter: readonly Instruction[]): void {
    checked('setsockopt SO_ATTACH_FILTER', attachFilter(this.fd, encodeProgram(filter)))
  }

  /** The next frame, valid until the next call; undefined when there is none, or the interface is down. */
  receive(): Uint8Array | undefined {
    const length = libcRecv(this.fd, this.#buffer, FRAME_LIMIT, MSG_DONTWAIT)
    return length <= 0 ? undefined : this.#buffer.subarray(0, length)
  }

  /** False when the kernel would not take it: the interface is down, or buffers are full. */
  send(frame: Uint8Array): boolean {
    return libcSend(this.fd, frame, frame.length, MSG_DONTWAIT) === frame.length
  }

  /** Frames let through and frames lost for want of room, since the last call. */
  statistics(): { readonly received: number; readonly dropped: number } {
    const value = Buffer.alloc(8)
    const failed = libcGetsockopt(this.fd, SOL_PACKET, PACKET_STATISTICS, value, [8]) < 0
    return failed ? { received: 0, dropped: 0 } : { received: value.readUInt32LE(0), dropped: value.readUInt32LE(4) }
  }

  close(): void {
    libcClose(this.fd)
  }
}

/** Whether this process may open packet sockets; false means CAP_NET_RAW is missing. */
export function canOpenPacketSockets(): boolean {
  const fd = libcSocket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)
  if (fd < 0) return errno() !== EPERM
  libcClose(fd)
  return true
}

const AF_PACKET = 17
const SOCK_RAW = 3
const SOL_PACKET = 263
const PACKET_STATISTICS = 6
const MSG_DONTWAIT = 0x40
const EPERM = 1
const FRAME_LIMIT = 2_048 // ARP and neighbor messages are far shorter
const LINK_ADDRESS_LENGTH = 20

function linkAddress(index: number, protocol: number): Buffer {
  const address = Buffer.alloc(LINK_ADDRESS_LENGTH)
  address.writeUInt16LE(AF_PACKET, 0)
  address.writeUInt16BE(protocol, 2)
  address.writeInt32LE(index, 4)
  return address
}
