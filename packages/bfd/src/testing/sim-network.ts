import { equalAddresses, type Address, type Family } from '@metallb-ts/netip'
import { ok, type Clock, type Random } from '@metallb-ts/runtime'
import type { BfdPath, PathKind } from '../path.ts'
import type { BfdTransport, Datagram, SendOptions } from '../transport.ts'

export interface SimNetworkSettings {
  /** Share of datagrams lost, 0 to 1. @default 0 */
  loss?: number
  /** One way, milliseconds, drawn anew for each datagram, so that one may overtake another. @default 1 to 5 */
  latencyMs?: readonly [least: number, most: number]
  /** Share of datagrams that arrive twice, 0 to 1. @default 0 */
  duplication?: number
}

/** A datagram as a capture on the wire shows it. */
export interface Captured {
  readonly at: number
  readonly from: SimHost
  readonly bytes: Uint8Array
  readonly port: Datagram['port']
  readonly sourcePort: number
  readonly ttl: number
  readonly isLost: boolean
}

/** Hosts and datagrams in virtual time: lost, delayed, reordered, repeated, cut off one way or both. */
export class SimNetwork {
  readonly settings: Required<SimNetworkSettings>
  /** Everything sent, the newest last, at most `CAPTURE_LIMIT` of them. */
  readonly captured: Captured[] = []
  readonly #clock: Clock
  readonly #random: Random
  readonly #hosts: SimHost[] = []
  readonly #cuts = new Set<string>()
  readonly #routers = new Map<string, number>()

  constructor(
    { clock, random }: { readonly clock: Clock; readonly random: Random },
    settings: SimNetworkSettings = {},
  ) {
    this.#clock = clock
    this.#random = random
    this.settings = { loss: 0, latencyMs: [1, 5], duplication: 0, ...settings }
  }

  /** A host with these addresses on its interface; its `transport` is what `createBfd` takes. */
  host(addresses: readonly Address[], interfaceName = 'eth0'): SimHost {
    const host = new SimHost(this, this.#hosts.length, addresses, interfaceName)
    this.#hosts.push(host)
    return host
  }

  /** Nothing passes from one to the other; call it both ways for a broken link. */
  cut(from: SimHost, to: SimHost): void {
    this.#cuts.add(`${from.id} ${to.id}`)
  }

  heal(): void {
    this.#cuts.clear()
  }

  /** So many routers between the two, each of which takes one off the TTL. */
  separate(a: SimHost, b: SimHost, routers: number): void {
    this.#routers.set(`${a.id} ${b.id}`, routers).set(`${b.id} ${a.id}`, routers)
  }

  /** @internal */
  send(from: SimHost, { path, sourcePort, ttl }: SendOptions, bytes: Uint8Array): void {
    const to = this.#hosts.find(host => host.has(path.remote))
    const source = path.local ?? from.addresses.find(({ family }) => family === path.remote.family)
    const datagram = { bytes: bytes.slice(), port: path.kind, sourcePort, ttl }
    this.#carry(from, to, datagram, () => {
      const routers = this.#routers.get(`${from.id} ${to!.id}`) ?? 0
      if (source === undefined) return
      to!.receive({
        bytes: datagram.bytes,
        port: path.kind,
        source,
        destination: path.remote,
        interface: to!.interfaceName,
        ...(path.vrf !== undefined && { vrf: path.vrf }),
        ttl: ttl - routers,
      })
    })
  }

  /** @internal There and, if that host forwards, back again. */
  sendEcho(from: SimHost, { path, sourcePort, ttl }: SendOptions, bytes: Uint8Array): void {
    const via = this.#hosts.find(host => host.has(path.remote))
    const own = from.addresses.find(({ family }) => family === path.remote.family)
    const datagram = { bytes: bytes.slice(), port: 'echo' as const, sourcePort, ttl }
    this.#carry(from, via, datagram, () => {
      if (!via!.forwards || own === undefined) return
      const back = { ...datagram, ttl: ttl - 1 }
      const interfaceName = from.interfaceName
      this.#carry(via!, from, back, () =>
        from.receive({
          bytes: back.bytes,
          port: 'echo',
          source: own,
          destination: own,
          interface: interfaceName,
          ttl: back.ttl,
        }),
      )
    })
  }

  #carry(
    from: SimHost,
    to: SimHost | undefined,
    sent: Pick<Captured, 'bytes' | 'port' | 'sourcePort' | 'ttl'>,
    arrive: () => void,
  ): void {
    const { loss, duplication } = this.settings
    const isLost = to === undefined || this.#isCut(from, to) || this.#random.next() < loss
    if (this.captured.length === CAPTURE_LIMIT) this.captured.shift()
    this.captured.push({ at: this.#clock.now(), from, isLost, ...sent })
    if (isLost) return
    const copies = this.#random.next() < duplication ? 2 : 1
    for (let i = 0; i < copies; i++) this.#clock.setTimer(this.#latency(), () => this.#isCut(from, to) || arrive())
  }

  #isCut(from: SimHost, to: SimHost): boolean {
    return this.#cuts.has(`${from.id} ${to.id}`)
  }

  #latency(): number {
    const [least, most] = this.settings.latencyMs
    return least + (most - least) * this.#random.next()
  }
}

/** One machine on the simulated network. */
export class SimHost {
  readonly id: number
  readonly addresses: readonly Address[]
  readonly interfaceName: string
  /** Passes on what is not for it, so that echoes return. */
  forwards = true
  /** What stands in for errors of the kernel: set, nothing leaves. */
  sendProblem: 'no-route' | 'no-permission' | undefined
  readonly #network: SimNetwork
  readonly #listeners = new Map<string, (datagram: Datagram) => void>()

  constructor(network: SimNetwork, id: number, addresses: readonly Address[], interfaceName: string) {
    this.#network = network
    this.id = id
    this.addresses = addresses
    this.interfaceName = interfaceName
  }

  get transport(): BfdTransport {
    return {
      listen: (options, onDatagram) => {
        const key = listenerKey(options.kind, options.family, options.vrf)
        this.#listeners.set(key, onDatagram)
        return ok({ close: () => void this.#listeners.delete(key) })
      },
      open: options =>
        ok({
          send: bytes => this.#problem() ?? void this.#network.send(this, options, bytes),
          ...(canEcho(options.path) && {
            sendEcho: (bytes: Uint8Array) => this.#problem() ?? void this.#network.sendEcho(this, options, bytes),
          }),
          close: () => {},
        }),
    }
  }

  has(address: Address): boolean {
    return this.addresses.some(own => equalAddresses(own, address))
  }

  /** As if it came from the wire; what nobody listens for is lost. */
  receive(datagram: Datagram): void {
    const kind = datagram.port === 'echo' ? 'single-hop' : datagram.port
    this.#listeners.get(listenerKey(kind, datagram.source.family, datagram.vrf))?.(datagram)
  }

  #problem(): { code: 'no-route' | 'no-permission'; detail: string } | undefined {
    return this.sendProblem && { code: this.sendProblem, detail: 'said by the simulation' }
  }
}

const CAPTURE_LIMIT = 10_000

function canEcho({ kind, remote }: BfdPath): boolean {
  return kind === 'single-hop' && remote.family === 'ipv4'
}

function listenerKey(kind: PathKind, family: Family, vrf = ''): string {
  return `${kind} ${family} ${vrf}`
}
