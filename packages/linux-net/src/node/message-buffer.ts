import { addressFromBytes, type Address, type Family } from '@metallb-ts/netip'
import { IPPROTO_IP, IPPROTO_IPV6, libcRecvmsg, pointerTo } from './libc.ts'

/** A datagram and what the kernel knows of its way. */
export interface Message {
  readonly bytes: Uint8Array
  readonly source: Address
  readonly ttl: number | undefined
  readonly destination: Address | undefined
  /** The kernel's number of the interface it came in by. */
  readonly interfaceIndex: number | undefined
}

/** `struct msghdr` of a 64-bit little-endian system and everything it points at, laid out once and used for every call. */
export class MessageBuffer {
  readonly #family: Family
  readonly #name = Buffer.alloc(NAME_LENGTH)
  readonly #payload = Buffer.alloc(PAYLOAD_LIMIT)
  readonly #control = Buffer.alloc(CONTROL_LIMIT)
  readonly #vector = Buffer.alloc(16)
  readonly #header = Buffer.alloc(HEADER_LENGTH)

  constructor(family: Family) {
    this.#family = family
    this.#vector.writeBigUInt64LE(pointerTo(this.#payload), 0)
    this.#vector.writeBigUInt64LE(BigInt(PAYLOAD_LIMIT), 8)
    this.#header.writeBigUInt64LE(pointerTo(this.#name), NAME_AT)
    this.#header.writeBigUInt64LE(pointerTo(this.#vector), VECTOR_AT)
    this.#header.writeBigUInt64LE(1n, VECTOR_COUNT_AT)
    this.#header.writeBigUInt64LE(pointerTo(this.#control), CONTROL_AT)
  }

  receive(fd: number): Message | undefined {
    this.#header.writeUInt32LE(NAME_LENGTH, NAME_LENGTH_AT)
    this.#header.writeBigUInt64LE(BigInt(CONTROL_LIMIT), CONTROL_LENGTH_AT)
    const length = libcRecvmsg(fd, this.#header, MSG_DONTWAIT)
    if (length < 0) return undefined
    const control = this.#control.subarray(0, Number(this.#header.readBigUInt64LE(CONTROL_LENGTH_AT)))
    const source = this.#family === 'ipv4' ? this.#name.subarray(4, 8) : this.#name.subarray(8, 24)
    return { bytes: this.#payload.subarray(0, length), source: addressFromBytes(source), ...wayOf(control) }
  }
}

const MSG_DONTWAIT = 0x40
const NAME_LENGTH = 28 // struct sockaddr_in6
const PAYLOAD_LIMIT = 512 // a control packet has 255 octets at most
const CONTROL_LIMIT = 256
const HEADER_LENGTH = 56
const NAME_AT = 0
const NAME_LENGTH_AT = 8
const VECTOR_AT = 16
const VECTOR_COUNT_AT = 24
const CONTROL_AT = 32
const CONTROL_LENGTH_AT = 40

const CONTROL_HEADER = 16 // struct cmsghdr: length, level, type
const IP_TTL = 2
const IP_PKTINFO = 8
const IPV6_PKTINFO = 50
const IPV6_HOPLIMIT = 52

function wayOf(control: Buffer): Pick<Message, 'ttl' | 'destination' | 'interfaceIndex'> {
  const way: { -readonly [Key in 'ttl' | 'destination' | 'interfaceIndex']: Message[Key] } = {
    ttl: undefined,
    destination: undefined,
    interfaceIndex: undefined,
  }
  for (let at = 0; at + CONTROL_HEADER <= control.length;) {
    const length = Number(control.readBigUInt64LE(at))
    if (length < CONTROL_HEADER || at + length > control.length) break
    const [level, type] = [control.readInt32LE(at + 8), control.readInt32LE(at + 12)]
    const data = control.subarray(at + CONTROL_HEADER, at + length)
    if (level === IPPROTO_IP && type === IP_TTL) way.ttl = data.readInt32LE(0)
    if (level === IPPROTO_IPV6 && type === IPV6_HOPLIMIT) way.ttl = data.readInt32LE(0)
    if (level === IPPROTO_IP && type === IP_PKTINFO) {
      way.interfaceIndex = data.readInt32LE(0)
      way.destination = addressFromBytes(data.subarray(8, 12))
    }
    if (level === IPPROTO_IPV6 && type === IPV6_PKTINFO) {
      way.destination = addressFromBytes(data.subarray(0, 16))
      way.interfaceIndex = data.readInt32LE(16)
    }
    at += (length + 7) & ~7
  }
  return way
}
