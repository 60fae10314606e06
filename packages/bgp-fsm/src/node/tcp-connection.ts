import type { Server, Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { equalAddresses, parseAddress, type Address } from '@metallb-ts/netip'
import type { Connection, ConnectionHandlers } from '../transport.ts'
import { readInTurns } from './reading.ts'
import type { SpecialSockets } from './special-sockets.ts'

/** Tells the handlers what comes of an open socket. */
export function attach(socket: Socket, handlers: ConnectionHandlers): void {
  let reason = 'the peer closed it'
  const takeRest = readInTurns(socket, bytes => handlers.received(bytes))
  socket.on('drain', () => handlers.drained())
  socket.on('error', error => {
    reason = describe(error)
  })
  socket.on('close', () => {
    takeRest()
    handlers.closed(reason)
  })
}

/** An open socket as a speaker uses it. */
export function connectionOf(socket: Socket, special: SpecialSockets | undefined): Connection {
  socket.setNoDelay(true)
  ;(socket as Socket & { setTypeOfService?(octet: number): void }).setTypeOfService?.(CS6) // not in every Node
  const localAddress = socketAddress(socket.localAddress)
  const remoteAddress = socketAddress(socket.remoteAddress)
  return {
    localAddress,
    remoteAddress,
    linkAddresses: addressesBeside(localAddress),
    ...(special !== undefined && {
      limitTtl: ({ ttl, minimumTtl }) =>
        special.setTcpOptions(descriptorOf(socket), { remote: remoteAddress, ttl, minTtl: minimumTtl }),
    }),
    write: bytes => {
      if (socket.destroyed || !socket.writable) return true
      // What is said in one turn leaves with one call of the system.
      if (socket.writableCorked === 0) {
        socket.cork()
        process.nextTick(() => socket.uncork())
      }
      // Node's own mark of 16 KiB would stop us after four UPDATEs.
      return socket.write(bytes) || socket.writableLength < WRITE_LIMIT
    },
    close: how => {
      if (how === 'now') return void socket.destroy()
      socket.end()
      setTimeout(() => socket.destroy(), LINGER_MS).unref()
    },
  }
}

/** The descriptor below a Node socket, which Node itself keeps to itself. */
export function descriptorOf(socket: Socket | Server): number {
  const { _handle: handle } = socket as unknown as { _handle?: { fd?: number } }
  if (handle?.fd === undefined) throw new Error('this socket has no descriptor')
  return handle.fd
}

/** Our other addresses on the interface that has this one. */
function addressesBeside(local: Address): NonNullable<Connection['linkAddresses']> {
  for (const entries of Object.values(networkInterfaces())) {
    const addresses = (entries ?? []).map(({ address }) => socketAddress(address))
    if (!addresses.some(one => equalAddresses(one, local))) continue
    const others = addresses.filter(one => !equalAddresses(one, local))
    return {
      ipv4: others.filter(({ family }) => family === 'ipv4'),
      ipv6: others.filter(({ family }) => family === 'ipv6'),
    }
  }
  return {}
}

function socketAddress(text = '::'): Address {
  const parsed = parseAddress(text.split('%')[0] ?? '')
  return parsed.ok ? parsed.value : { family: 'ipv6', value: 0n }
}

/** What went wrong with a socket. */
export function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

const CS6 = 48 << 2 // RFC 4594 §3.2: network control
/** How long a socket that we ended may stay. */
export const LINGER_MS = 1_000 // the peer reads our NOTIFICATION, then closes its side; it is not waited for longer
const WRITE_LIMIT = 256 * 1_024
