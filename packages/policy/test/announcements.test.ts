import { createHash } from 'node:crypto'
import { formatAddress, formatPrefix } from '@metallb-ts/netip'
import { describe, expect, it } from 'vitest'
import { explainSilence, type Announcements, type OwnerFacts, type SilenceCode } from '../src/index.ts'
import { announce, bgp, l2, node, peer, POOLS, pool, ready, slice, type Scene } from './cluster.ts'

const EXCLUDED = { 'node.kubernetes.io/exclude-from-external-load-balancers': '' }
const NODES = ['a', 'b', 'c']
const LAN = { l2Advertisements: [l2('all')] }
const ROUTED = { bgpAdvertisements: [bgp('all')], peers: [peer('tor', { dualStackAddressFamily: true })] }

const codes = ({ silences }: Announcements, protocol: string): readonly SilenceCode[] =>
  silences.filter(silence => silence.protocol === protocol).map(({ code }) => code)
const held = ({ layer2 }: Announcements): readonly string[] => layer2.held.map(({ address }) => formatAddress(address))
const prefixes = ({ bgp }: Announcements): readonly string[] => bgp.map(({ prefix }) => formatPrefix(prefix))

/** The node that holds a Service at layer 2, by asking each. */
function owners(scene: Scene): readonly string[] {
  return NODES.filter(name => held(announce({ ...scene, node: name })).length > 0)
}

/** MetalLB's order, worked out anew: ascending SHA-256 of `node#address`. */
function order(address: string, nodes: readonly string[] = NODES): readonly string[] {
  const rank = (name: string): string => createHash('sha256').update(`${name}#${address}`).digest('hex')
  return [...nodes].sort((a, b) => (rank(a) < rank(b) ? -1 : 1))
}

