import { address } from '@metallb-ts/netip'
import { describe, expect, it } from 'vitest'
import { bfdWatches, nodeFacts, readConfig, type Config } from '../src/index.ts'

const HERE = nodeFacts({
  metadata: { name: 'n1', labels: { rack: 'a' } },
  status: { addresses: [{ type: 'InternalIP', address: '192.0.2.10' }] },
} as never)

function config(...peers: readonly object[]): Config {
  const meta = (name: string): object => ({ metadata: { name, namespace: 'metallb-system' } })
  const { config } = readConfig({
    pools: [],
    l2Advertisements: [],
    bgpAdvertisements: [],
    peers: peers.map((spec, i) => ({ ...meta(`p${i}`), spec: { myASN: 1, peerASN: 2, ...spec } })) as never,
    bfdProfiles: [{ ...meta('fast'), spec: { receiveInterval: 50, transmitInterval: 60, echoMode: true } }] as never,
    communities: [],
    namespaces: [],
    nodes: [],
    secrets: [],
  })
  return config
}

describe('[row 86] the paths that BFD watches', () => {
  it('every peer with a profile, over one hop, with the timers of the profile', () => {
    const { watches } = bfdWatches(
      config({ peerAddress: '192.0.2.1', bfdProfile: 'fast' }, { peerAddress: '2001:db8::1' }),
      HERE,
    )
    expect(watches).toEqual([
      {
        peer: 'p0',
        path: { kind: 'single-hop', remote: address('192.0.2.1') },
        profile: { receiveIntervalMs: 50, transmitIntervalMs: 60, echoMode: true, passiveMode: false },
      },
    ])
  })

  it('several hops where BGP’s may be, from our own address or the one that is named', () => {
    const peer = { peerAddress: '198.51.100.1', bfdProfile: 'fast', ebgpMultiHop: true }
    const { watches } = bfdWatches(config(peer, { ...peer, sourceAddress: '192.0.2.77' }), HERE)
    expect(watches.map(({ path }) => path)).toEqual([
      { kind: 'multihop', remote: address('198.51.100.1'), local: address('192.0.2.10') },
      { kind: 'multihop', remote: address('198.51.100.1'), local: address('192.0.2.77') },
    ])
  })

  it('none where the node is not meant, and a reason where our own address is not known', () => {
    const elsewhere = { nodeSelectors: [{ matchLabels: { rack: 'b' } }], peerAddress: '192.0.2.1', bfdProfile: 'fast' }
    const unknown = { peerAddress: '2001:db8::1', bfdProfile: 'fast', ebgpMultiHop: true }
    expect(bfdWatches(config(elsewhere, unknown), HERE)).toEqual({
      watches: [],
      refusals: [{ peer: 'p1', code: 'no-own-address' }],
    })
  })
})
