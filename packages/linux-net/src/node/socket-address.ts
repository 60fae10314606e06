import { addressBytes, addressFromBytes, type Address } from '@metallb-ts/netip'
import { AF_INET, AF_INET6, libcIfNameToIndex } from './libc.ts'

export interface Endpoint {
  readonly address: Address
  readonly port: number
  /** Interface of a link-local address. */
  readonly interface?: string
}

/** `struct sockaddr_in` or `struct sockaddr_in6`. */
export function encodeSocketAddress({ address, port, interface: name }: Endpoint): Buffer {
  return scopedSocketAddress(address, port, name === undefined ? 0 : libcIfNameToIndex(name))
}

/** @param scope index of the interface of a link-local address; 0 for any other */
export function scopedSocketAddress(address: Address, port: number, scope: number): Buffer {
  if (address.family === 'ipv4') {
    const bytes = Buffer.alloc(16)
    bytes.writeUInt16LE(AF_INET, 0)
    bytes.writeUInt16BE(port, 2)
    bytes.set(addressBytes(address), 4)
    return bytes
  }
  const bytes = Buffer.alloc(28)
  bytes.writeUInt16LE(AF_INET6, 0)
  bytes.writeUInt16BE(port, 2)
  bytes.set(addressBytes(address), 8)
  bytes.writeUInt32LE(scope, 24)
  return bytes
}

export function decodeSocketAddress(bytes: Buffer): { readonly address: Address; readonly port: number } | undefined {
  const family = bytes.readUInt16LE(0)
  const port = bytes.readUInt16BE(2)
  if (family === AF_INET) return { address: addressFromBytes(bytes.subarray(4, 8)), port }
  return family === AF_INET6 ? { address: addressFromBytes(bytes.subarray(8, 24)), port } : undefined
}

export function socketFamily({ family }: Pick<Address, 'family'>): number {
  return family === 'ipv4' ? AF_INET : AF_INET6
}