describe('what is announced at layer 2', () => {
  it('[row 30] exactly one node holds both addresses of a Service: the first by SHA-256 of node#first address', () => {
    for (let i = 1; i < 40; i++) {
      const ips = [`192.0.2.${i}`, `2001:db8::${i.toString(16)}`]
      expect(owners({ resources: LAN, service: { ips } })).toEqual([order(ips[0]!)[0]])
      expect(held(announce({ resources: LAN, service: { ips }, node: order(ips[0]!)[0]! }))).toEqual(ips)
    }
  })

  it('[row 37] the dead do not own; who is next in the order does, and every candidate knows the whole contest', () => {
    const [first, second, third] = order('192.0.2.1') as [string, string, string]
    const members = new Set([second, third])
    expect(owners({ resources: LAN, members })).toEqual([second])
    expect(codes(announce({ resources: LAN, members, node: first }), 'layer2')).toEqual(['another-node-owns'])
    const { contested } = announce({ resources: LAN, members, node: third }).layer2
    expect(contested.map(({ address }) => formatAddress(address))).toEqual(['192.0.2.1', '2001:db8::1'])
    for (const { contest } of contested) {
      expect(formatAddress(contest.address)).toBe('192.0.2.1')
      expect(contest.candidates.map(candidate => candidate.node).sort()).toEqual(NODES)
    }
  })

  it('[row 39] without membership every node counts', () => {
    expect(owners({ resources: LAN, members: 'all' })).toHaveLength(1)
    expect(owners({ resources: LAN, members: new Set() })).toEqual([])
  })

  it('[row 31] only nodes that a selector matches may own, any of several', () => {
    const nodes = NODES.map(name => node(name, { rack: name }))
    const ads = [l2('b-or-c', { nodeSelectors: [{ matchLabels: { rack: 'b' } }, { matchLabels: { rack: 'c' } }] })]
    const scene = { resources: { l2Advertisements: ads, nodes } }
    expect(owners(scene)).toEqual([order('192.0.2.1', ['b', 'c'])[0]])
    expect(codes(announce({ ...scene, node: 'a' }), 'layer2')).toEqual(['node-not-selected'])
    const { held, contested } = announce({ ...scene, node: 'a' }).layer2
    expect(held).toEqual([])
    // Told all the same: one that was selected until now hands over what it holds.
    expect(contested[0]!.contest.candidates.map(({ node: name }) => name)).toEqual(['b', 'c'])
  })

  it('[row 30] who holds an address is who says so, where that is known', () => {
    const holder = (owner: string): ReadonlyMap<string, OwnerFacts> =>
      new Map([['192.0.2.1', { owner, refusals: { a: ['no-usable-interface'] } }]])
    const scene = { resources: LAN, node: 'a' }
    expect(announce({ ...scene, owners: holder('a') }).layer2.held).toHaveLength(2)
    expect(codes(announce({ ...scene, owners: holder('b') }), 'layer2')).toEqual(['another-node-owns'])
    expect(codes(announce({ ...scene, owners: new Map() }), 'layer2')).toEqual(['owner-undecided'])
    const [nobody] = announce({ ...scene, owners: holder('') }).silences.filter(each => each.protocol === 'layer2')
    expect(explainSilence(nobody!)).toBe('no node may own the address: a: no usable interface')
  })

  it('a cordoned node may not own where cordons count, and may where they do not', () => {
    const nodes = NODES.map(name => ({ ...node(name), spec: { unschedulable: name !== 'b' } }))
    const scene = { resources: { ...LAN, nodes } }
    expect(owners({ ...scene, avoidCordoned: true })).toEqual(['b'])
    expect(owners(scene)).toEqual([order('192.0.2.1')[0]])
  })

  it('[row 32] preferred nodes win by the sum of their weights, and lose when they are gone', () => {
    const nodes = NODES.map(name => node(name, { name, fast: String(name !== 'a') }))
    const preferredNodeSelectors = [
      { weight: 30, preference: { matchLabels: { fast: 'true' } } },
      { weight: 20, preference: { matchLabels: { name: 'c' } } },
      { weight: 49, preference: { matchLabels: { name: 'a' } } },
    ]
    const scene = { resources: { l2Advertisements: [l2('prefer', { preferredNodeSelectors })], nodes } }
    for (let i = 1; i < 20; i++) expect(owners({ ...scene, service: { ips: [`192.0.2.${i}`] } })).toEqual(['c'])
    expect(owners({ ...scene, members: new Set(['a', 'b']) })).toEqual(['a'])
  })

  it('[row 33] interfaces are those of all matching advertisements together; one without a list means all', () => {
    const some = [l2('one', { interfaces: ['eth1', 'eth0'] }), l2('two', { interfaces: ['bond0'] })]
    const [owner] = order('192.0.2.1')
    const scene = (ads: typeof some, interfaces = ['eth0']): Announcements =>
      announce({ resources: { l2Advertisements: ads }, node: owner!, interfaces })
    expect(scene(some).layer2.held[0]!.interfaces).toEqual(['bond0', 'eth0', 'eth1'])
    expect(scene([...some, l2('three')]).layer2.held[0]!.interfaces).toBe('all')
    expect(codes(scene(some, ['wlan0']), 'layer2')).toEqual(['no-such-interface'])
    expect(scene(some, ['wlan0']).layer2.held).toEqual([])
    expect(scene(some).layer2.contested[0]!.contest.candidates[0]!.interfaces).toEqual(['bond0', 'eth0', 'eth1'])
  })

  it('[row 34] service selectors keep others out, and the reason names the advertisement', () => {
    const ads = [l2('gold', { serviceSelectors: [{ matchLabels: { tier: 'gold' } }] })]
    expect(owners({ resources: { l2Advertisements: ads }, service: { labels: { tier: 'gold' } } })).toHaveLength(1)
    const [silence] = announce({ resources: { l2Advertisements: ads } }).silences.filter(
      ({ protocol }) => protocol === 'layer2',
    )
    expect(silence).toMatchObject({
      code: 'service-not-selected',
      objects: [{ kind: 'L2Advertisement', name: 'gold' }],
    })
  })

  it('a shared address does not go with service selectors', () => {
    const ads = [l2('gold', { serviceSelectors: [{ matchLabels: { tier: 'gold' } }] })]
    const service = { labels: { tier: 'gold' }, annotations: { 'metallb.io/allow-shared-ip': 'key' } }
    expect(codes(announce({ resources: { l2Advertisements: ads }, service }), 'layer2')).toEqual([
      'shared-address-with-selectors',
    ])
  })

  it('[row 35] with Local only nodes with an endpoint of their own may own; with Cluster any may', () => {
    const slices = [slice(ready('b'))]
    const local = { resources: LAN, slices, service: { spec: { externalTrafficPolicy: 'Local' } } }
    expect(owners(local)).toEqual(['b'])
    expect(owners({ resources: LAN, slices })).toEqual([order('192.0.2.1')[0]])
  })

  it.each([
    ['ready', { ready: true }, true],
    ['not said', {}, true],
    ['terminating but serving', { ready: false, serving: true, terminating: true }, true],
    ['terminating', { ready: false, serving: false, terminating: true }, false],
    ['unready', { ready: false }, false],
  ])('[row 42] an endpoint that is %s', (_, conditions, serves) => {
    const slices = [slice({ nodeName: 'b', addresses: ['10.0.0.1'], conditions })]
    expect(owners({ resources: LAN, slices }).length > 0).toBe(serves)
    expect(prefixes(announce({ resources: ROUTED, slices })).length > 0).toBe(serves)
    if (!serves) expect(codes(announce({ resources: LAN, slices }), 'layer2')).toEqual(['no-endpoint'])
  })

  it('[row 42] one serving endpoint in any of several slices is enough, and an endpoint without an address is none', () => {
    expect(owners({ resources: LAN, slices: [slice(), slice(ready('b'))] })).toHaveLength(1)
    expect(
      owners({ resources: LAN, slices: [slice({ nodeName: 'b', addresses: [], conditions: { ready: true } })] }),
    ).toEqual([])
  })

  it('[row 40] a node whose network is unavailable may not own', () => {
    const [first, second] = order('192.0.2.1')
    const nodes = NODES.map(name =>
      node(name, {}, name === first ? { conditions: [{ type: 'NetworkUnavailable', status: 'True' }] } : {}),
    )
    expect(owners({ resources: { ...LAN, nodes } })).toEqual([second])
  })

  it('[row 41] a node labelled out of load balancing may not own, unless the label is to be ignored', () => {
    const [first, second] = order('192.0.2.1')
    const nodes = NODES.map(name => node(name, name === first ? EXCLUDED : {}))
    expect(owners({ resources: { ...LAN, nodes } })).toEqual([second])
    expect(owners({ resources: { ...LAN, nodes }, ignoreExcludeLabel: true })).toEqual([first])
  })

  it('nobody may own: the reason says of every node why', () => {
    const nodes = [
      node('a', EXCLUDED),
      node('b', {}, { conditions: [{ type: 'NetworkUnavailable', status: 'True' }] }),
      node('c'),
    ]
    const result = announce({ resources: { ...LAN, nodes }, members: new Set(['a', 'b']) })
    const [silence] = result.silences.filter(({ protocol }) => protocol === 'layer2')
    expect(silence?.code).toBe('no-eligible-node')
    expect(explainSilence(silence!)).toMatch(/a: excluded by its label; b: network unavailable; c: not heard from/)
  })
})

