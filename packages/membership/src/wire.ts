import { ByteReader, ByteWriter, ShortReadError } from '@metallb-ts/netip'

/** What members tell each other, before it is sealed. */
export interface Heartbeat {
  readonly node: string
  /** Grows from start to start: milliseconds since 1970, or one more than what others remember. */
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
  /** Who was heard under an earlier start than one that the sender knows of, by `nameHash`, and that start. @default nobody */
  readonly outdated?: ReadonlyMap<number, number>
}

export function encodeHeartbeat({
  node,
  boot,
  sequence,
  isReady,
  isLeaving,
  heard,
  edition = 0,
  outdated = NOBODY,
}: Heartbeat): Uint8Array {
  const name = new TextEncoder().encode(node)
  const to = new ByteWriter({ limit: MAX_PACKET })
  to.u8(VERSION)
    .u64(BigInt(boot))
    .u32(sequence)
    .u8((isReady ? READY : 0) | (isLeaving ? LEAVING : 0))
  to.u8(name.length).bytes(name)
  const corrections = [...outdated].slice(0, MAX_OUTDATED)
  const entries = [...heard].slice(0, MAX_HEARD - 2 * corrections.length) // a correction takes the room of two
  to.u16(entries.length)
  for (const [hash, age] of entries) to.u32(hash).u16(Math.min(Math.max(0, Math.round(age)), 0xffff))
  to.u32(edition).u8(corrections.length)
  for (const [hash, known] of corrections) to.u32(hash).u64(BigInt(known))
  return to.finish()
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
    const outdated = new Map<number, number>()
    for (let i = reader.u8(); i > 0; i--) outdated.set(reader.u32(), Number(reader.u64()))
    if (outdated.size > MAX_OUTDATED || ![...outdated.values()].every(Number.isSafeInteger)) return undefined
    return {
      node,
      boot,
      sequence,
      isReady: (flags & READY) !== 0,
      isLeaving: (flags & LEAVING) !== 0,
      heard,
      edition,
      ...(outdated.size > 0 && { outdated }),
    }
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
const MAX_OUTDATED = 8
const NOBODY: ReadonlyMap<number, number> = new Map()
const MAX_PACKET = 1_600
