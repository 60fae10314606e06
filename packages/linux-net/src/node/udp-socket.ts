import type { Address } from '@metallb-ts/netip'
import { libcBind, libcClose, libcRecvfrom, libcSendto, libcSocket, SOCK_CLOEXEC, SOCK_NONBLOCK } from './libc.ts'
import type { Readable } from './netlink-socket.ts'
import { decodeSocketAddress, encodeSocketAddress, socketFamily, type Endpoint } from './socket-address.ts'
import { checked } from './system-error.ts'

/** UDP on a poll loop. Throws a SystemError when it cannot be opened. */
export class UdpSocket {
  readonly #fd: number
  readonly #buffer = Buffer.alloc(DATAGRAM_LIMIT)
  readonly #from = Buffer.alloc(128)
  readonly #registration: { remove(): void }

  /** Bytes are only valid during the call. */
  constructor(
    loop: Readable,
    local: Endpoint,
    onDatagram: (bytes: Uint8Array, from: { readonly address: Address; readonly port: number }) => void,
  ) {
    this.#fd = checked('socket', libcSocket(socketFamily(local.address), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))
    const address = encodeSocketAddress(local)
    try {
      checked('bind', libcBind(this.#fd, address, address.length))
    } catch (error) {
      libcClose(this.#fd)
      throw error
    }
    this.#registration = loop.add(this.#fd, () => this.#read(onDatagram))
  }

  /** False when the kernel would not take it; a datagram lost is a datagram lost. */
  send(bytes: Uint8Array, to: Endpoint): boolean {
    const address = encodeSocketAddress(to)
    return libcSendto(this.#fd, bytes, bytes.length, MSG_DONTWAIT, address, address.length) === bytes.length
  }

  close(): void {
    this.#registration.remove()
    libcClose(this.#fd)
  }

  #read(onDatagram: (bytes: Uint8Array, from: { readonly address: Address; readonly port: number }) => void): void {
    for (let i = 0; i < MAX_DATAGRAMS; i++) {
      const length = libcRecvfrom(this.#fd, this.#buffer, DATAGRAM_LIMIT, MSG_DONTWAIT, this.#from, [this.#from.length])
      if (length < 0) return
      const from = decodeSocketAddress(this.#from)
      if (from !== undefined) onDatagram(this.#buffer.subarray(0, length), from)
    }
  }
}

const SOCK_DGRAM = 2
const MSG_DONTWAIT = 0x40
const DATAGRAM_LIMIT = 9_000
const MAX_DATAGRAMS = 256