describe('what is announced by BGP', () => {
  it('[row 47] [row 48] [row 49] every node announces every address of the Service, to every peer', () => {
    for (const name of NODES) {
      const result = announce({ resources: ROUTED, node: name })
      expect(prefixes(result)).toEqual(['192.0.2.1/32', '2001:db8::1/128'])
      expect(result.bgp.every(({ peers }) => peers === undefined)).toBe(true)
    }
  })

  it('[row 54] aggregation lengths widen the prefix, each family by its own', () => {
    const ads = [bgp('wide', { aggregationLength: 26, aggregationLengthV6: 120 })]
    expect(
      prefixes(announce({ resources: { bgpAdvertisements: ads }, service: { ips: ['192.0.2.77', '2001:db8::1ff'] } })),
    ).toEqual(['192.0.2.64/26', '2001:db8::100/120'])
  })

  it('[row 55] [row 56] [row 57] [row 58] LOCAL_PREF and communities of every advertisement that matches', () => {
    const ads = [
      bgp('one', { localPref: 200, communities: ['64512:1', 'nowhere'], ipAddressPools: ['lan'] }),
      bgp('two', { localPref: 200, communities: ['large:1:2:3', 'no-export'] }),
    ]
    const communities = [
      {
        metadata: { name: 'names', namespace: 'metallb-system' },
        spec: { communities: [{ name: 'nowhere', value: '64512:666' }] },
      },
    ]
    const result = announce({ resources: { bgpAdvertisements: ads, communities }, service: { ips: ['192.0.2.1'] } })
    expect(result.bgp.map(({ attributes }) => attributes)).toEqual([
      { localPreference: 200, communities: [(64_512 << 16) | 1, (64_512 << 16) | 666].map(value => value >>> 0) },
      { localPreference: 200, communities: [0xffff_ff01], largeCommunities: [{ global: 1, local1: 2, local2: 3 }] },
    ])
  })

  it('[row 59] only nodes that a selector matches announce', () => {
    const nodes = NODES.map(name => node(name, { rack: name }))
    const ads = [bgp('b', { nodeSelectors: [{ matchLabels: { rack: 'b' } }] })]
    const scene = { resources: { bgpAdvertisements: ads, nodes } }
    expect(prefixes(announce({ ...scene, node: 'b' }))).toHaveLength(2)
    expect(codes(announce({ ...scene, node: 'a' }), 'bgp')).toEqual(['node-not-selected'])
  })

  it('[row 60] an advertisement for some peers says which', () => {
    const ads = [bgp('some', { peers: ['tor-1', 'tor-2'] })]
    const result = announce({ resources: { bgpAdvertisements: ads } })
    for (const { peers } of result.bgp) expect(peers).toEqual(['tor-1', 'tor-2'])
  })

  it('[row 61] service selectors keep others out', () => {
    const ads = [bgp('gold', { serviceSelectors: [{ matchLabels: { tier: 'gold' } }] })]
    expect(
      prefixes(announce({ resources: { bgpAdvertisements: ads }, service: { labels: { tier: 'gold' } } })),
    ).toHaveLength(2)
    expect(codes(announce({ resources: { bgpAdvertisements: ads } }), 'bgp')).toEqual(['service-not-selected'])
  })

  it.each([
    ['by name', { ipAddressPools: ['lan'] }, true],
    ['by another name', { ipAddressPools: ['wan'] }, false],
    ['by label', { ipAddressPoolSelectors: [{ matchLabels: { tier: 'gold' } }] }, true],
    ['by another label', { ipAddressPoolSelectors: [{ matchLabels: { tier: 'lead' } }] }, false],
    [
      'by name or label',
      { ipAddressPools: ['wan'], ipAddressPoolSelectors: [{ matchLabels: { tier: 'gold' } }] },
      true,
    ],
    ['all', {}, true],
  ])('[row 62] pools selected %s', (_, spec, isSelected) => {
    const byBgp = announce({ resources: { bgpAdvertisements: [bgp('ad', spec)] } })
    expect(prefixes(byBgp).length > 0).toBe(isSelected)
    expect(owners({ resources: { l2Advertisements: [l2('ad', spec)] } }).length > 0).toBe(isSelected)
    if (!isSelected) expect(codes(byBgp, 'bgp')).toEqual(['no-advertisement'])
  })

  it('[row 64] with Local only nodes with an endpoint of their own announce', () => {
    const scene = {
      resources: ROUTED,
      slices: [slice(ready('b'))],
      service: { spec: { externalTrafficPolicy: 'Local' } },
    }
    expect(prefixes(announce({ ...scene, node: 'b' }))).toHaveLength(2)
    expect(codes(announce({ ...scene, node: 'a' }), 'bgp')).toEqual(['no-local-endpoint'])
  })

  it('[row 65] no serving endpoint, no route', () => {
    expect(codes(announce({ resources: ROUTED, slices: [] }), 'bgp')).toEqual(['no-endpoint'])
  })

  it('[row 40] [row 41] an excluded node, or one without network, announces nothing', () => {
    const nodes = [node('a', EXCLUDED), node('b', {}, { conditions: [{ type: 'NetworkUnavailable', status: 'True' }] })]
    const scene = { resources: { ...ROUTED, nodes } }
    expect(codes(announce({ ...scene, node: 'a' }), 'bgp')).toEqual(['node-excluded'])
    expect(prefixes(announce({ ...scene, node: 'a', ignoreExcludeLabel: true }))).toHaveLength(2)
    expect(codes(announce({ ...scene, node: 'b' }), 'bgp')).toEqual(['network-unavailable'])
  })
})

