import { formatAddress, type Address, type Family } from '@metallb-ts/netip'
import type { Clock, Random } from '@metallb-ts/runtime'
import type { Connection, ConnectionHandlers, DialOptions, Transport } from '../transport.ts'

/** How good the network is. */
export interface SimNetworkInit {
  readonly clock: Clock
  readonly random: Random
  /** One way, milliseconds, drawn anew for every chunk; order within a connection is kept. @default 1 to 20 */
  readonly latencyMs?: readonly [number, number]
  /** Octets that one side may have in flight before `write` says no. @default 65536 */
  readonly window?: number
}

interface End {
  readonly id: number
  readonly host: SimHost
  readonly local: Address
  readonly remote: Address
  handlers: ConnectionHandlers | undefined
  other: End | undefined
  isOpen: boolean
  isStalled: boolean
  inFlight: number
  /** Nothing on this connection arrives before what was sent earlier. */
  arrivesAt: number
  held: Uint8Array[]
  /** What a cut link keeps from arriving, until TCP sends it again. */
  unacknowledged: Uint8Array[]
}

/** A network of hosts in virtual time: FIFO per connection, latency, links that are cut, peers that stop reading. */
export class SimNetwork {
  readonly #init: Required<SimNetworkInit>
  readonly #hosts = new Map<string, SimHost>()
  readonly #cut = new Set<string>()
  readonly #ends = new Set<End>()
  #lastId = 0

  constructor(init: SimNetworkInit) {
    this.#init = { latencyMs: [1, 20], window: 65_536, ...init }
  }

  /** A host with this address; its `transport` is what a speaker takes. */
  host(address: Address): SimHost {
    const host = new SimHost(this, address)
    this.#hosts.set(formatAddress(address), host)
    return host
  }

  /** Nothing passes between the two, either way; connections live on, half-open, until a timer ends them. */
  cut(a: SimHost, b: SimHost): void {
    this.#cut.add(pair(a, b))
  }

  /** What was sent meanwhile arrives; who closed meanwhile is found to be gone. */
  heal(a: SimHost, b: SimHost): void {
    if (!this.#cut.delete(pair(a, b))) return
    for (const end of this.#ends) {
      const { other } = end
      if (other === undefined || pair(end.host, other.host) !== pair(a, b)) continue
      for (const bytes of end.unacknowledged.splice(0)) this.#deliver(other, bytes)
      if (!other.isOpen) this.#inOrder(end, () => this.#break(end, 'connection reset'))
    }
  }

  isCut(a: SimHost, b: SimHost): boolean {
    return this.#cut.has(pair(a, b))
  }

  /** Breaks every connection between the two at once, as a reset does. */
  reset(a: SimHost, b: SimHost): void {
    for (const end of [...this.#ends]) {
      const hosts = [end.host, end.other?.host]
      if (hosts.includes(a) && hosts.includes(b)) this.#break(end, 'connection reset')
    }
  }

  /** The power of a host fails for a moment: its connections are gone, and who is at their other ends hears nothing. */
  failPower(host: SimHost): void {
    for (const end of [...this.#ends]) if (end.host === host) this.#forgetEnd(end)
  }

  /** This host takes nothing out of its sockets any more. */
  stall(host: SimHost, isStalled: boolean): void {
    for (const end of this.#ends) {
      if (end.host !== host) continue
      end.isStalled = isStalled
      if (!isStalled) for (const bytes of end.held.splice(0)) this.#hand(end, bytes)
    }
  }

  /** Connections that stand now. */
  get open(): number {
    return this.#ends.size / 2
  }

  /** @internal */
  dial(host: SimHost, options: DialOptions, handlers: Parameters<Transport['dial']>[1]): { cancel(): void } {
    let isCancelled = false
    this.#later(() => {
      const target = this.#hosts.get(formatAddress(options.remote))
      if (isCancelled || target === undefined || this.isCut(host, target)) return
      const ours = this.#end(host, options.source ?? host.address, options.remote)
      const theirs = this.#end(target, options.remote, options.source ?? host.address)
      ours.other = theirs
      theirs.other = ours
      // The connection stands before anything that is said on it arrives.
      this.#inOrder(theirs, () => {
        if (theirs.handlers === undefined || !ours.isOpen) return
        if (isCancelled) return this.#close(ours)
        ours.handlers = handlers.opened(this.#connection(ours))
      })
      theirs.handlers = target.accept?.(this.#connection(theirs))
      if (theirs.handlers !== undefined) return
      this.#forget(ours)
      this.#later(() => isCancelled || handlers.failed('connection refused'))
    })
    return { cancel: () => void (isCancelled = true) }
  }

  #connection(end: End): Connection {
    return {
      localAddress: end.local,
      remoteAddress: end.remote,
      write: bytes => this.#write(end, bytes),
      close: () => this.#close(end),
    }
  }

  #end(host: SimHost, local: Address, remote: Address): End {
    const end: End = {
      id: ++this.#lastId,
      host,
      local,
      remote,
      handlers: undefined,
      other: undefined,
      isOpen: true,
      isStalled: false,
      inFlight: 0,
      arrivesAt: 0,
      held: [],
      unacknowledged: [],
    }
    this.#ends.add(end)
    return end
  }

