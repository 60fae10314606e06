import { address, addressBytes } from '@metallb-ts/netip'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { admits, AnnouncedTable } from './table.ts'

describe('AnnouncedTable', () => {
  it('finds what it holds, and nothing else', () => {
    const someAddress = fc.oneof(
      fc.bigInt(0n, 2n ** 32n - 1n).map(value => ({ family: 'ipv4' as const, value })),
      fc.bigInt(0n, 2n ** 128n - 1n).map(value => ({ family: 'ipv6' as const, value })),
      fc.bigInt(0n, 7n).map(value => ({ family: 'ipv6' as const, value: value << 100n })), // the same last 32 bits
    )
    fc.assert(
      fc.property(fc.array(someAddress), someAddress, (held, asked) => {
        const table = new AnnouncedTable(held.map(each => ({ address: each, interfaces: 'all' })))
        const isHeld = held.some(({ family, value }) => family === asked.family && value === asked.value)
        const bytes = addressBytes(asked)
        const found =
          asked.family === 'ipv4' ? table.findIpv4(Number(asked.value)) : table.findIpv6(Uint8Array.of(9, ...bytes), 1)
        expect(found?.address.value).toEqual(isHeld ? asked.value : undefined)
      }),
      { seed: 9 },
    )
  })

  it('[row 33] an address named twice is admitted on the union of its interfaces, and one for all on all', () => {
    const named = (...lists: ('all' | string[])[]): AnnouncedTable =>
      new AnnouncedTable(lists.map(interfaces => ({ address: address('192.0.2.1'), interfaces })))
    const on = (table: AnnouncedTable, link: string): boolean => admits(table.get('192.0.2.1')!, link)
    const union = named(['eth0'], ['eth1'])
    expect([on(union, 'eth0'), on(union, 'eth1'), on(union, 'eth2')]).toEqual([true, true, false])
    expect(on(named(['eth0'], 'all'), 'eth2')).toBe(true)
    expect(on(named('all', ['eth0']), 'eth2')).toBe(true)
    expect(on(named([]), 'eth0')).toBe(false)
  })
})
