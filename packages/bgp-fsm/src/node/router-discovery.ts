import { networkInterfaces } from 'node:os'
import { isLinkLocal, parseAddress, type Address } from '@metallb-ts/netip'
import { MachineRunner, type MachineComponents, type Timer } from '@metallb-ts/runtime'
import type { Discovery } from '../discovery.ts'
import {
  NOTHING_FOUND,
  stepSearch,
  type SearchEffect,
  type SearchInput,
  type SearchState,
  type SearchTimer,
} from '../unnumbered/neighbor-search.ts'
import {
  advertisedRouter,
  routerAdvertisement,
  routerSolicitation,
  type LinkEnd,
} from '../unnumbered/router-message.ts'

/** A socket for whole frames, as `@metallb-ts/linux-net/node` has it. */
export interface FrameSockets {
  readonly PacketSocket: new (init: {
    readonly index: number
    readonly protocol: number
    readonly filter: readonly { readonly code: number; readonly jt: number; readonly jf: number; readonly k: number }[]
  }) => FrameSocket
}

/** Raw ICMPv6 on one link. `packetSocket` of `@metallb-ts/linux-net/node` opens such. */
export interface FrameSocket {
  receive(): Uint8Array | undefined
  send(frame: Uint8Array): boolean
  close(): void
}

/** How neighbours are looked for. */
export interface RouterDiscoveryOptions {
  /** @default linux-net */
  readonly loadSockets?: () => Promise<FrameSockets>
  /** The interface is not there, or this process may not listen on it; it is tried again. @default nobody is told */
  readonly onTrouble?: (interfaceName: string, reason: string) => void
}

/** Finds the peers of unnumbered sessions by router advertisements, and advertises us to them. Needs CAP_NET_RAW. */
export function routerDiscovery(
  components: MachineComponents,
  { loadSockets = () => import('@metallb-ts/linux-net/node'), onTrouble = () => {} }: RouterDiscoveryOptions = {},
): Discovery {
  return {
    watch: (interfaceName, onNeighbor) => {
      const search = new LinkSearch(components, { interfaceName, onNeighbor, loadSockets, onTrouble })
      search.start()
      return { stop: () => search.stop() }
    },
  }
}

interface LinkSearchInit extends Required<RouterDiscoveryOptions> {
  readonly interfaceName: string
  readonly onNeighbor: (address: Address) => void
}

/** One link: its socket, and its machine. */
class LinkSearch {
  readonly #components: MachineComponents
  readonly #init: LinkSearchInit
  readonly #runner: MachineRunner<SearchState, SearchInput, SearchEffect, SearchTimer>
  #socket: FrameSocket | undefined
  #end: (LinkEnd & { readonly index: number }) | undefined
  #timer: Timer | undefined
  #isStopped = false

  constructor(components: MachineComponents, init: LinkSearchInit) {
    this.#components = components
    this.#init = init
    this.#runner = new MachineRunner<SearchState, SearchInput, SearchEffect, SearchTimer>(components, {
      initial: NOTHING_FOUND,
      step: stepSearch,
      perform: effect => this.#perform(effect),
      expired: timer => ({ type: 'expired', timer }),
    })
  }

  start(): void {
    this.#open().then(
      () => this.#runner.dispatch({ type: 'start' }),
      (error: unknown) => this.#tryLater(error),
    )
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#runner.stop()
    this.#socket?.close()
    this.#socket = undefined
  }

  async #open(): Promise<void> {
    const { PacketSocket } = await this.#init.loadSockets()
    if (this.#isStopped) return
    const end = endOf(this.#init.interfaceName)
    if (end === undefined) throw new Error('no such interface, or it has no link-local address')
    this.#socket = new PacketSocket({ index: end.index, protocol: ETHERTYPE_IPV6, filter: ADVERTISEMENTS_ONLY })
    this.#end = end
    this.#poll(0)
  }

  #tryLater(error: unknown): void {
    if (this.#isStopped) return
    this.#init.onTrouble(this.#init.interfaceName, error instanceof Error ? error.message : String(error))
    this.#timer = this.#components.clock.setTimer(TRY_AGAIN_MS, () => this.start())
  }

  /** Advertisements come some seconds apart, so that looking now and then is enough. */
  #poll(looks: number): void {
    for (let frames = 0; frames < FRAMES_A_LOOK; frames++) {
      const frame = this.#socket?.receive()
      if (frame === undefined) break
      const by = advertisedRouter(frame)
      if (by !== undefined && by.value !== this.#end?.address.value) this.#runner.dispatch({ type: 'advertised', by })
    }
    if (this.#isStopped) return
    if (looks % LOOKS_A_CHECK === LOOKS_A_CHECK - 1 && !this.#isSameLink()) return this.#reopen()
    this.#timer = this.#components.clock.setTimer(LOOK_MS, () => this.#poll(looks + 1))
  }

  #isSameLink(): boolean {
    const now = endOf(this.#init.interfaceName)
    return now?.index === this.#end?.index && now?.address.value === this.#end?.address.value
  }

  #reopen(): void {
    this.#socket?.close()
    this.#socket = undefined
    this.start()
  }

  #perform(effect: SearchEffect): void {
    if (effect.type === 'found') return this.#init.onNeighbor(effect.neighbor)
    if (this.#end === undefined) return
    const make = effect.message === 'solicitation' ? routerSolicitation : routerAdvertisement
    this.#socket?.send(make(this.#end))
  }
}

/** Our end of a link; undefined while it has no link-local address. */
function endOf(interfaceName: string): (LinkEnd & { readonly index: number }) | undefined {
  for (const { address: text, mac, scopeid, family } of networkInterfaces()[interfaceName] ?? []) {
    const parsed = family === 'IPv6' ? parseAddress(text) : undefined
    if (parsed?.ok === true && isLinkLocal(parsed.value) && scopeid !== undefined)
      return { index: scopeid, address: parsed.value, mac: Uint8Array.from(mac.split(':'), part => parseInt(part, 16)) }
  }
  return undefined
}

const ETHERTYPE_IPV6 = 0x86dd
const TRY_AGAIN_MS = 1_000
const LOOK_MS = 250
const LOOKS_A_CHECK = 8
const FRAMES_A_LOOK = 32

/** Classic BPF: next header 58, hop limit 255, ICMPv6 type 134. */
const ADVERTISEMENTS_ONLY = [
  { code: 0x30, jt: 0, jf: 0, k: 20 },
  { code: 0x15, jt: 0, jf: 5, k: 58 },
  { code: 0x30, jt: 0, jf: 0, k: 21 },
  { code: 0x15, jt: 0, jf: 3, k: 255 },
  { code: 0x30, jt: 0, jf: 0, k: 54 },
  { code: 0x15, jt: 0, jf: 1, k: 134 },
  { code: 0x06, jt: 0, jf: 0, k: 0x4_0000 },
  { code: 0x06, jt: 0, jf: 0, k: 0 },
] as const
