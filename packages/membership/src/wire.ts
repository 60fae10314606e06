import { ByteReader, ByteWriter, ShortReadError } from '@metallb-ts/netip'

/** What members tell each other, before it is sealed. */
export interface Heartbeat {
  readonly node: string
  /** Milliseconds since 1970 at which the sender started: a later start replaces an earlier one. */
  readonly boot: number
  /** Grows with every heartbeat of one start. */
  readonly sequence: number
  /** Knows the others, and owns what it is elected for. */
  readonly isReady: boolean
  readonly isLeaving: boolean
  /** Whom the sender heard, and how long ago: by `nameHash`, in milliseconds up to 65535. */
  readonly heard: ReadonlyMap<number, number>
  /** How often what the sender holds has changed. @default 0 */
  readonly edition?: number
}

export function encodeHeartbeat({
  node,
  boot,
  sequence,
  isReady,
  isLeaving,
  heard,
  edition = 0,
}: Heartbeat): Uint8Array {
  const name = new TextEncoder().encode(node)
  const to = new ByteWriter({ limit: MAX_PACKET })
  to.u8(VERSION)
    .u64(BigInt(boot))
    .u32(sequence)
    .u8((isReady ? READY : 0) | (isLeaving ? LEAVING : 0))
  to.u8(name.length).bytes(name)
  const entries = [...heard].slice(0, MAX_HEARD)
  to.u16(entries.length)
  for (const [hash, age] of entries) to.u32(hash).u16(Math.min(Math.max(0, Math.round(age)), 0xffff))
  return to.u32(edition).finish()
}

/** Undefined for bytes that are no heartbeat of this version. Octets after its end are left for later versions. */
export function decodeHeartbeat(bytes: Uint8Array): Heartbeat | undefined {
  try {
    const reader = new ByteReader(bytes)
    if (reader.u8() !== VERSION) return undefined
    const boot = Number(reader.u64())
    const sequence = reader.u32()
    const flags = reader.u8()
    const node = new TextDecoder().decode(reader.bytes(reader.u8()))
    const count = reader.u16()
    if (node === '' || count > MAX_HEARD || !Number.isSafeInteger(boot)) return undefined
    const heard = new Map<number, number>()
    for (let i = 0; i < count; i++) heard.set(reader.u32(), reader.u16())
    const edition = reader.u32()
    return { node, boot, sequence, isReady: (flags & READY) !== 0, isLeaving: (flags & LEAVING) !== 0, heard, edition }
  } catch (error) {
    if (error instanceof ShortReadError) return undefined
    throw error
  }
}

/** FNV-1a over the octets of a name: who is meant, in four octets. */
export function nameHash(node: string): number {
  let hash = 0x811c_9dc5
  for (const octet of new TextEncoder().encode(node)) hash = Math.imul(hash ^ octet, 0x0100_0193) >>> 0
  return hash
}

const VERSION = 2
const READY = 1
const LEAVING = 2
const MAX_HEARD = 220 // what still fits one packet of an Ethernet link with a name of 255 octets
const MAX_PACKET = 1_600
