import type { Address, Family } from '@metallb-ts/netip'
import {
  IPPROTO_IP,
  IPPROTO_IPV6,
  libcBind,
  libcClose,
  libcIfNameToIndex,
  libcSendto,
  libcSetsockopt,
  libcSocket,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOL_SOCKET,
} from './libc.ts'
import { MessageBuffer, type Message } from './message-buffer.ts'
import { scopedSocketAddress, socketFamily } from './socket-address.ts'
import { checked, SystemError } from './system-error.ts'

export interface DatagramSocketInit {
  readonly family: Family
  /** @default every address */
  readonly local?: Address | undefined
  readonly port: number
  /** Interface or VRF to bind to; the scope of link-local addresses. @default any */
  readonly device?: string | undefined
  /** Of what is sent, 1 to 255. */
  readonly ttl: number
  /** Room for what waits to be read, as far as the system allows; 0 for a socket that only sends. */
  readonly receiveOctets: number
}

/** A UDP socket that knows the TTL, destination and interface of what it receives. */
export class DatagramSocket {
  readonly fd: number
  readonly #family: Family
  readonly #scope: number
  #message: MessageBuffer | undefined

  /** Throws a SystemError when the kernel refuses. */
  constructor({ family, local, port, device, ttl, receiveOctets }: DatagramSocketInit) {
    this.#family = family
    this.#scope = device === undefined ? 0 : libcIfNameToIndex(device)
    const domain = socketFamily({ family })
    this.fd = checked('socket', libcSocket(domain, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))
    try {
      for (const [level, option, value] of optionsOf(family, ttl)) this.#set(level, option, int(value))
      this.#set(SOL_SOCKET, SO_RCVBUF, int(receiveOctets))
      if (device !== undefined) this.#set(SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${device}\0`))
      const address = scopedSocketAddress(local ?? { family, value: 0n }, port, this.#scope)
      checked('bind', libcBind(this.fd, address, address.length))
    } catch (error) {
      libcClose(this.fd)
      throw error
    }
  }

  /** The next datagram, valid until the next call; undefined when there is none. */
  receive(): Message | undefined {
    this.#message ??= new MessageBuffer(this.#family)
    return this.#message.receive(this.fd)
  }

  /** Undefined when the kernel took it. */
  send(bytes: Uint8Array, to: Address, port: number): SystemError | undefined {
    const address = scopedSocketAddress(to, port, this.#scope)
    const sent = libcSendto(this.fd, bytes, bytes.length, MSG_DONTWAIT, address, address.length)
    return sent < 0 ? new SystemError('sendto') : undefined
  }

  close(): void {
    libcClose(this.fd)
  }

  #set(level: number, option: number, value: Buffer): void {
    checked(`setsockopt ${level}/${option}`, libcSetsockopt(this.fd, level, option, value, value.length))
  }
}

const SOCK_DGRAM = 2
const MSG_DONTWAIT = 0x40
const SO_RCVBUF = 8
const SO_BINDTODEVICE = 25
const CLASS_SELECTOR_6 = 0xc0 // network control

const IP_TOS = 1
const IP_TTL = 2
const IP_PKTINFO = 8
const IP_RECVTTL = 12
const IPV6_UNICAST_HOPS = 16
const IPV6_V6ONLY = 26
const IPV6_RECVPKTINFO = 49
const IPV6_RECVHOPLIMIT = 51
const IPV6_TCLASS = 67

function optionsOf(family: Family, ttl: number): readonly (readonly [number, number, number])[] {
  return family === 'ipv4'
    ? [
        [IPPROTO_IP, IP_TTL, ttl],
        [IPPROTO_IP, IP_TOS, CLASS_SELECTOR_6],
        [IPPROTO_IP, IP_RECVTTL, 1],
        [IPPROTO_IP, IP_PKTINFO, 1],
      ]
    : [
        [IPPROTO_IPV6, IPV6_V6ONLY, 1],
        [IPPROTO_IPV6, IPV6_UNICAST_HOPS, ttl],
        [IPPROTO_IPV6, IPV6_TCLASS, CLASS_SELECTOR_6],
        [IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1],
        [IPPROTO_IPV6, IPV6_RECVPKTINFO, 1],
      ]
}

function int(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return bytes
}
