import { ByteReader, ByteWriter, macBytes, macFromBytes, ShortReadError, type Mac } from '@metallb-ts/netip'

/** What one speaker tells the others beside its heartbeats: the hardware addresses it announces with. */
export interface Hello {
  readonly node: string
  readonly macs: readonly Mac[]
}

/**
 * Whose hardware address is whose. While an address moves both speakers answer for it for an instant, and each must know
 * that the other is one of us.
 */
export class PeerHardware {
  readonly #macs = new Map<string, readonly Mac[]>()

  heard({ node, macs }: Hello): void {
    if (this.#macs.has(node) || this.#macs.size < MOST_NODES) this.#macs.set(node, macs)
  }

  /** Of the living others; undefined while one of them has not said. */
  of(alive: readonly string[], self: string): ReadonlyMap<Mac, string> | undefined {
    const nodes = new Map<Mac, string>()
    for (const node of alive) {
      const macs = this.#macs.get(node)
      if (node === self) continue
      if (macs === undefined) return undefined
      for (const mac of macs) nodes.set(mac, node)
    }
    return nodes
  }
}

export function encodeHello({ node, macs }: Hello): Uint8Array {
  const name = new TextEncoder().encode(node)
  const to = new ByteWriter({ limit: MOST_OCTETS }).u8(VERSION).u8(name.length).bytes(name)
  const told = macs.slice(0, MOST_MACS)
  to.u8(told.length)
  for (const mac of told) to.bytes(macBytes(mac))
  return to.finish()
}

/** Undefined for bytes that are no hello of this version. */
export function decodeHello(bytes: Uint8Array): Hello | undefined {
  try {
    const reader = new ByteReader(bytes)
    if (reader.u8() !== VERSION) return undefined
    const node = new TextDecoder().decode(reader.bytes(reader.u8()))
    const macs = Array.from({ length: Math.min(reader.u8(), MOST_MACS) }, () => macFromBytes(reader.bytes(6)))
    return node === '' ? undefined : { node, macs }
  } catch (error) {
    if (error instanceof ShortReadError) return undefined
    throw error
  }
}

const VERSION = 1
const MOST_MACS = 64
const MOST_NODES = 1_024
const MOST_OCTETS = 1_024
