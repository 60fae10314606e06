import fc from 'fast-check'
import { address, mac } from '@metallb-ts/netip'
import { describe, expect, it } from 'vitest'
import { decodeLinkMessages, dumpRequest, LinkTable, type LinkMessage } from '../src/index.ts'

const octets = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'))

/** A message of type and body, padded as netlink wants it. */
function message(type: number, body: Uint8Array): Uint8Array {
  const length = 16 + body.length
  const bytes = Buffer.alloc((length + 3) & ~3)
  bytes.writeUInt32LE(length, 0)
  bytes.writeUInt16LE(type, 4)
  bytes.set(body, 16)
  return bytes
}

function attribute(type: number, value: Uint8Array): Buffer {
  const length = 4 + value.length
  const bytes = Buffer.alloc((length + 3) & ~3)
  bytes.writeUInt16LE(length, 0)
  bytes.writeUInt16LE(type, 2)
  bytes.set(value, 4)
  return bytes
}

// family, hardware type 1, index 7, flags: up, broadcast, running, multicast, lower up
const ETH0 = Buffer.concat([
  octets('00 00 0100 07000000 43100100 00000000'),
  attribute(3, Buffer.from('eth0\0')),
  attribute(1, octets('020000000001')),
  attribute(4, octets('dc050000')),
  attribute(10, octets('09000000')),
  attribute(18, Buffer.concat([attribute(1, Buffer.from('veth')), attribute(4, Buffer.from('bridge'))])),
])
const ADDRESS = Buffer.concat([
  octets('02 18 80 00 07000000'),
  attribute(1, octets('c0000201')),
  attribute(2, octets('c0000201')),
])

describe('netlink', () => {
  it.each([
    ['43100100', true, 'up and running'],
    ['03100100', true, 'up, which the kernel calls running up to a second later'],
    ['03100300', false, 'dormant: it waits for the switch to let it in (802.1X)'],
    ['03100000', false, 'without a signal'],
  ])('a link with the flags %s has carrier: %s, %s', (flags, hasCarrier) => {
    const payload = Buffer.concat([
      octets(`00 00 0100 07000000 ${flags} 00000000`),
      attribute(3, Buffer.from('eth0\0')),
    ])
    expect(decodeLinkMessages(message(16, payload))).toMatchObject([{ link: { hasCarrier } }])
  })

  it('a link is read with its names, flags and masters', () => {
    expect(decodeLinkMessages(message(16, ETH0))).toEqual([
      {
        type: 'link',
        link: {
          index: 7,
          name: 'eth0',
          mac: mac('02:00:00:00:00:01'),
          mtu: 1_500,
          isUp: true,
          hasCarrier: true,
          canBroadcast: true,
          isLoopback: false,
          isNoArp: false,
          hardwareType: 1,
          kind: 'veth',
          master: 9,
          masterKind: 'bridge',
          parent: undefined,
        },
      },
    ])
  })

  it('addresses are read, of both families, tentative or not', () => {
    const ipv6 = Buffer.concat([
      octets('0a 40 c0 fd 07000000'),
      attribute(1, octets('fe800000000000000000000000000001')),
    ])
    expect(decodeLinkMessages(Buffer.concat([message(20, ADDRESS), message(21, ipv6)]))).toEqual([
      { type: 'address', index: 7, address: { address: address('192.0.2.1'), prefixLength: 24, isTentative: false } },
      { type: 'address-gone', index: 7, address: { address: address('fe80::1'), prefixLength: 64, isTentative: true } },
    ])
  })

  it('of a point-to-point link our end counts', () => {
    const body = Buffer.concat([
      octets('02 20 80 00 07000000'),
      attribute(1, octets('c0000202')),
      attribute(2, octets('c0000201')),
    ])
    expect(decodeLinkMessages(message(20, body))).toMatchObject([{ address: { address: address('192.0.2.1') } }])
  })

  it('a hardware address of another length, and a parent in another namespace, are left out', () => {
    const body = Buffer.concat([
      octets('00 00 0003 08000000 91000000 00000000'),
      attribute(1, octets('c0000201')),
      attribute(5, octets('03000000')),
      attribute(37, octets('00000000')),
    ])
    expect(decodeLinkMessages(message(16, body))).toMatchObject([
      { link: { mac: undefined, parent: undefined, isUp: true, hasCarrier: false, isNoArp: true, name: '' } },
    ])
  })

  it('ends of dumps, errors, and what is not known', () => {
    const bytes = Buffer.concat([
      message(3, octets('00000000')),
      message(2, octets('f0ffffff')),
      message(2, octets('00000000')),
      message(99, octets('00')),
    ])
    expect(decodeLinkMessages(bytes)).toEqual([{ type: 'done' }, { type: 'error', errno: 16 }])
  })

  it('any octets, and any cut or bent message, are survived', () => {
    const whole = Buffer.concat([message(16, ETH0), message(20, ADDRESS)])
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.nat(whole.length),
        fc.nat(whole.length - 1),
        fc.nat(255),
        (noise, cut, at, value) => {
          expect(Array.isArray(decodeLinkMessages(noise))).toBe(true)
          expect(decodeLinkMessages(whole.subarray(0, cut)).length).toBeLessThanOrEqual(2)
          const bent = Buffer.from(whole)
          bent[at] = value
          expect(Array.isArray(decodeLinkMessages(bent))).toBe(true)
        },
      ),
      { numRuns: 5_000 },
    )
  })

  it('asks for dumps', () => {
    expect(Buffer.from(dumpRequest('links', 5)).toString('hex')).toBe(
      '2000000012000103050000000000000000000000000000000000000000000000',
    )
    expect(dumpRequest('addresses', 6)[4]).toBe(22)
  })
})

describe('LinkTable', () => {
  const [link] = decodeLinkMessages(message(16, ETH0)) as [LinkMessage]
  const [own] = decodeLinkMessages(message(20, ADDRESS)) as [LinkMessage]
  const [gone] = decodeLinkMessages(message(21, ADDRESS)) as [LinkMessage]

  it('adds up what it is told, and knows whether that was news', () => {
    const table = new LinkTable()
    expect(table.apply(link)).toBe(true)
    expect(table.apply(link)).toBe(false)
    expect(table.apply(own)).toBe(true)
    expect(table.apply(own)).toBe(false)
    expect(table.links()).toMatchObject([{ name: 'eth0', addresses: [{ prefixLength: 24 }] }])
    expect(table.apply(gone)).toBe(true)
    expect(table.apply(gone)).toBe(false)
    expect(table.links()).toMatchObject([{ name: 'eth0', addresses: [] }])
    table.apply(own)
    expect(table.apply({ type: 'link-gone', index: 7 })).toBe(true)
    expect(table.apply({ type: 'link-gone', index: 7 })).toBe(false)
    expect(table.apply(link)).toBe(true)
    expect(table.links()[0]!.addresses).toEqual([]) // its addresses went with it
    table.clear()
    expect(table.links()).toEqual([])
  })
})
