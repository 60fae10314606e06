import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  address,
  addressesOfRange,
  comparePrefixes,
  compareRanges,
  equalPrefixes,
  equalRanges,
  formatAddress,
  formatPrefix,
  formatRange,
  hostPrefix,
  indexInRange,
  lastAddress,
  maskedPrefix,
  nthAddress,
  parsePrefix,
  parseRange,
  prefix,
  prefixContains,
  prefixesOfRange,
  prefixesOverlap,
  range,
  rangeContains,
  rangeOfPrefix,
  rangeSize,
  rangesOverlap,
} from '../src/index.ts'
import { addresses, prefixes, ranges } from './arbitraries.ts'

describe('prefixes', () => {
  it('text leads back to the same value, host bits masked', () => {
    fc.assert(
      fc.property(prefixes, one => {
        expect(parsePrefix(formatPrefix(one))).toEqual({ ok: true, value: one })
      }),
    )
    expect(formatPrefix(prefix('192.0.2.77/24'))).toBe('192.0.2.0/24')
    expect(formatPrefix(prefix('2001:db8::ffff/112'))).toBe('2001:db8::/112')
  })

  it('contains what lies between its ends', () => {
    fc.assert(
      fc.property(prefixes, addresses(), (block, one) => {
        const isBetween =
          one.family === block.address.family &&
          one.value >= block.address.value &&
          one.value <= lastAddress(block).value
        expect(prefixContains(block, one)).toBe(isBetween)
        expect(prefixContains(block, lastAddress(block))).toBe(true)
      }),
    )
  })

  it('overlaps exactly where the ranges do, and orders consistently', () => {
    fc.assert(
      fc.property(prefixes, prefixes, (a, b) => {
        expect(prefixesOverlap(a, b)).toBe(rangesOverlap(rangeOfPrefix(a), rangeOfPrefix(b)))
        expect(comparePrefixes(a, b) === 0).toBe(equalPrefixes(a, b))
        expect(Math.sign(comparePrefixes(a, b)) + Math.sign(comparePrefixes(b, a))).toBe(0)
      }),
    )
  })

  it.each([
    '192.0.2.0',
    '192.0.2.0/33',
    '::/129',
    '192.0.2.0/',
    '192.0.2.0/08',
    '192.0.2.0/-1',
    '/24',
    '::1/64/64',
    '1.2.3.4/1e1',
  ])('refuses %j', text => expect(parsePrefix(text).ok).toBe(false))

  it('a length outside the family is the caller’s mistake', () => {
    for (const length of [-1, 33, 1.5, Number.NaN])
      expect(() => maskedPrefix(address('192.0.2.1'), length)).toThrow(RangeError)
    expect(hostPrefix(address('::1')).length).toBe(128)
  })
})

describe('ranges', () => {
  it('text leads back to the same value', () => {
    fc.assert(
      fc.property(ranges, one => {
        expect(parseRange(formatRange(one))).toEqual({ ok: true, value: one })
      }),
    )
    expect(range('192.0.2.1 - 192.0.2.9')).toEqual(range('192.0.2.1-192.0.2.9'))
    expect(range(' 192.0.2.0/30 ')).toEqual(range('192.0.2.0-192.0.2.3'))
  })

  it.each([
    ['192.0.2.9-192.0.2.1', 'start-after-end'],
    ['192.0.2.1-::1', 'mixed-families'],
    ['192.0.2.1-', 'not-an-address'],
    ['192.0.2.1-192.0.2.2-192.0.2.3', 'not-an-address'],
    ['', 'not-a-prefix'],
  ])('refuses %j as %s', (text, code) => {
    expect(parseRange(text)).toMatchObject({ ok: false, error: { code } })
  })

  it('counts, finds and names its addresses', () => {
    fc.assert(
      fc.property(ranges, addresses(), fc.bigInt({ min: 0n, max: 2n ** 128n }), (one, other, index) => {
        const nth = nthAddress(one, index)
        expect(nth === undefined).toBe(index >= rangeSize(one))
        if (nth !== undefined) expect(indexInRange(one, nth)).toBe(index)
        expect(indexInRange(one, other) === undefined).toBe(!rangeContains(one, other))
        expect(compareRanges(one, one)).toBe(0)
        expect(equalRanges(one, { ...one })).toBe(true)
      }),
    )
    expect(nthAddress(range('192.0.2.0/24'), -1n)).toBeUndefined()
    expect(rangeSize(range('::/0'))).toBe(2n ** 128n)
    expect([...addressesOfRange(range('192.0.2.254-192.0.3.1'))].map(formatAddress)).toEqual([
      '192.0.2.254',
      '192.0.2.255',
      '192.0.3.0',
      '192.0.3.1',
    ])
  })

  it('is covered exactly, in order, by the fewest blocks', () => {
    fc.assert(
      fc.property(ranges, one => {
        const blocks = prefixesOfRange(one)
        let next = one.first.value
        for (const block of blocks) {
          expect(block.address.value).toBe(next)
          next = lastAddress(block).value + 1n
        }
        expect(next).toBe(one.last.value + 1n)
        // No two neighbours could be one block: then they would not be the fewest.
        for (const [i, block] of blocks.entries()) {
          const after = blocks[i + 1]
          if (after === undefined || after.length !== block.length || block.length === 0) continue
          expect(
            equalPrefixes(maskedPrefix(block.address, block.length - 1), maskedPrefix(after.address, after.length - 1)),
          ).toBe(false)
        }
      }),
    )
  })
})
