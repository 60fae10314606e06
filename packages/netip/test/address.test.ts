import { isIP } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  address,
  addressBytes,
  addressFromBytes,
  compareAddresses,
  equalAddresses,
  formatAddress,
  isLinkLocal,
  isLoopback,
  isMulticast,
  isUnspecified,
  parseAddress,
  unmapAddress,
} from '../src/index.ts'
import { addresses } from './arbitraries.ts'

describe('addresses', () => {
  it('text and octets lead back to the same value', () => {
    fc.assert(
      fc.property(addresses(), one => {
        expect(parseAddress(formatAddress(one))).toEqual({ ok: true, value: one })
        expect(addressFromBytes(addressBytes(one))).toEqual(one)
      }),
    )
  })

  it('whatever Node takes for an address is read, and nothing else', () => {
    const almost = fc.oneof(
      addresses().map(formatAddress),
      addresses().map(one => formatAddress(one).toUpperCase()),
      fc.string({ unit: fc.constantFrom('0', '1', 'f', ':', '.', '9', '2', '5'), maxLength: 24 }),
      fc
        .tuple(addresses(fc.constant('ipv6')), addresses(fc.constant('ipv4')))
        .map(([a, b]) => `${formatAddress(a).split(':').slice(0, 6).join(':')}:${formatAddress(b)}`),
    )
    fc.assert(
      fc.property(almost, text => {
        const read = parseAddress(text)
        expect(read.ok ? (read.value.family === 'ipv4' ? 4 : 6) : 0, text).toBe(isIP(text))
      }),
      { numRuns: 2_000 },
    )
  })

  it.each([
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'], // RFC 5952 §4.2.3: the first of equal runs
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'], // §4.2.2: not for one group
    ['2001:0db8:0:0:0:0:2:1', '2001:db8::2:1'], // §4.2.1: as short as possible
    ['2001:DB8::ABCD', '2001:db8::abcd'], // §4.3: lower case
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'], // the longest run
    ['0:0:0:0:0:0:0:0', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['::ffff:c000:0201', '::ffff:192.0.2.1'], // §5
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ])('RFC 5952: %s is written %s', (text, canonical) => {
    expect(formatAddress(address(text))).toBe(canonical)
  })

  it.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '256.1.1.1',
    '0x7f.0.0.1',
    ' 1.2.3.4',
    '1.2.3.4 ',
    '1:2',
    ':::',
    '1::2::3',
    '12345::',
    '::1.2.3',
    '1.2.3.4::',
    '[::1]',
    '::g',
  ])('refuses %j', text => {
    expect(parseAddress(text)).toMatchObject({ ok: false, error: { code: 'not-an-address' } })
  })

  it('refuses a zone by name, and text of any length without keeping it', () => {
    expect(parseAddress('fe80::1%eth0')).toMatchObject({ ok: false, error: { code: 'zone-not-allowed' } })
    const read = parseAddress('1'.repeat(1_000_000))
    expect(read.ok ? '' : read.error.text.length).toBeLessThan(100)
  })

  it('orders IPv4 before IPv6, then by value, and agrees with itself', () => {
    fc.assert(
      fc.property(addresses(), addresses(), (a, b) => {
        expect(Math.sign(compareAddresses(a, b)) + Math.sign(compareAddresses(b, a))).toBe(0)
        expect(compareAddresses(a, b) === 0).toBe(equalAddresses(a, b))
        if (a.family !== b.family) expect(compareAddresses(a, b)).toBe(a.family === 'ipv4' ? -1 : 1)
      }),
    )
  })

  it('knows the special ones', () => {
    for (const text of ['fe80::1', 'febf::', '169.254.0.1']) expect(isLinkLocal(address(text)), text).toBe(true)
    for (const text of ['fec0::1', '169.253.255.255', '::']) expect(isLinkLocal(address(text)), text).toBe(false)
    for (const text of ['224.0.0.1', '239.255.255.255', 'ff02::1']) expect(isMulticast(address(text)), text).toBe(true)
    for (const text of ['223.255.255.255', '240.0.0.0', 'feff::']) expect(isMulticast(address(text)), text).toBe(false)
    for (const text of ['127.0.0.1', '127.255.255.255', '::1']) expect(isLoopback(address(text)), text).toBe(true)
    for (const text of ['128.0.0.0', '::2', '::7f00:1']) expect(isLoopback(address(text)), text).toBe(false)
    for (const text of ['0.0.0.0', '::']) expect(isUnspecified(address(text)), text).toBe(true)
  })

  it('takes a mapped address out of its wrapping, and no other', () => {
    expect(unmapAddress(address('::ffff:192.0.2.1'))).toEqual(address('192.0.2.1'))
    expect(unmapAddress(address('::192.0.2.1'))).toEqual(address('::192.0.2.1'))
  })

  it('takes 4 or 16 octets, and throws for others', () => {
    for (const length of [0, 3, 5, 15, 17]) expect(() => addressFromBytes(new Uint8Array(length))).toThrow(RangeError)
    expect(() => address('nonsense')).toThrow(RangeError)
  })
})
