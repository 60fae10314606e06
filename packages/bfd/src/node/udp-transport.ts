import { DatagramSocket, interfaceName, SystemError, type Readable } from '@metallb-ts/linux-net/node'
import { failed, ok, type Result } from '@metallb-ts/runtime'
import type { PathKind } from '../path.ts'
import type {
  BfdTransport,
  Datagram,
  Listener,
  ListenOptions,
  Sender,
  SendOptions,
  TransportProblem,
} from '../transport.ts'
import { EchoLinks } from './echo-links.ts'

/** UDP of Linux, read on a poll loop. Binding to a device and echoes need CAP_NET_RAW. */
export function udpTransport(loop: Readable): BfdTransport {
  const echoes = new EchoLinks(loop)
  return {
    listen: (options, onDatagram) => attempt(() => listen(loop, echoes, options, onDatagram)),
    open: options => attempt(() => open(echoes, options)),
  }
}

const PORTS: Readonly<Record<PathKind, number>> = { 'single-hop': 3_784, multihop: 4_784 }
const TTL = 255
const RECEIVE_OCTETS = 512 * 1_024 // some seconds of packets for hundreds of sessions
const MAX_DATAGRAMS = 2_048 // of one socket in one turn: more than fit into its buffer, so that all that waited is read

const CODES: Readonly<Record<string, TransportProblem['code']>> = {
  EADDRINUSE: 'port-in-use',
  EADDRNOTAVAIL: 'no-address',
  ENETUNREACH: 'no-route',
  EHOSTUNREACH: 'no-route',
  ENETDOWN: 'no-route',
  ENODEV: 'no-route',
  EPERM: 'no-permission',
  EACCES: 'no-permission',
}

function listen(
  loop: Readable,
  echoes: EchoLinks,
  { kind, family, vrf }: ListenOptions,
  onDatagram: (datagram: Datagram) => void,
): Listener {
  const socket = new DatagramSocket({ family, port: PORTS[kind], device: vrf, ttl: TTL, receiveOctets: RECEIVE_OCTETS })
  const registration = loop.add(socket.fd, () => {
    for (let i = 0; i < MAX_DATAGRAMS; i++) {
      const message = socket.receive()
      if (message === undefined) return
      const { bytes, source, destination, ttl, interfaceIndex } = message
      onDatagram({
        port: kind,
        bytes,
        source,
        destination,
        ttl,
        vrf,
        // A system call, and only a peer's first packet is told apart by it.
        get interface() {
          return interfaceIndex === undefined ? undefined : interfaceName(interfaceIndex)
        },
      })
    }
  })
  const hears = kind === 'single-hop' && family === 'ipv4'
  const deaf = hears ? echoes.hear(echo => onDatagram({ port: 'echo', ...echo, vrf })) : undefined
  return {
    close: () => {
      registration.remove()
      deaf?.()
      socket.close()
    },
  }
}

function open(echoes: EchoLinks, { path, sourcePort, ttl }: SendOptions): Sender {
  const { kind, remote, local, vrf } = path
  const device = (path.kind === 'single-hop' ? path.interface : undefined) ?? vrf
  const socket = new DatagramSocket({ family: remote.family, local, port: sourcePort, device, ttl, receiveOctets: 0 })
  const echo = path.kind === 'single-hop' && remote.family === 'ipv4' ? echoes.sender(path, ttl) : undefined
  return {
    send: bytes => {
      const error = socket.send(bytes, remote, PORTS[kind])
      return error && problemOf(error)
    },
    ...(echo !== undefined && {
      sendEcho: (bytes: Uint8Array) => {
        const sent = attempt(() => echo.send(bytes))
        return sent.ok ? sent.value : sent.error
      },
    }),
    close: () => {
      echo?.close()
      socket.close()
    },
  }
}

function attempt<Value>(act: () => Value): Result<Value, TransportProblem> {
  try {
    return ok(act())
  } catch (error) {
    if (!(error instanceof SystemError)) throw error
    return failed(problemOf(error))
  }
}

function problemOf(error: SystemError): TransportProblem {
  return { code: CODES[error.code] ?? 'refused', detail: error.message }
}
