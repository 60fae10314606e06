import { address } from '@metallb-ts/netip'
import { describe, expect, it } from 'vitest'
import { nodeFacts, nodePeers, readConfig } from '../src/index.ts'

const HERE = nodeFacts({
  metadata: { name: 'n1', labels: {} },
  status: { addresses: [{ type: 'InternalIP', address: '192.0.2.10' }] },
} as never)

function peerOf(spec: object): unknown {
  const { config, problems } = readConfig({
    pools: [],
    l2Advertisements: [],
    bgpAdvertisements: [],
    peers: [{ metadata: { name: 'p', namespace: 'metallb-system' }, spec: { myASN: 64_512, ...spec } }] as never,
    bfdProfiles: [],
    communities: [],
    namespaces: [],
    nodes: [],
    secrets: [],
  })
  expect(problems).toEqual([])
  return nodePeers(config, HERE).peers[0]
}

describe('the peers of a node', () => {
  it('[row 83] an unnumbered one is looked for on its interface, and carries both families by the address of the wire', () => {
    expect(peerOf({ dynamicASN: 'external', interface: 'eth1' })).toEqual({
      name: 'p',
      interface: 'eth1',
      port: 179,
      localAsn: 64_512,
      peerAsn: 'external',
      families: ['ipv4', 'ipv6'],
      ownAddresses: {},
    })
  })

  it('one with an address carries the family of its address, or both when it is told to', () => {
    const spec = { peerASN: 64_513, peerAddress: '2001:db8::1' }
    expect(peerOf(spec)).toMatchObject({ remote: address('2001:db8::1'), families: ['ipv6'] })
    expect(peerOf(spec)).toMatchObject({ ownAddresses: {} })
    expect(peerOf({ ...spec, dualStackAddressFamily: true })).toMatchObject({
      families: ['ipv4', 'ipv6'],
      ownAddresses: { ipv4: address('192.0.2.10') },
    })
  })
})
