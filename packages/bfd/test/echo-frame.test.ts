import { runFilter } from '@metallb-ts/linux-net/testing'
import { address, mac } from '@metallb-ts/netip'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeEchoFrame, echoFilter, encodeEchoFrame } from '../src/node/echo-frame.ts'

const OURS = address('192.0.2.10')
const PAYLOAD = Uint8Array.from({ length: 24 }, (_, i) => i)
const FRAME = encodeEchoFrame(
  { destination: mac('02:00:00:00:00:01'), source: mac('02:00:00:00:00:10'), address: OURS, ttl: 255 },
  PAYLOAD,
)
const FACTS = { packetType: 0, hasVlanTag: false }

test('[F-ECHO-01] an echo goes to the peer’s hardware address, from our address to our address, with TTL 255', () => {
  expect(Buffer.from(FRAME.subarray(0, 42)).toString('hex')).toBe(
    '020000000001020000000010' + '0800' + // Ethernet
    '45c00034' + '00000000' + 'ff1136e4' + 'c000020a' + 'c000020a' + // IPv4
    '0ec90ec9' + '0020d976', // UDP
  ) // prettier-ignore
  expect(decodeEchoFrame(FRAME)).toEqual({ bytes: PAYLOAD, source: OURS, destination: OURS, ttl: 255 })
})

test('octets behind the packet are not the echo’s', () => {
  expect(decodeEchoFrame(Uint8Array.from([...FRAME, 9, 9]))?.bytes).toEqual(PAYLOAD)
})

test('the kernel passes UDP to port 3785 only, in one piece', () => {
  const passes = (frame: Uint8Array): boolean => runFilter(echoFilter(), frame, FACTS) > 0
  expect(passes(FRAME)).toBe(true)
  expect(passes(FRAME.with(23, 6))).toBe(false) // TCP
  expect(passes(FRAME.with(37, 0xc8))).toBe(false) // port 3784
  expect(passes(FRAME.with(21, 1))).toBe(false) // a later fragment
  expect(passes(FRAME.with(14, 0x46))).toBe(false) // options
  expect(passes(FRAME.subarray(0, 30))).toBe(false)
})

test('[F-RX-14] no frame throws', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat({ max: 65 }), fc.nat({ max: 255 }), (any, at, octet) => {
      decodeEchoFrame(any)
      decodeEchoFrame(FRAME.with(at, octet))
      decodeEchoFrame(FRAME.subarray(0, at))
    }),
    { numRuns: 3_000 },
  )
})
