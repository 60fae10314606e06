import { formatAddress, type Address } from '@metallb-ts/netip'
import type { Clock, Random } from '@metallb-ts/runtime'
import type { Datagrams } from '../membership.ts'

export interface SimDatagramSettings {
  /** Share of datagrams lost, 0 to 1. @default 0 */
  readonly loss?: number
  /** Longest time on the way; shorter ones overtake. @default 1 */
  readonly latencyMs?: number
  /** Share of datagrams that arrive twice, 0 to 1. @default 0 */
  readonly duplication?: number
}

/** A network of datagrams: loses, delays, reorders and repeats them, and can be cut between any two. */
export class SimDatagrams {
  readonly #clock: Clock
  readonly #random: Random
  readonly #receivers = new Map<string, (bytes: Uint8Array) => void>()
  readonly #cuts = new Set<string>()
  readonly #settings: Required<SimDatagramSettings>

  constructor(
    { clock, random }: { readonly clock: Clock; readonly random: Random },
    settings: SimDatagramSettings = {},
  ) {
    this.#clock = clock
    this.#random = random
    this.#settings = { loss: 0, latencyMs: 1, duplication: 0, ...settings }
  }

  attach(own: Address, receive: (bytes: Uint8Array) => void): Datagrams {
    this.#receivers.set(formatAddress(own), receive)
    return { send: (bytes, to) => this.#send(formatAddress(own), formatAddress(to), bytes) }
  }

  /** Nothing passes from one to the other; call it both ways for a cut. */
  cut(from: Address, to: Address): void {
    this.#cuts.add(`${formatAddress(from)} ${formatAddress(to)}`)
  }

  heal(): void {
    this.#cuts.clear()
  }

  #send(from: string, to: string, bytes: Uint8Array): void {
    const { loss, latencyMs, duplication } = this.#settings
    if (this.#cuts.has(`${from} ${to}`) || this.#random.next() < loss) return
    const copies = this.#random.next() < duplication ? 2 : 1
    for (let i = 0; i < copies; i++) {
      const copy = bytes.slice()
      this.#clock.setTimer(this.#random.next() * latencyMs, () => {
        if (!this.#cuts.has(`${from} ${to}`)) this.#receivers.get(to)?.(copy)
      })
    }
  }
}
