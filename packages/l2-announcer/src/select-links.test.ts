import { address, mac } from '@metallb-ts/netip'
import { describe, expect, it } from 'vitest'
import type { LinkSnapshot } from './link.ts'
import { chooseLinks, DEFAULT_EXCLUDED_INTERFACES, isUsed, nameMatcher, type LinkRefusal } from './select-links.ts'

const ETH: LinkSnapshot = {
  index: 2,
  name: 'eth0',
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
  addresses: [{ address: address('fe80::1'), prefixLength: 64, isTentative: false }],
}

const none = (): boolean => false

function choice(change: Partial<LinkSnapshot>, others: readonly LinkSnapshot[] = []): [string, string] {
  const link = { ...ETH, ...change }
  const found = chooseLinks([link, ...others], none).find(each => each.link === link)!
  return [found.arp, found.ndp]
}

const both = (refusal: LinkRefusal): [string, string] => [refusal, refusal]

describe('chooseLinks', () => {
  it('[row 33] an Ethernet link that is up is used, with and without an IPv4 address, with and without carrier', () => {
    expect(choice({})).toEqual(['used', 'used'])
    expect(choice({ hasCarrier: false })).toEqual(['used', 'used'])
  })

  const refused: [LinkRefusal, string, Partial<LinkSnapshot>][] = [
    ['down', 'not set up', { isUp: false }],
    ['loopback', 'the loopback', { isLoopback: true }],
    ['no-arp-flag', 'NOARP', { isNoArp: true }],
    ['member-of-another', 'a bridge port', { master: 9, masterKind: 'bridge' }],
    ['member-of-another', 'a bond member', { master: 9, masterKind: 'bond' }],
    ['member-of-another', 'a member of a master nobody can see', { master: 9 }],
    ['not-ethernet', 'InfiniBand', { hardwareType: 32 }],
    ['no-hardware-address', 'no hardware address', { mac: undefined }],
    ['no-hardware-address', 'a hardware address of zeros', { mac: 0 as never }],
  ]
  it.each(refused)('%s: %s', (reason, _, change) => expect(choice(change)).toEqual(both(reason)))

  it('a member of a VRF is used, whoever says what its master is', () => {
    expect(choice({ master: 9, masterKind: 'vrf' })).toEqual(['used', 'used'])
    expect(choice({ master: 9 }, [{ ...ETH, index: 9, name: 'blue', kind: 'vrf' }])).toEqual(['used', 'used'])
  })

  it('the bridge itself, and a VLAN on an interface, are used', () => {
    expect(choice({ kind: 'bridge' })).toEqual(['used', 'used'])
    expect(choice({ index: 3, kind: 'vlan', parent: 2 }, [ETH])).toEqual(['used', 'used'])
  })

  it('a macvlan gives way to its parent, unless the parent is not used', () => {
    expect(choice({ index: 3, name: 'mac0', kind: 'macvlan', parent: 2 }, [ETH])).toEqual(both('stands-on-a-used-link'))
    expect(choice({ index: 3, name: 'mac0', kind: 'macvlan', parent: 2 }, [{ ...ETH, isUp: false }])).toEqual([
      'used',
      'used',
    ])
    expect(choice({ index: 3, name: 'mac0', kind: 'macvlan', parent: 77 })).toEqual(['used', 'used']) // in another namespace
  })

  it('[row 27] ARP needs broadcast', () => expect(choice({ canBroadcast: false })).toEqual(['no-broadcast', 'used']))

  it('[row 28] NDP needs a link-local address, a tentative one will do', () => {
    expect(choice({ addresses: [] })).toEqual(['used', 'no-link-local'])
    const tentative = { address: address('fe80::1'), prefixLength: 64, isTentative: true }
    expect(choice({ addresses: [tentative] })).toEqual(['used', 'used'])
    const ipv4LinkLocal = { address: address('169.254.0.1'), prefixLength: 16, isTentative: false }
    expect(choice({ addresses: [ipv4LinkLocal] })).toEqual(['used', 'no-link-local'])
  })

  it('comes in order of index', () => {
    const links = [7, 3, 5].map(index => ({ ...ETH, index, name: `eth${index}` }))
    expect(chooseLinks(links, none).map(({ link }) => link.index)).toEqual([3, 5, 7])
  })
})

describe('excluded interfaces', () => {
  const matcher = (expressions: readonly string[]): ((name: string) => boolean) => {
    const result = nameMatcher(expressions)
    if (!result.ok) throw new Error(result.error.expression)
    return result.value
  }

  it('[row 36] the list of MetalLB’s manifests', () => {
    const isExcluded = matcher(DEFAULT_EXCLUDED_INTERFACES)
    for (const name of [
      'docker0',
      'cbr0',
      'dummy0',
      'virbr0',
      'lxcbr0',
      'veth12ab',
      'lo',
      'cali1',
      'tunl0',
      'flannel.1',
      'kube-ipvs0',
      'cni0',
      'nodelocaldns',
      'lxc_health',
    ]) {
      expect([name, isExcluded(name)]).toEqual([name, true])
    }
    for (const name of ['eth0', 'bond0', 'br0', 'lo1', 'mydocker0'])
      expect([name, isExcluded(name)]).toEqual([name, false])
  })

  it('[row 36] an expression is searched for anywhere, unless it says where', () => {
    expect(matcher(['eth'])('myeth0')).toBe(true)
    expect(matcher(['^eth'])('myeth0')).toBe(false)
    expect(matcher([])('eth0')).toBe(false)
  })

  it('[row 36] an excluded interface is not used, and says so', () => {
    const [first] = chooseLinks([ETH], matcher(['^eth0$']))
    expect(first).toMatchObject({ arp: 'excluded-by-name', ndp: 'excluded-by-name' })
    expect(isUsed(first!)).toBe(false)
  })

  it('[row 36] what is not an expression is named', () => {
    expect(nameMatcher(['^eth', '('])).toEqual({ ok: false, error: { code: 'not-an-expression', expression: '(' } })
  })
})
