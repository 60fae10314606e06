import type { LinkSnapshot, LinkStatus } from '@metallb-ts/l2-announcer'
import { address, mac } from '@metallb-ts/netip'
import { describe, expect, it } from 'vitest'
import { kernelAnswers } from './kernel-answers.ts'

const V4 = { address: address('192.0.2.10'), interfaces: 'all' } as const
const V6 = { address: address('2001:db8::10'), interfaces: 'all' } as const

function status(name: string, arp: LinkStatus['arp'], ...addresses: string[]): LinkStatus {
  const link: LinkSnapshot = {
    index: 1,
    name,
    mac: mac('02:00:00:00:00:01'),
    mtu: 1_500,
    isUp: true,
    hasCarrier: true,
    canBroadcast: true,
    isLoopback: false,
    isNoArp: false,
    hardwareType: 1,
    kind: undefined,
    master: undefined,
    masterKind: undefined,
    parent: undefined,
    addresses: addresses.map(text => ({ address: address(text), prefixLength: 32, isTentative: false })),
  }
  return { link, arp, ndp: arp }
}

const eth0 = status('eth0', 'used', '192.0.2.1')
const ipvs = status('kube-ipvs0', 'excluded-by-name', '192.0.2.10', '2001:db8::10')
const setting = (values: Record<string, number>) => (name: string) => values[name] ?? 0

describe('kernelAnswers', () => {
  it('an address that IPVS has, where the kernel answers for it', () => {
    expect(kernelAnswers([V4, V6], [eth0, ipvs], setting({}))).toEqual([
      { address: '192.0.2.10', holder: 'kube-ipvs0', interface: 'eth0' },
    ])
  })

  it.each([
    ['strictARP', { all: 1 }],
    ['the interface itself is strict', { eth0: 1 }],
  ])('none: %s', (_, values) => expect(kernelAnswers([V4], [eth0, ipvs], setting(values))).toEqual([]))

  it('none where no interface has the address', () => expect(kernelAnswers([V4], [eth0], setting({}))).toEqual([]))

  it('none for IPv6: a kernel answers for what the asked interface has', () =>
    expect(kernelAnswers([V6], [eth0, ipvs], setting({}))).toEqual([]))
})