describe('what a Service has to be', () => {
  const both = { ...LAN, ...ROUTED }

  it('[row 43] announced by both protocols where both advertise its pool', () => {
    const result = announce({ resources: both, node: order('192.0.2.1')[0]! })
    expect(held(result)).toHaveLength(2)
    expect(prefixes(result)).toHaveLength(2)
    expect(result.silences).toEqual([])
  })

  it('[row 26] a pool that nobody advertises is silent, and the reason names the pool', () => {
    const { silences } = announce({})
    expect(silences.map(silence => explainSilence(silence))).toEqual([
      'no BGPAdvertisement selects IPAddressPool lan',
      'no L2Advertisement selects IPAddressPool lan',
    ])
  })

  it.each<[string, Scene, SilenceCode]>([
    ['of another type', { service: { spec: { type: 'ClusterIP' } } }, 'not-a-load-balancer'],
    ['of another class', { service: { spec: { loadBalancerClass: 'other' } } }, 'other-class'],
    ['of no class where one is asked for', { loadBalancerClass: 'ours' }, 'other-class'],
    ['without an address', { service: { ips: [] } }, 'no-address'],
    ['with something else for an address', { service: { ips: ['web.example'] } }, 'invalid-address'],
    ['with an address of no pool', { service: { ips: ['203.0.113.1'] } }, 'address-in-no-pool'],
    [
      'with addresses of two pools',
      {
        resources: { ...both, pools: [...POOLS, pool('wan', ['203.0.113.0/24'])] },
        service: { ips: ['192.0.2.1', '203.0.113.1'] },
      },
      'address-in-no-pool',
    ],
  ])('[row 12] %s: nothing, with the reason', (_, scene, code) => {
    const result = announce({ resources: both, ...scene })
    expect(result).toMatchObject({ layer2: { held: [], contested: [] }, bgp: [] })
    expect(result.silences.map(silence => silence.code)).toEqual([code])
  })

  it('[row 12] of our class it is announced', () => {
    expect(
      prefixes(
        announce({ resources: both, loadBalancerClass: 'ours', service: { spec: { loadBalancerClass: 'ours' } } }),
      ),
    ).toHaveLength(2)
  })
})
