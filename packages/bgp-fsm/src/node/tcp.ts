import { Socket } from 'node:net'
import { formatAddress, isLinkLocal } from '@metallb-ts/netip'
import type { DialOptions, Transport } from '../transport.ts'
import type { SpecialSockets } from './special-sockets.ts'
import { attach, connectionOf, describe } from './tcp-connection.ts'
import { listen } from './tcp-listener.ts'

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

function describeDial(error: unknown, { remote, port, source }: DialOptions): string {
  const from = source === undefined ? '' : `from ${formatAddress(source)} `
  return `${describe(error)} (${from}to ${formatAddress(remote)} port ${port})`
}
