import { mac } from '@metallb-ts/netip'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeHello, encodeHello, PeerHardware } from './peer-hardware.ts'

const B1 = mac('02:00:00:00:00:b1')
const B2 = mac('02:00:00:00:00:b2')
const C1 = mac('02:00:00:00:00:c1')

describe('PeerHardware', () => {
  it('knows the living others once every one of them has said', () => {
    const hardware = new PeerHardware()
    hardware.heard({ node: 'b', macs: [B1, B2] })
    expect(hardware.of(['a', 'b', 'c'], 'a')).toBeUndefined()
    hardware.heard({ node: 'c', macs: [C1] })
    expect(hardware.of(['a', 'b', 'c'], 'a')).toEqual(
      new Map([
        [B1, 'b'],
        [B2, 'b'],
        [C1, 'c'],
      ]),
    )
    expect(hardware.of(['a', 'c'], 'a')).toEqual(new Map([[C1, 'c']]))
    hardware.heard({ node: 'c', macs: [] })
    expect(hardware.of(['a', 'c'], 'a')).toEqual(new Map())
  })

  it('remembers a thousand nodes, no more', () => {
    const hardware = new PeerHardware()
    for (let i = 0; i < 2_000; i++) hardware.heard({ node: `node-${i}`, macs: [] })
    expect(hardware.of(['node-1023'], 'a')).toEqual(new Map())
    expect(hardware.of(['node-1024'], 'a')).toBeUndefined()
  })
})

describe('a hello', () => {
  it('says what it was told', () => {
    expect(decodeHello(encodeHello({ node: 'nœud', macs: [B1, C1] }))).toEqual({ node: 'nœud', macs: [B1, C1] })
  })

  it('any bytes return', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), bytes => void decodeHello(Uint8Array.of(1, ...bytes))),
      { seed: 3 },
    )
  })
})
