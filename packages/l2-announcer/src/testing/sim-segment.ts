import { isGroupMac, type Mac } from '@metallb-ts/netip'
import type { Clock, Random } from '@metallb-ts/runtime'
import { macAt } from '../wire/ethernet.ts'

export interface SimSegmentInit {
  /** From one port to another, in milliseconds. @default 0.05 */
  readonly latencyMs?: number
  /** Share of frames that vanish, 0 to 1. @default 0 */
  readonly loss?: number
  /** Sends IPv6 multicast only where it was joined, as a snooping switch with a querier does. @default false */
  readonly isSnooping?: boolean
  /** How long the switch remembers where a hardware address is, in milliseconds. @default 300000 */
  readonly ageingMs?: number
}

/** A switch: learns where hardware addresses are, floods what it does not know, and can have its wires cut. */
export class SimSegment {
  readonly #components: { readonly clock: Clock; readonly random: Random }
  readonly #init: Required<SimSegmentInit>
  readonly #ports: SimPort[] = []
  readonly #learned = new Map<Mac, { port: SimPort; at: number }>()

  constructor(components: { readonly clock: Clock; readonly random: Random }, init: SimSegmentInit = {}) {
    this.#components = components
    this.#init = { latencyMs: 0.05, loss: 0, isSnooping: false, ageingMs: 300_000, ...init }
  }

  /** A wire with somebody at its end, who hears every frame the switch sends down it. */
  plug(hear: (frame: Uint8Array) => void): SimPort {
    const port = new SimPort(frame => this.#forward(frame, port), hear)
    this.#ports.push(port)
    return port
  }

  /** Where the switch would send a frame for this hardware address; undefined means everywhere. */
  locationOf(mac: Mac): SimPort | undefined {
    const entry = this.#learned.get(mac)
    return entry !== undefined && this.#components.clock.now() - entry.at <= this.#init.ageingMs
      ? entry.port
      : undefined
  }

  #forward(frame: Uint8Array, from: SimPort): void {
    const { clock, random } = this.#components
    if (random.next() < this.#init.loss) return
    this.#learned.set(macAt(frame, 6), { port: from, at: clock.now() })
    const copy = frame.slice()
    const to = this.#targets(macAt(frame, 0), from)
    clock.setTimer(this.#init.latencyMs, () => {
      for (const port of to) port.deliver(copy)
    })
  }

  #targets(destination: Mac, from: SimPort): readonly SimPort[] {
    const others = this.#ports.filter(port => port !== from)
    if (!isGroupMac(destination)) {
      const known = this.locationOf(destination)
      return known === undefined ? others : known === from ? [] : [known]
    }
    const isFiltered = this.#init.isSnooping && destination >= IPV6_MULTICAST && destination !== ALL_NODES_MAC
    return isFiltered && destination <= IPV6_MULTICAST_END
      ? others.filter(port => port.joined.has(destination))
      : others
  }
}

/** One end of a wire to the switch. */
export class SimPort {
  /** Hardware addresses of the multicast groups wanted here. */
  readonly joined: Set<Mac> = new Set()
  readonly #toSwitch: (frame: Uint8Array) => void
  readonly #hear: (frame: Uint8Array) => void
  #isCut = false

  constructor(toSwitch: (frame: Uint8Array) => void, hear: (frame: Uint8Array) => void) {
    this.#toSwitch = toSwitch
    this.#hear = hear
  }

  get isCut(): boolean {
    return this.#isCut
  }

  /** From now on nothing passes, either way; what is on its way is lost. */
  cut(): void {
    this.#isCut = true
  }

  restore(): void {
    this.#isCut = false
  }

  send(frame: Uint8Array): void {
    if (!this.#isCut) this.#toSwitch(frame)
  }

  deliver(frame: Uint8Array): void {
    if (!this.#isCut) this.#hear(frame)
  }
}

const IPV6_MULTICAST = 0x3333_0000_0000
const IPV6_MULTICAST_END = 0x3333_ffff_ffff
const ALL_NODES_MAC = 0x3333_0000_0001
