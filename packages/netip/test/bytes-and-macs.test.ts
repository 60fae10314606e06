import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BROADCAST_MAC,
  ByteReader,
  ByteWriter,
  formatMac,
  isGroupMac,
  mac,
  macBytes,
  macFromBytes,
  parseMac,
  ShortReadError,
  writeMac,
} from '../src/index.ts'
import { macs } from './arbitraries.ts'

type Item =
  | { readonly type: 'u8' | 'u16' | 'u24' | 'u32'; readonly value: number }
  | { readonly type: 'u64'; readonly value: bigint }
  | { readonly type: 'bytes'; readonly value: Uint8Array }

const items: fc.Arbitrary<Item> = fc.oneof(
  ...([8, 16, 24, 32] as const).map(bits => fc.nat(2 ** bits - 1).map((value): Item => ({ type: `u${bits}`, value }))),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value): Item => ({ type: 'u64', value })),
  fc.uint8Array({ maxLength: 200 }).map((value): Item => ({ type: 'bytes', value })),
)

describe('bytes', () => {
  it('what was written is read, in any order and amount', () => {
    fc.assert(
      fc.property(fc.array(items), all => {
        const writer = new ByteWriter()
        for (const item of all) {
          if (item.type === 'u64') writer.u64(item.value)
          else if (item.type === 'bytes') writer.bytes(item.value)
          else writer[item.type](item.value)
        }
        const written = writer.finish()
        expect(written.length).toBe(writer.length)
        const reader = new ByteReader(written)
        for (const item of all) {
          if (item.type === 'bytes') expect(reader.bytes(item.value.length)).toEqual(item.value)
          else expect(reader[item.type]()).toBe(item.value)
        }
        expect(reader.remaining).toBe(0)
      }),
    )
  })

  it('no read leaves its window, whatever lengths say', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 32 }), fc.nat(40), fc.nat(40), (bytes, outer, inner) => {
        const reader = new ByteReader(bytes)
        try {
          const window = reader.window(outer)
          expect(window.remaining).toBe(outer)
          window.skip(inner)
          expect(inner).toBeLessThanOrEqual(outer)
        } catch (error) {
          expect(error).toBeInstanceOf(ShortReadError)
          expect(outer > bytes.length || inner > outer).toBe(true)
        }
      }),
    )
    expect(() => new ByteReader(new Uint8Array(4)).bytes(-1)).toThrow(ShortReadError)
    expect(() => new ByteReader(new Uint8Array(4)).bytes(Number.NaN)).toThrow(ShortReadError)
    expect(() => new ByteReader(new Uint8Array(1)).u16()).toThrow(new ShortReadError(2, 1))
  })

  it('a failed read moves nothing', () => {
    const reader = new ByteReader(Uint8Array.of(1, 2, 3))
    expect(() => reader.u32()).toThrow(ShortReadError)
    expect(reader.offset).toBe(0)
    expect(reader.u8()).toBe(1)
    expect(reader.rest()).toEqual(Uint8Array.of(2, 3))
  })

  it('a writer stops at its limit, and patches only what was written', () => {
    const writer = new ByteWriter({ limit: 4, initial: 1 })
    writer.u16(0).u8(9)
    expect(() => writer.u16(1)).toThrow(RangeError)
    writer.zeros(1).patchU16(0, 0x0102).patchU8(3, 7)
    expect(writer.finish()).toEqual(Uint8Array.of(1, 2, 9, 7))
    expect(() => writer.patchU16(3, 1)).toThrow(RangeError)
    expect(() => writer.patchU8(4, 1)).toThrow(RangeError)
    expect(() => writer.patchU8(-1, 1)).toThrow(RangeError)
  })
})

describe('hardware addresses', () => {
  it('text and octets lead back to the same value', () => {
    fc.assert(
      fc.property(macs, one => {
        expect(parseMac(formatMac(one))).toEqual({ ok: true, value: one })
        expect(parseMac(formatMac(one).toUpperCase().replaceAll(':', '-'))).toEqual({ ok: true, value: one })
        expect(macFromBytes(macBytes(one))).toBe(one)
        const frame = new Uint8Array(16).fill(0xee)
        writeMac(one, frame, 5)
        expect(macFromBytes(frame, 5)).toBe(one)
        expect([frame[4], frame[11]]).toEqual([0xee, 0xee])
      }),
    )
  })

  it('knows groups by the low bit of the first octet', () => {
    fc.assert(
      fc.property(macs, one => {
        expect(isGroupMac(one)).toBe((macBytes(one)[0]! & 1) === 1)
      }),
    )
    expect(isGroupMac(BROADCAST_MAC)).toBe(true)
    expect(formatMac(BROADCAST_MAC)).toBe('ff:ff:ff:ff:ff:ff')
  })

  it.each([
    '',
    '02:00:00:00:00',
    '02:00:00:00:00:00:00',
    '02:00-00:00:00:00',
    '0200.0000.0001',
    'g2:00:00:00:00:01',
    ' 02:00:00:00:00:01',
  ])('refuses %j', text => expect(parseMac(text).ok).toBe(false))

  it('too few octets and bad literals are the caller’s mistake', () => {
    expect(() => macFromBytes(new Uint8Array(5))).toThrow(RangeError)
    expect(() => macFromBytes(new Uint8Array(8), 3)).toThrow(RangeError)
    expect(() => mac('nonsense')).toThrow(RangeError)
  })
})
