import { mac, type Mac } from '@metallb-ts/netip'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeHello, encodeHello, PeerHardware, type Hello, type HelloLink } from './peer-hardware.ts'

const B1 = mac('02:00:00:00:00:b1')
const B2 = mac('02:00:00:00:00:b2')
const C1 = mac('02:00:00:00:00:c1')

const link = (hardware: Mac, name = 'eth0'): HelloLink => ({ name, mac: hardware, ipv4: true, ipv6: false })
const hello = (node: string, ...links: HelloLink[]): Hello => ({ node, rules: 7, links })

describe('PeerHardware', () => {
  it('knows the living others once every one of them has said', () => {
    const hardware = new PeerHardware()
    hardware.heard(hello('b', link(B1), link(B2, 'eth1')))
    expect(hardware.of(['a', 'b', 'c'], 'a')).toBeUndefined()
    hardware.heard(hello('c', link(C1)))
    expect(hardware.of(['a', 'b', 'c'], 'a')).toEqual(
      new Map([
        [B1, 'b'],
        [B2, 'b'],
        [C1, 'c'],
      ]),
    )
    expect(hardware.of(['a', 'c'], 'a')).toEqual(new Map([[C1, 'c']]))
    hardware.heard(hello('c'))
    expect(hardware.of(['a', 'c'], 'a')).toEqual(new Map())
  })

  it('says whether what it hears is news, and what links a node has', () => {
    const hardware = new PeerHardware()
    expect(hardware.linksOf('b')).toBeUndefined()
    expect(hardware.heard(hello('b', link(B1)))).toBe(true)
    expect(hardware.heard(hello('b', link(B1)))).toBe(false)
    expect(hardware.heard(hello('b'))).toBe(true)
    expect(hardware.linksOf('b')).toEqual([])
  })

  it('remembers a thousand nodes, no more', () => {
    const hardware = new PeerHardware()
    for (let i = 0; i < 2_000; i++) hardware.heard(hello(`node-${i}`))
    expect(hardware.of(['node-1023'], 'a')).toEqual(new Map())
    expect(hardware.of(['node-1024'], 'a')).toBeUndefined()
  })
})

describe('a hello', () => {
  it('says what it was told', () => {
    const said = hello('nœud', link(B1), { ...link(C1, 'bond0.100'), ipv6: true })
    expect(decodeHello(encodeHello(said))).toEqual(said)
  })

  it('any bytes return', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), bytes => void decodeHello(Uint8Array.of(2, ...bytes))),
      { seed: 3 },
    )
  })
})
