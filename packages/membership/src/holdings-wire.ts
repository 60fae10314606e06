import { ByteReader, ByteWriter, ShortReadError } from '@metallb-ts/netip'

/** `yielding`: held still, and another's as soon as it says so. */
export type Holding = 'held' | 'yielding'

type Entries<T> = readonly (readonly [name: string, to: T])[]

/** What members tell each other of what they hold, before it is sealed. */
export type HoldingsMessage =
  | {
      readonly type: 'changed'
      readonly node: string
      readonly boot: number
      /** Of the sender's holdings after this change; the one before it is one less. */
      readonly edition: number
      readonly entries: Entries<Holding | 'released'>
    }
  | {
      readonly type: 'whole'
      readonly node: string
      readonly boot: number
      readonly edition: number
      readonly part: number
      readonly parts: number
      readonly entries: Entries<Holding | 'released'>
    }
  /** Tell me all of yours. */
  | { readonly type: 'asked'; readonly node: string }

export function encodeHoldings(message: HoldingsMessage): Uint8Array {
  const to = new ByteWriter({ limit: MAX_PACKET }).u8(HOLDINGS).u8(TYPES.indexOf(message.type))
  writeText(to, message.node)
  if (message.type === 'asked') return to.finish()
  to.u64(BigInt(message.boot)).u32(message.edition)
  if (message.type === 'whole') to.u16(message.part).u16(message.parts)
  to.u16(message.entries.length)
  for (const [name, mark] of message.entries) {
    writeText(to, name)
    to.u8(MARKS.indexOf(mark))
  }
  return to.finish()
}

/** Undefined for bytes that are none of this. Octets after its end are left for later versions. */
export function decodeHoldings(bytes: Uint8Array): HoldingsMessage | undefined {
  try {
    const reader = new ByteReader(bytes)
    if (reader.u8() !== HOLDINGS) return undefined
    const type = TYPES[reader.u8()]
    const node = readText(reader)
    if (type === undefined || node === '') return undefined
    if (type === 'asked') return { type, node }
    const boot = Number(reader.u64())
    const edition = reader.u32()
    if (!Number.isSafeInteger(boot)) return undefined
    if (type === 'changed') {
      const entries = readEntries(reader)
      return entries && { type, node, boot, edition, entries }
    }
    const part = reader.u16()
    const parts = reader.u16()
    const entries = readEntries(reader)
    return part < parts && parts <= MAX_PARTS
      ? entries && { type, node, boot, edition, part, parts, entries }
      : undefined
  } catch (error) {
    if (error instanceof ShortReadError) return undefined
    throw error
  }
}

/** What a packet of this kind starts with, where a heartbeat has its version. */
export const HOLDINGS = 3

const ENCODER = new TextEncoder()
const DECODER = new TextDecoder()
const TYPES = ['changed', 'whole', 'asked'] as const
const MARKS = ['released', 'held', 'yielding'] as const
const MAX_PACKET = 1_600
const MAX_ENTRIES = 512
const MAX_PARTS = 1_024

function readEntries(reader: ByteReader): Entries<Holding | 'released'> | undefined {
  const count = reader.u16()
  if (count > MAX_ENTRIES) return undefined
  const entries: [string, Holding | 'released'][] = []
  for (let i = 0; i < count; i++) {
    const name = readText(reader)
    const mark = MARKS[reader.u8()]
    if (mark === undefined) return undefined
    entries.push([name, mark])
  }
  return entries
}

function writeText(to: ByteWriter, text: string): void {
  const bytes = ENCODER.encode(text)
  to.u8(bytes.length).bytes(bytes)
}

function readText(reader: ByteReader): string {
  return DECODER.decode(reader.bytes(reader.u8()))
}