  #write(end: End, bytes: Uint8Array): boolean {
    const { other } = end
    if (!end.isOpen || other === undefined) return true
    end.inFlight += bytes.length
    if (this.isCut(end.host, other.host)) end.unacknowledged.push(bytes)
    else this.#deliver(other, bytes)
    return end.inFlight < this.#init.window
  }

  #deliver(to: End, bytes: Uint8Array): void {
    this.#inOrder(to.other!, () => {
      if (to.handlers === undefined || to.isStalled) to.held.push(bytes)
      else this.#hand(to, bytes)
    })
  }

  #hand(end: End, bytes: Uint8Array): void {
    if (!end.isOpen) return
    const sender = end.other
    end.handlers?.received(bytes)
    if (sender === undefined) return
    const wasFull = sender.inFlight >= this.#init.window
    sender.inFlight -= bytes.length
    if (wasFull && sender.isOpen && sender.inFlight < this.#init.window) sender.handlers?.drained()
  }

  /** Ours is gone at once, the peer's when the word arrives behind everything that was sent. */
  #close(end: End): void {
    if (!end.isOpen) return
    const { other } = end
    this.#forgetEnd(end)
    this.#later(() => end.handlers?.closed('closed'))
    if (other === undefined || this.isCut(end.host, other.host)) return
    this.#inOrder(end, () => {
      if (!other.isOpen) return
      this.#forgetEnd(other)
      other.handlers?.closed('the peer closed it')
    })
  }

  #break(end: End, reason: string): void {
    for (const one of [end, end.other]) {
      if (one?.isOpen !== true) continue
      this.#forgetEnd(one)
      one.handlers?.closed(reason)
    }
  }

  #forget(end: End): void {
    this.#forgetEnd(end)
    if (end.other !== undefined) this.#forgetEnd(end.other)
  }

  #forgetEnd(end: End): void {
    end.isOpen = false
    this.#ends.delete(end)
  }

  #inOrder(end: End, deliver: () => void): void {
    const { clock } = this.#init
    end.arrivesAt = Math.max(end.arrivesAt, clock.now() + this.#latency())
    clock.setTimer(end.arrivesAt - clock.now(), deliver)
  }

  #later(act: () => void): void {
    this.#init.clock.setTimer(this.#latency(), act)
  }

  #latency(): number {
    const [least, most] = this.#init.latencyMs
    return least + (most - least) * this.#init.random.next()
  }
}

/** One machine on the simulated network. */
export class SimHost {
  readonly #network: SimNetwork
  readonly address: Address
  /** @internal */
  accept: ((connection: Connection) => ConnectionHandlers | undefined) | undefined

  constructor(network: SimNetwork, address: Address) {
    this.#network = network
    this.address = address
  }

  get family(): Family {
    return this.address.family
  }

  get transport(): Transport {
    return {
      dial: (options, handlers) => this.#network.dial(this, options, handlers),
      listen: (_options, accept) => {
        this.accept = accept
        return Promise.resolve({
          setKeys: () => {},
          close: () => {
            this.accept = undefined
            return Promise.resolve()
          },
        })
      },
    }
  }
}

function pair(a: SimHost, b: SimHost): string {
  return [formatAddress(a.address), formatAddress(b.address)].sort().join(' ')
}
