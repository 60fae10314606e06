import { createServer, Socket, type SocketConstructorOpts } from 'node:net'
import { formatAddress, isLinkLocal, parseAddress, unmapAddress, type Address } from '@metallb-ts/netip'
import type { Connection, ConnectionHandlers, DialOptions, Transport } from '../transport.ts'

/** Opens sockets that need what Node cannot do: MD5, TTL bounds, a device. `@metallb-ts/linux-net/node` has one. */
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
}

/** TCP by node:net; `loadSpecial` is called when a peer first needs more than that. */
export function tcpTransport({
  loadSpecial,
}: { readonly loadSpecial?: () => Promise<SpecialSockets> } = {}): Transport {
  return {
    dial: (options, handlers) => {
      const attempt = { cancelled: false, socket: undefined as Socket | undefined }
      const open = needsSpecial(options) ? openSpecial(options, loadSpecial) : Promise.resolve(openPlain(options))
      open.then(
        socket => {
          attempt.socket = socket
          if (attempt.cancelled) return void socket.destroy()
          whenConnected(socket, () => attempt.cancelled, handlers)
        },
        (error: unknown) => {
          if (!attempt.cancelled) handlers.failed(describe(error))
        },
      )
      return {
        cancel: () => {
          attempt.cancelled = true
          if (attempt.socket?.connecting === true) attempt.socket.destroy()
        },
      }
    },
    listen: (port, accept) =>
      new Promise((resolve, reject) => {
        const server = createServer({ noDelay: true }, socket => {
          const connection = connectionOf(socket)
          const handlers = accept(connection)
          if (handlers === undefined) socket.destroy()
          else attach(socket, handlers)
        })
        server.once('error', reject)
        server.listen({ port, host: '::' }, () =>
          resolve({ close: () => new Promise(done => server.close(() => done())) }),
        )
      }),
  }
}

function needsSpecial({ password, ttl, minimumTtl, device }: DialOptions): boolean {
  return password !== undefined || ttl !== undefined || minimumTtl !== undefined || device !== undefined
}

async function openSpecial(options: DialOptions, load: (() => Promise<SpecialSockets>) | undefined): Promise<Socket> {
  if (load === undefined) throw new Error('MD5, TTL and device need @metallb-ts/linux-net')
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
  const socket = new Socket({ noDelay: true } as SocketConstructorOpts)
  socket.connect({
    host: `${formatAddress(remote)}${zone}`,
    port,
    ...(source !== undefined && { localAddress: formatAddress(source) }),
  })
  return socket
}

function whenConnected(socket: Socket, isCancelled: () => boolean, handlers: Parameters<Transport['dial']>[1]): void {
  const opened = (): void => {
    socket.off('error', failed)
    if (isCancelled()) socket.destroy()
    else attach(socket, handlers.opened(connectionOf(socket)))
  }
  const failed = (error: Error): void => {
    socket.off('connect', opened)
    if (!isCancelled()) handlers.failed(describe(error))
  }
  socket.once('error', failed)
  if (socket.connecting) socket.once('connect', opened)
  else opened()
}

function attach(socket: Socket, handlers: ConnectionHandlers): void {
  let reason = 'the peer closed it'
  socket.on('data', bytes => handlers.received(bytes))
  socket.on('drain', () => handlers.drained())
  socket.on('error', error => {
    reason = describe(error)
  })
  socket.on('close', () => handlers.closed(reason))
}

function connectionOf(socket: Socket): Connection {
  return {
    localAddress: socketAddress(socket.localAddress),
    remoteAddress: socketAddress(socket.remoteAddress),
    get buffered() {
      return socket.writableLength
    },
    write: bytes => socket.destroyed || socket.write(bytes),
    close: how => {
      if (how === 'now') socket.destroy()
      else {
        socket.end()
        socket.setTimeout(LINGER_MS, () => socket.destroy())
      }
    },
  }
}

const LINGER_MS = 2_000 // a peer that does not close its side after ours is not waited for longer

function socketAddress(text = '::'): Address {
  const parsed = parseAddress(text.split('%')[0] ?? '')
  return parsed.ok ? unmapAddress(parsed.value) : { family: 'ipv6', value: 0n }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
