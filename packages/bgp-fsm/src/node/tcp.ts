import { createServer, Socket, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { equalAddresses, formatAddress, isLinkLocal, parseAddress, unmapAddress, type Address } from '@metallb-ts/netip'
import type { Connection, ConnectionHandlers, DialOptions, ListenKey, ListenOptions, Transport } from '../transport.ts'

/** What Node cannot do by itself: MD5, TTL bounds, a device. `@metallb-ts/linux-net/node` has this shape. */
export interface SpecialSockets {
  openTcp(options: {
    readonly remote: Address
    readonly port: number
    readonly interface?: string
    readonly local?: Address
    readonly md5?: string
    readonly ttl?: number
    readonly minTtl?: number
    readonly device?: string
    readonly timeoutMs: number
  }): Promise<Socket>
  setTcpOptions(
    fd: number,
    options: { readonly remote: Address; readonly md5?: string; readonly ttl?: number; readonly minTtl?: number },
  ): void
}

/** TCP by node:net; `loadSpecial` is called when a peer first needs more than that. @default linux-net */
export function tcpTransport({
  loadSpecial = () => import('@metallb-ts/linux-net/node'),
}: { readonly loadSpecial?: () => Promise<SpecialSockets> } = {}): Transport {
  return {
    dial: (options, handlers) => {
      const attempt = { cancelled: false, socket: undefined as Socket | undefined }
      const failed = (error: unknown): void => {
        if (!attempt.cancelled) handlers.failed(describeDial(error, options))
      }
      const open = needsSpecial(options)
        ? openSpecial(options, loadSpecial)
        : Promise.resolve().then(() => openPlain(options))
      open.then(socket => {
        attempt.socket = socket
        socket.once('error', failed)
        const opened = (): void => {
          socket.off('error', failed)
          if (!attempt.cancelled) return attach(socket, handlers.opened(connectionOf(socket, undefined)))
          socket.on('error', () => {})
          socket.destroy()
        }
        if (attempt.cancelled) socket.destroy()
        else if (socket.connecting) socket.once('connect', opened)
        else opened()
      }, failed)
      return {
        cancel: () => {
          attempt.cancelled = true
          if (attempt.socket?.connecting === true) attempt.socket.destroy()
        },
      }
    },
    listen: (options, accept) => listen(options, accept, loadSpecial),
  }
}

async function listen(
  { port, address, keys = [], needsTtl = false }: ListenOptions,
  accept: (connection: Connection) => ConnectionHandlers | undefined,
  loadSpecial: () => Promise<SpecialSockets>,
): ReturnType<NonNullable<Transport['listen']>> {
  // Keys may come later; where the special sockets cannot be had, only who needs them fails.
  const special = await loadSpecial().catch((error: unknown) => {
    if (keys.length > 0 || needsTtl) throw error
    return undefined
  })
  const server = createServer({ noDelay: true }, socket => {
    const handlers = accept(connectionOf(socket, special))
    if (handlers !== undefined) return attach(socket, handlers)
    socket.on('error', () => {})
    socket.end()
    setTimeout(() => socket.destroy(), LINGER_MS).unref()
  })
  const host = address === undefined ? '::' : formatAddress(address)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, host }, resolve)
  })
  let inForce: readonly ListenKey[] = []
  const setKeys = (wanted: readonly ListenKey[]): void => {
    if (special === undefined && wanted.length > 0) throw new Error('TCP MD5 cannot be had on this system')
    const gone = inForce.filter(({ remote }) => !wanted.some(key => equalAddresses(key.remote, remote)))
    for (const { remote, password } of [...gone.map(({ remote }) => ({ remote, password: '' })), ...wanted])
      special?.setTcpOptions(descriptorOf(server), {
        remote: host === '::' ? mapAddress(remote) : remote,
        md5: password,
      })
    inForce = wanted
  }
  setKeys(keys)
  return {
    setKeys,
    close: () => new Promise(done => server.close(() => done())),
  }
}

function needsSpecial({ password, ttl, minimumTtl, device }: DialOptions): boolean {
  return password !== undefined || ttl !== undefined || minimumTtl !== undefined || device !== undefined
}

async function openSpecial(options: DialOptions, load: () => Promise<SpecialSockets>): Promise<Socket> {
  const { remote, port, interface: name, source, password, ttl, minimumTtl, device, timeoutMs } = options
  const { openTcp } = await load()
  return openTcp({
    remote,
    port,
    timeoutMs,
    ...(name !== undefined && { interface: name }),
    ...(source !== undefined && { local: source }),
    ...(password !== undefined && { md5: password }),
    ...(ttl !== undefined && { ttl }),
    ...(minimumTtl !== undefined && { minTtl: minimumTtl }),
    ...(device !== undefined && { device }),
  })
}

function openPlain({ remote, interface: name, port, source }: DialOptions): Socket {
  const zone = isLinkLocal(remote) && name !== undefined ? `%${name}` : ''
  const socket = new Socket()
  socket.connect({
    host: `${formatAddress(remote)}${zone}`,
    port,
    ...(source !== undefined && { localAddress: formatAddress(source) }),
  })
  return socket
}

function attach(socket: Socket, handlers: ConnectionHandlers): void {
  let reason = 'the peer closed it'
  let taken = 0
  socket.on('data', bytes => {
    // Node reads up to two megabytes in one turn of the event loop: too many messages for one.
    if (taken === 0)
      setImmediate(() => {
        taken = 0
        if (socket.isPaused()) socket.resume()
      })
    taken += bytes.length
    if (taken >= READ_A_TURN) socket.pause()
    handlers.received(bytes)
  })
  socket.on('drain', () => handlers.drained())
  socket.on('error', error => {
    reason = describe(error)
  })
  socket.on('close', () => handlers.closed(reason))
}

function connectionOf(socket: Socket, special: SpecialSockets | undefined): Connection {
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

const CS6 = 48 << 2 // RFC 4594 §3.2: network control
const LINGER_MS = 1_000 // the peer reads our NOTIFICATION, then closes its side; it is not waited for longer
const WRITE_LIMIT = 256 * 1_024
const READ_A_TURN = 64 * 1_024

/** The descriptor below a Node socket, which Node itself keeps to itself. */
function descriptorOf(socket: Socket | Server): number {
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

/** An IPv4 address as a socket of both families knows it (RFC 4291 §2.5.5.2). */
function mapAddress(address: Address): Address {
  return address.family === 'ipv6' ? address : { family: 'ipv6', value: (0xffffn << 32n) | address.value }
}

function socketAddress(text = '::'): Address {
  const parsed = parseAddress(text.split('%')[0] ?? '')
  return parsed.ok ? unmapAddress(parsed.value) : { family: 'ipv6', value: 0n }
}

function describeDial(error: unknown, { remote, port, source }: DialOptions): string {
  const from = source === undefined ? '' : `from ${formatAddress(source)} `
  return `${describe(error)} (${from}to ${formatAddress(remote)} port ${port})`
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
