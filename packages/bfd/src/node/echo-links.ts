import { PacketSocket, type Readable } from '@metallb-ts/linux-net/node'
import { formatAddress, type Mac } from '@metallb-ts/netip'
import type { SingleHopPath } from '../path.ts'
import type { Arrival, TransportProblem } from '../transport.ts'
import { decodeEchoFrame, echoFilter, encodeEchoFrame, ETHERTYPE_IPV4 } from './echo-frame.ts'
import { linkTo, neighborMac, type OwnLink } from './interfaces.ts'

/** Echoes leave and come back as frames: the kernel itself would neither send to nor take from its own address. */
export class EchoLinks {
  readonly #loop: Readable
  readonly #listeners = new Set<(echo: Arrival) => void>()
  readonly #open = new Map<string, OpenLink>()

  constructor(loop: Readable) {
    this.#loop = loop
  }

  /** Returns the function that ends it. */
  hear(onEcho: (echo: Arrival) => void): () => void {
    this.#listeners.add(onEcho)
    return () => void this.#listeners.delete(onEcho)
  }

  /** Opens nothing before the first echo. `send` throws a SystemError when the kernel refuses the socket. */
  sender(path: SingleHopPath, ttl: number): { send(bytes: Uint8Array): TransportProblem | undefined; close(): void } {
    let link: OwnLink | undefined
    let neighbor: { readonly mac: Mac | undefined; readonly askAgainAt: number } | undefined
    return {
      send: bytes => {
        link ??= linkTo(path.remote, path.interface, path.local)
        if (link === undefined) return { code: 'no-route', detail: 'no interface has the peer in its subnet' }
        const now = performance.now()
        if (neighbor === undefined || neighbor.mac === undefined || now >= neighbor.askAgainAt) {
          const mac = neighborMac(formatAddress(path.remote), link.name)
          neighbor = { mac, askAgainAt: now + NEIGHBOR_MS }
        }
        const destination = neighbor.mac
        if (destination === undefined) return { code: 'no-route', detail: 'the peer’s hardware address is not known' }
        const { socket } = this.#take(link)
        const frame = encodeEchoFrame({ destination, source: link.mac, address: link.address, ttl }, bytes)
        return socket.send(frame) ? undefined : { code: 'refused', detail: 'the interface took no frame' }
      },
      close: () => {
        if (link !== undefined) this.#release(link)
      },
    }
  }

  #take(link: OwnLink): OpenLink {
    const known = this.#open.get(link.name)
    if (known !== undefined) {
      known.users.add(link)
      return known
    }
    const socket = new PacketSocket({ index: link.index, protocol: ETHERTYPE_IPV4, filter: echoFilter() })
    const registration = this.#loop.add(socket.fd, () => this.#read(socket, link.name))
    const opened: OpenLink = { socket, users: new Set([link]), registration }
    this.#open.set(link.name, opened)
    return opened
  }

  #release(link: OwnLink): void {
    const known = this.#open.get(link.name)
    if (known === undefined) return
    known.users.delete(link)
    if (known.users.size > 0) return
    known.registration.remove()
    known.socket.close()
    this.#open.delete(link.name)
  }

  #read(socket: PacketSocket, name: string): void {
    for (let i = 0; i < MAX_FRAMES; i++) {
      const frame = socket.receive()
      if (frame === undefined) return
      const echo = decodeEchoFrame(frame)
      if (echo !== undefined) for (const tell of this.#listeners) tell({ ...echo, interface: name })
    }
  }
}

interface OpenLink {
  readonly socket: PacketSocket
  readonly users: Set<OwnLink>
  readonly registration: { remove(): void }
}

const NEIGHBOR_MS = 1_000 // between looks at the kernel's table
const MAX_FRAMES = 64 // of one interface in one turn
