import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addressBytes } from '@metallb-ts/netip'
import { afterAll, describe, expect, test } from 'vitest'
import { captureFile, type CaptureFile } from '../src/node/index.ts'
import { PcapEncoder, pcapHeader, type ConnectionEnds, type PassedMessage } from '../src/index.ts'
import { encodeMessage, KEEPALIVE } from '../src/wire/index.ts'
import { hosts, Scene, THEM, THEM6, US, US6 } from './scripted-scene.ts'

const V4: ConnectionEnds = { localAddress: US, remoteAddress: THEM }
const V6: ConnectionEnds = { localAddress: US6, remoteAddress: THEM6 }
const AT = Date.UTC(2026, 0, 2, 3, 4, 5, 678)
const BYTES = encodeMessage(KEEPALIVE, { fourOctetAs: true, internal: false })
const passed = (direction: 'sent' | 'received', ends: ConnectionEnds, bytes = BYTES): PassedMessage => ({
  peer: 'router',
  direction,
  bytes,
  ends,
})

interface Packet {
  readonly at: number
  readonly from: string
  readonly ports: readonly [number, number]
  readonly sequence: number
  readonly acknowledged: number
  readonly isIntact: boolean
  readonly payload: Uint8Array
}

describe('a capture', () => {
  test('begins as a file of raw IP packets does', () => {
    const hex = Buffer.from(pcapHeader()).toString('hex')
    expect(hex).toBe('a1b2c3d4' + '0002' + '0004' + '00000000' + '00000000' + '00040000' + '00000065')
  })

  test.each([
    ['IPv4', V4],
    ['IPv6', V6],
  ])('holds the octets of the wire over %s, in both directions, as one conversation', (_name, ends) => {
    const encoder = new PcapEncoder()
    const packets = [
      ...read(encoder.encode(passed('sent', ends), AT)),
      ...read(encoder.encode(passed('received', ends), AT + 0.25)),
      ...read(encoder.encode(passed('sent', ends), AT + 1)),
    ]
    expect(packets.map(({ payload }) => Buffer.from(payload))).toEqual(
      [BYTES, BYTES, BYTES].map(one => Buffer.from(one)),
    )
    expect(packets.map(({ at }) => at)).toEqual([AT, AT + 0.25, AT + 1])
    expect(packets.every(({ isIntact }) => isIntact)).toBe(true)
    expect(packets.map(({ ports }) => ports)).toEqual([[49_152, 179], [179, 49_152], [49_152, 179]]) // prettier-ignore
    expect(packets.map(({ sequence, acknowledged }) => [sequence, acknowledged])).toEqual([[1, 1], [1, 20], [20, 20]]) // prettier-ignore
    const [ours, theirs] = [ends.localAddress, ends.remoteAddress].map(one =>
      Buffer.from(addressBytes(one)).toString('hex'),
    )
    expect(packets.map(({ from }) => from)).toEqual([ours, theirs, ours])
  })

  test('tells connections apart', () => {
    const encoder = new PcapEncoder()
    const ports = [V4, { ...V4 }, V4].map(ends => read(encoder.encode(passed('sent', ends), AT))[0]!.ports[0])
    expect(ports).toEqual([49_152, 49_153, 49_152])
  })

  test('cuts what no IP packet can hold', () => {
    const bytes = Uint8Array.from({ length: 65_535 }, (_, i) => i)
    for (const ends of [V4, V6]) {
      const packets = read(new PcapEncoder().encode(passed('sent', ends, bytes), AT))
      expect(packets.map(({ sequence }) => sequence)).toEqual([1, 65_001])
      expect(packets.every(({ isIntact }) => isIntact)).toBe(true)
      expect(Buffer.concat(packets.map(({ payload }) => payload)).equals(bytes)).toBe(true)
    }
  })

  test('of a session holds every message, and nothing else', () => {
    const encoder = new PcapEncoder()
    const packets: Packet[] = []
    const scene = new Scene({ onMessage: message => void packets.push(...read(encoder.encode(message, AT))) })
    scene.establish()
    scene.routes(...hosts(2_000))
    const sent = packets.filter(({ ports }) => ports[1] === 179)
    expect(Buffer.concat(sent.map(({ payload }) => payload))).toEqual(Buffer.concat(scene.peer.frames))
    expect(packets.length - sent.length).toBe(2)
    expect(packets.length).toBe(scene.session.counters.messagesSent + scene.session.counters.messagesReceived)
  })
})

describe('a capture file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bgp-capture-'))
  const path = join(folder, 'capture.pcap')
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('is bounded, its owner’s alone, and whole once it is closed', async () => {
    const clock = { wallTime: () => AT }
    const file = captureFile({ path, clock, mostOctets: 24 + 3 * (16 + 40 + BYTES.length) })
    for (let i = 0; i < 5; i++) file.onMessage(passed('sent', V4))
    await file.close()
    const bytes = readFileSync(path)
    expect(bytes.subarray(0, 24)).toEqual(Buffer.from(pcapHeader()))
    expect(read(bytes.subarray(24)).map(({ sequence }) => sequence)).toEqual([1, 20, 39])
    expect(file.dropped).toBe(2)
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  test('that cannot be written costs itself only', async () => {
    const clock = { wallTime: () => AT }
    const path = join(folder, 'no', 'such')
    const file = await new Promise<CaptureFile>(resolve => {
      const made = captureFile({ path, clock, onTrouble: () => resolve(made) })
    })
    file.onMessage(passed('sent', V4))
    await file.close()
    expect(file.dropped).toBe(1)
  })
})

/** Records, as the file format has them; `isIntact`: lengths and both checksums are right. */
function read(bytes: Uint8Array): Packet[] {
  const packets: Packet[] = []
  for (let at = 0; at < bytes.length;) {
    const record = new DataView(bytes.buffer, bytes.byteOffset + at)
    const length = record.getUint32(8)
    const packet = bytes.subarray(at + 16, at + 16 + length)
    packets.push({ at: record.getUint32(0) * 1_000 + record.getUint32(4) / 1_000, ...dissect(packet) })
    expect(record.getUint32(12)).toBe(length)
    at += 16 + length
  }
  return packets
}

function dissect(packet: Uint8Array): Omit<Packet, 'at'> {
  const isIpv4 = packet[0]! >> 4 === 4
  const head = isIpv4 ? 20 : 40
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length)
  const addresses = isIpv4 ? packet.subarray(12, 20) : packet.subarray(8, 40)
  const tcp = packet.subarray(head)
  const total = isIpv4 ? view.getUint16(2) : view.getUint16(4) + 40
  const pseudo = [...addresses, 0, 0, tcp.length >> 8, tcp.length & 255, 0, 0, 0, 6]
  const isHeaderRight = !isIpv4 || sumOf(packet.subarray(0, 20)) === 0xffff
  return {
    from: Buffer.from(addresses.subarray(0, addresses.length / 2)).toString('hex'),
    ports: [view.getUint16(head), view.getUint16(head + 2)],
    sequence: view.getUint32(head + 4),
    acknowledged: view.getUint32(head + 8),
    isIntact: total === packet.length && isHeaderRight && sumOf([...pseudo, ...tcp]) === 0xffff,
    payload: tcp.subarray(20),
  }
}

/** In ones' complement: 0xffff over what carries a right checksum. */
function sumOf(octets: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < octets.length; i += 2) sum += octets[i]! * 256 + (octets[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum % 65_536) + Math.floor(sum / 65_536)
  return sum
}
