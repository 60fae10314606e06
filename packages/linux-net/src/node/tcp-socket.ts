import { Socket } from 'node:net'
import type { Address } from '@metallb-ts/netip'
import {
  errno,
  IPPROTO_IP,
  IPPROTO_IPV6,
  libcBind,
  libcClose,
  libcConnect,
  libcGetsockopt,
  libcPoll,
  libcSetsockopt,
  libcSocket,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOL_SOCKET,
} from './libc.ts'
import { encodeSocketAddress, socketFamily } from './socket-address.ts'
import { checked, SystemError } from './system-error.ts'

export interface TcpOptions {
  readonly remote: Address
  readonly port: number
  /** Interface of a link-local remote address. */
  readonly interface?: string
  /** Address of ours to dial from. */
  readonly local?: Address
  /** TCP MD5 key (RFC 2385), 1 to 80 octets; '' takes the key of this peer away. */
  readonly md5?: string
  /** TTL or hop limit of what is sent, 1 to 255. */
  readonly ttl?: number
  /** Least TTL of what is taken (RFC 5082), 1 to 255. */
  readonly minTtl?: number
  /** Interface or VRF device to bind to. */
  readonly device?: string
  readonly timeoutMs: number
}

/** A connected socket whose options were in force from the first SYN. Rejects with a SystemError. */
export async function openTcp(options: TcpOptions): Promise<Socket> {
  const { remote, port, interface: name, local } = options
  const fd = checked('socket', libcSocket(socketFamily(remote), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))
  try {
    setTcpOptions(fd, options)
    if (local !== undefined) {
      const address = encodeSocketAddress({ address: local, port: 0 })
      checked('bind', libcBind(fd, address, address.length))
    }
    const address = encodeSocketAddress({ address: remote, port, ...(name !== undefined && { interface: name }) })
    if (libcConnect(fd, address, address.length) < 0 && errno() !== EINPROGRESS) throw new SystemError('connect')
    await connected(fd, options.timeoutMs)
  } catch (error) {
    libcClose(fd)
    throw error
  }
  return new Socket({ fd, readable: true, writable: true })
}

/** Sets on a descriptor what Node cannot. */
export function setTcpOptions(
  fd: number,
  { remote, md5, ttl, minTtl, device }: Omit<TcpOptions, 'port' | 'timeoutMs'>,
): void {
  const isV4 = remote.family === 'ipv4'
  if (device !== undefined) setOption(fd, 'SO_BINDTODEVICE', SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${device}\0`))
  if (md5 !== undefined) setOption(fd, 'TCP_MD5SIG', IPPROTO_TCP, TCP_MD5SIG, md5Signature(remote, md5))
  if (ttl !== undefined)
    setOption(fd, 'IP_TTL', isV4 ? IPPROTO_IP : IPPROTO_IPV6, isV4 ? IP_TTL : IPV6_UNICAST_HOPS, int(ttl))
  if (minTtl !== undefined) {
    setOption(fd, 'IP_MINTTL', isV4 ? IPPROTO_IP : IPPROTO_IPV6, isV4 ? IP_MINTTL : IPV6_MINHOPCOUNT, int(minTtl))
  }
}

const SOCK_STREAM = 1
const EINPROGRESS = 115
const ETIMEDOUT = 110
const POLLOUT = 4
const SO_ERROR = 4
const SO_BINDTODEVICE = 25
const IPPROTO_TCP = 6
const IP_TTL = 2
const IP_MINTTL = 21
const IPV6_UNICAST_HOPS = 16
const IPV6_MINHOPCOUNT = 73
const TCP_MD5SIG = 14
const MD5_KEY_LIMIT = 80

function setOption(fd: number, name: string, level: number, option: number, value: Buffer): void {
  checked(`setsockopt ${name}`, libcSetsockopt(fd, level, option, value, value.length))
}

function int(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return bytes
}

/** `struct tcp_md5sig`: the peer's address in 128 octets, flags, prefix length, key length, interface, key. */
function md5Signature(remote: Address, password: string): Buffer {
  const key = Buffer.from(password)
  if (key.length > MD5_KEY_LIMIT)
    throw new RangeError(`a TCP MD5 key has 1 to ${MD5_KEY_LIMIT} octets, not ${key.length}`)
  const bytes = Buffer.alloc(216)
  bytes.set(encodeSocketAddress({ address: remote, port: 0 }))
  bytes.writeUInt16LE(key.length, 130)
  bytes.set(key, 136)
  return bytes
}

/** Waits on a thread of koffi's pool, so that neither the event loop nor a timer is involved. */
function connected(fd: number, timeoutMs: number): Promise<void> {
  const set = Buffer.alloc(8)
  set.writeInt32LE(fd)
  set.writeInt16LE(POLLOUT, 4)
  return new Promise((resolve, reject) => {
    libcPoll.async(set, 1, Math.ceil(timeoutMs), (error: unknown, ready: number) => {
      if (error !== null && error !== undefined) return reject(error as Error)
      if (ready === 0) return reject(new SystemError('connect', ETIMEDOUT))
      const value = Buffer.alloc(4)
      libcGetsockopt(fd, SOL_SOCKET, SO_ERROR, value, [4])
      const code = value.readInt32LE()
      if (code === 0) resolve()
      else reject(new SystemError('connect', code))
    })
  })
}
