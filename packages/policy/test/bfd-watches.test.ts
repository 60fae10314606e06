import { address } from '@metallb-ts/netip'
import { describe, expect, it } from 'vitest'
import { bfdWatches, nodeFacts, readConfig, type Config } from '../src/index.ts'

const HERE = nodeFacts({
  metadata: { name: 'n1', labels: { rack: 'a' } },
  status: { addresses: [{ type: 'InternalIP', address: '192.0.2.10' }] },
} as never)

interface PeerText {
  /** The value of `metallb.io/bfd-strict`. */
  readonly annotation?: string
  readonly [field: string]: unknown
}

function config(...peers: readonly PeerText[]): Config {
  const meta = (name: string, more: object = {}): object => ({
    metadata: { name, namespace: 'metallb-system', ...more },
  })
  const { config } = readConfig({
    pools: [],
    l2Advertisements: [],
    bgpAdvertisements: [],
    peers: peers.map(({ annotation, ...spec }, i) => ({
      ...meta(`p${i}`, annotation === undefined ? {} : { annotations: { 'metallb.io/bfd-strict': annotation } }),
      spec: { myASN: 1, peerASN: 2, ...spec },
    })) as never,
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
      cautions: [],
    })
  })

  it('[F-RX-05] an unnumbered peer where it was found, on its interface, and not before', () => {
    const unnumbered = config({ interface: 'eth1', bfdProfile: 'fast' })
    expect(bfdWatches(unnumbered, HERE).watches).toEqual([])
    const { watches } = bfdWatches(unnumbered, HERE, () => address('fe80::1'))
    expect(watches[0]?.path).toEqual({ kind: 'single-hop', remote: address('fe80::1'), interface: 'eth1' })
  })

  it('[F-BGP-04] a peer that shall bridge our restarts, which BFD would show as failures, is named', () => {
    const both = config({ peerAddress: '192.0.2.1', bfdProfile: 'fast', enableGracefulRestart: true })
    expect(bfdWatches(both, HERE).cautions).toEqual([{ peer: 'p0', code: 'restart-shows-as-failure' }])
  })

  it('strict where the annotation says so, and refused where it would wait for ever', () => {
    const annotated = (text: string, bfdProfile?: string): Config =>
      config({ peerAddress: '192.0.2.1', ...(bfdProfile !== undefined && { bfdProfile }), annotation: text })
    expect(annotated('true', 'fast').peers[0]?.strictBfd).toBe(true)
    expect(annotated('false', 'fast').peers[0]?.strictBfd).toBe(false)
    expect(annotated('yes', 'fast').peers).toEqual([])
    expect(annotated('true').peers).toEqual([])
  })
})
