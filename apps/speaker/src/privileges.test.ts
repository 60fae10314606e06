import { describe, expect, it } from 'vitest'
import { missingPrivileges } from './privileges.ts'

const status = (set: string): string => `Name:\tnode\nCapPrm:\t0000003fffffffff\nCapEff:\t${set}\n`
const missing = (set: string, bgpListenPort: number): readonly string[] =>
  missingPrivileges(status(set), { bgpListenPort }).map(({ capability }) => capability)

describe('privileges', () => {
  it.each([
    ['all', '0000003fffffffff', 179, []],
    ['what the chart gives', '0000000000002000', 0, []],
    ['what the chart gives, and routers that call', '0000000000002000', 179, ['NET_BIND_SERVICE']],
    ['what the chart gives, and routers that call on a high port', '0000000000002000', 1_790, []],
    ['none', '0000000000000000', 179, ['NET_RAW', 'NET_BIND_SERVICE']],
  ] as const)('with %s', (_, set, port, expected) => {
    expect(missing(set, port)).toEqual(expected)
  })

  it('where the kernel says nothing, nothing is missed', () => {
    expect(missingPrivileges('', { bgpListenPort: 179 })).toEqual([])
  })
})
