import { ByteReader, ByteWriter, macBytes, macFromBytes, ShortReadError, type Mac } from '@metallb-ts/netip'

/** What one speaker tells the others beside its heartbeats: the links it announces on, and by which rules it elects. */
export interface Hello {
  readonly node: string
  /** Of the rules of its elections, which have to be everybody's. */
  readonly rules: number
  readonly links: readonly HelloLink[]
}

/** A link that is up and used. */
export interface HelloLink {
  readonly name: string
  readonly mac: Mac
  readonly ipv4: boolean
  readonly ipv6: boolean
}

/**
 * Whose hardware address is whose. While an address moves both speakers answer for it for an instant, and each must know
 * that the other is one of us.
 */
export class PeerHardware {
  readonly #links = new Map<string, readonly HelloLink[]>()

  /** @returns whether it is news */
  heard({ node, links }: Hello): boolean {
    const before = this.#links.get(node)
    if (before === undefined && this.#links.size >= MOST_NODES) return false
    this.#links.set(node, links)
    return before === undefined || !isSame(before, links)
  }

  /** Undefined while it has not said. */
  linksOf(node: string): readonly HelloLink[] | undefined {
    return this.#links.get(node)
  }

  /** Of the living others; undefined while one of them has not said. */
  of(alive: readonly string[], self: string): ReadonlyMap<Mac, string> | undefined {
    const nodes = new Map<Mac, string>()
    for (const node of alive) {
      const links = this.#links.get(node)
      if (node === self) continue
      if (links === undefined) return undefined
      for (const { mac } of links) nodes.set(mac, node)
    }
    return nodes
  }
}

export function encodeHello({ node, rules, links }: Hello): Uint8Array {
  const to = new ByteWriter({ limit: MOST_OCTETS }).u8(VERSION)
  writeText(to, node)
  to.u32(rules)
  const told = links.slice(0, MOST_LINKS)
  to.u8(told.length)
  for (const { name, mac, ipv4, ipv6 } of told) {
    writeText(to, name)
    to.bytes(macBytes(mac)).u8((ipv4 ? IPV4 : 0) | (ipv6 ? IPV6 : 0))
  }
  return to.finish()
}

/** Undefined for bytes that are no hello of this version. */
export function decodeHello(bytes: Uint8Array): Hello | undefined {
  try {
    const reader = new ByteReader(bytes)
    if (reader.u8() !== VERSION) return undefined
    const node = readText(reader)
    const rules = reader.u32()
    const links = Array.from({ length: Math.min(reader.u8(), MOST_LINKS) }, (): HelloLink => {
      const name = readText(reader)
      const mac = macFromBytes(reader.bytes(6))
      const families = reader.u8()
      return { name, mac, ipv4: (families & IPV4) !== 0, ipv6: (families & IPV6) !== 0 }
    })
    return node === '' ? undefined : { node, rules, links }
  } catch (error) {
    if (error instanceof ShortReadError) return undefined
    throw error
  }
}

function isSame(a: readonly HelloLink[], b: readonly HelloLink[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function writeText(to: ByteWriter, text: string): void {
  const bytes = new TextEncoder().encode(text)
  to.u8(bytes.length).bytes(bytes)
}

function readText(reader: ByteReader): string {
  return new TextDecoder().decode(reader.bytes(reader.u8()))
}

const VERSION = 2
const IPV4 = 1
const IPV6 = 2
const MOST_LINKS = 32
const MOST_NODES = 1_024
const MOST_OCTETS = 1_400
