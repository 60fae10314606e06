import type { Secret } from '@metallb-ts/api'
import { formatAddress, formatRange } from '@metallb-ts/netip'
import { describe, expect, it } from 'vitest'
import { explainProblem, nodeFacts, nodePeers, type ConfigProblemCode } from '../src/index.ts'
import { bgp, l2, node, peer, pool, read } from './cluster.ts'

const found = (resources: Parameters<typeof read>[0]): readonly string[] =>
  read(resources).problems.map(({ object, code, path }) => `${object.kind}/${object.name} ${code} ${path}`)

describe('pools', () => {
  it('[row 1] [row 13] CIDRs and from-to ranges of both families, in the order they are given', () => {
    const { config, problems } = read({
      pools: [pool('lan', ['192.0.2.16/30', '192.0.2.1-192.0.2.9', '2001:db8::/126', '2001:db8::10 - 2001:db8::20'])],
    })
    expect(problems).toEqual([])
    expect(config.pools[0]!.ranges.map(formatRange)).toEqual([
      '192.0.2.16-192.0.2.19',
      '192.0.2.1-192.0.2.9',
      '2001:db8::-2001:db8::3',
      '2001:db8::10-2001:db8::20',
    ])
    expect(config.pools[0]).toMatchObject({ autoAssign: true, avoidBuggyIPs: false })
  })

  it.each([
    [[], 'missing-field spec.addresses'],
    [['192.0.2.9-192.0.2.1'], 'invalid-range spec.addresses[0]'],
    [['192.0.2.0/33'], 'invalid-range spec.addresses[0]'],
    [['192.0.2.1'], 'invalid-range spec.addresses[0]'],
    [['192.0.2.1-2001:db8::1'], 'invalid-range spec.addresses[0]'],
    [['192.0.2.0/24', 'nonsense'], 'invalid-range spec.addresses[1]'],
    [['192.0.2.0/24', '192.0.2.128/25'], 'overlap spec.addresses[1]'],
  ])('%j is refused, with the field', (addresses, problem) => {
    expect(found({ pools: [pool('p', addresses)] })).toEqual([`IPAddressPool/p ${problem}`])
  })

  it('[row 2] of two pools that overlap the older is good, and the sentence is the one people search for', () => {
    const { config, problems } = read({ pools: [pool('a', ['192.0.2.0/24']), pool('b', ['192.0.2.128-192.0.3.1'])] })
    expect(config.pools.map(({ name }) => name)).toEqual(['a'])
    expect(problems.map(explainProblem)).toEqual([
      'IPAddressPool b, spec.addresses[0]: CIDR "192.0.2.128-192.0.3.1" in pool "b" overlaps with already defined CIDR "192.0.2.0-192.0.2.255" of pool "a"',
    ])
  })

  it('all problems come at once', () => {
    expect(
      found({ pools: [pool('a', ['x', 'y']), pool('b', [])], peers: [peer('p', { peerAddress: 'z', myASN: 0 })] }),
    ).toEqual([
      'IPAddressPool/a invalid-range spec.addresses[0]',
      'IPAddressPool/a invalid-range spec.addresses[1]',
      'IPAddressPool/b missing-field spec.addresses',
      'BGPPeer/p missing-field spec.myASN',
      'BGPPeer/p invalid-address spec.peerAddress',
    ])
  })

  it('an address of a node in a pool is reported and never given; the rest of the pool is in use', () => {
    const nodes = [
      node(
        'n1',
        {},
        {
          addresses: [
            { type: 'InternalIP', address: '192.0.2.7' },
            { type: 'ExternalIP', address: '2001:db8::7' },
          ],
        },
      ),
    ]
    const { config, problems } = read({ pools: [pool('lan', ['192.0.2.1-192.0.2.9', '2001:db8::/120'])], nodes })
    expect(problems.map(({ code, detail }) => [code, detail])).toEqual([
      ['node-address-in-pool', '192.0.2.7 is an address of node n1 and is never given to a Service'],
      ['node-address-in-pool', '2001:db8::7 is an address of node n1 and is never given to a Service'],
    ])
    expect(config.pools[0]!.excluded.map(({ first }) => formatAddress(first))).toEqual(['192.0.2.7', '2001:db8::7'])
  })

  it('[row 5] [row 6] [row 7] [row 8] serviceAllocation: namespaces by name and label, Services by label, priority', () => {
    const namespaces = [
      { metadata: { name: 'shop', labels: { team: 'shop' } } },
      { metadata: { name: 'blog', labels: {} } },
    ]
    const serviceAllocation = {
      priority: 50,
      namespaces: ['ops'],
      namespaceSelectors: [{ matchLabels: { team: 'shop' } }],
      serviceSelectors: [{ matchLabels: { tier: 'gold' } }],
    }
    const { config } = read({ pools: [pool('p', ['192.0.2.0/24'], { serviceAllocation })], namespaces })
    expect(config.pools[0]!.serviceAllocation).toMatchObject({
      priority: 50,
      namespaces: new Set(['ops', 'shop']),
      restrictsNamespaces: true,
    })
    const twice = { namespaces: ['a', 'a'] }
    expect(found({ pools: [pool('p', ['192.0.2.0/24'], { serviceAllocation: twice })] })).toEqual([
      'IPAddressPool/p duplicate spec.serviceAllocation.namespaces',
    ])
  })
})

describe('what was good stays', () => {
  it('[row 105] an object edited into a bad state keeps its last good version; a bad new one is left out', () => {
    const good = read({ pools: [pool('lan', ['192.0.2.0/24'])] })
    const edited = read({ pools: [pool('lan', ['nonsense']), pool('new', ['nonsense'])] }, good.config)
    expect(edited.config.pools.map(({ name, ranges }) => [name, ranges.map(formatRange)])).toEqual([
      ['lan', ['192.0.2.0-192.0.2.255']],
    ])
    expect(edited.problems).toHaveLength(2)
    expect(read({ pools: [] }, edited.config).config.pools).toEqual([])
  })
})

describe('advertisements', () => {
  const pools = [pool('lan', ['192.0.2.0/24', '2001:db8::/64'])]
  const nodes = [node('n1')]
  const conflict = { pools, nodes, bgpAdvertisements: [bgp('a', { localPref: 100 }), bgp('b', { localPref: 200 })] }

  it('[row 63] different LOCAL_PREF for one prefix is a conflict, of which the older stays', () => {
    expect(found(conflict)).toEqual(['BGPAdvertisement/b local-preference-conflict spec.localPref'])
    expect(read(conflict).config.bgpAdvertisements.map(({ name }) => name)).toEqual(['a'])
    const apart = {
      pools,
      nodes,
      bgpAdvertisements: [
        bgp('a', { localPref: 100 }),
        bgp('b', { localPref: 200, aggregationLength: 28, aggregationLengthV6: 120 }),
      ],
    }
    expect(found(apart)).toEqual([])
  })

  it.each<[string, object, ConfigProblemCode, string]>([
    ['an alias nobody defined', { communities: ['nobody'] }, 'unknown-community', 'spec.communities[0]'],
    ['a community out of bounds', { communities: ['65536:1'] }, 'invalid-community', 'spec.communities[0]'],
    ['a large community without its mark', { communities: ['1:2:3:4'] }, 'invalid-community', 'spec.communities[0]'],
    ['a community twice', { communities: ['1:2', '1:2'] }, 'duplicate', 'spec.communities[1]'],
    [
      'an aggregation length that cannot be',
      { aggregationLength: 33 },
      'invalid-aggregation',
      'spec.aggregationLength',
    ],
    ['an aggregation wider than the pool', { aggregationLength: 16 }, 'invalid-aggregation', 'spec.aggregationLength'],
    [
      'an IPv6 aggregation wider than the pool',
      { aggregationLengthV6: 48 },
      'invalid-aggregation',
      'spec.aggregationLengthV6',
    ],
    [
      'a selector that is none',
      { nodeSelectors: [{ matchExpressions: [{ key: 'a', operator: 'Like', values: [] }] }] },
      'invalid-selector',
      'spec.nodeSelectors[0]',
    ],
    ['a peer twice', { peers: ['a', 'a'] }, 'duplicate', 'spec.peers[1]'],
  ])('%s', (_, spec, code, path) => {
    const problems = read({ pools, bgpAdvertisements: [bgp('ad', spec)] }).problems
    expect(problems.map(problem => [problem.code, problem.path])).toEqual([[code, path]])
  })

  it('[row 56] aliases of several Community objects', () => {
    const communities = [
      {
        metadata: { name: 'one', namespace: 'metallb-system' },
        spec: {
          communities: [
            { name: 'a', value: '1:2' },
            { name: 'b', value: 'large:1:2:3' },
          ],
        },
      },
      {
        metadata: { name: 'two', namespace: 'metallb-system' },
        spec: {
          communities: [
            { name: 'a', value: '9:9' },
            { name: 'c', value: 'zzz' },
          ],
        },
      },
    ]
    const { config, problems } = read({
      pools,
      communities,
      bgpAdvertisements: [bgp('ad', { communities: ['a', 'b'] })],
    })
    expect(config.bgpAdvertisements[0]!.communities).toMatchObject([
      { kind: 'standard', value: 0x1_0002 },
      { kind: 'large' },
    ])
    expect(problems.map(({ object, code, path }) => [object.name, code, path])).toEqual([
      ['two', 'duplicate', 'spec.communities[0].name'],
      ['two', 'invalid-community', 'spec.communities[1].value'],
    ])
  })

  it('layer 2 advertisements are checked the same way', () => {
    expect(found({ pools, l2Advertisements: [l2('ad', { interfaces: ['eth0', 'eth0'] })] })).toEqual([
      'L2Advertisement/ad duplicate spec.interfaces[1]',
    ])
  })
})

describe('peers', () => {
  const here = nodeFacts(
    node(
      'a',
      { rack: 'a' },
      {
        addresses: [
          { type: 'InternalIP', address: '10.0.0.1' },
          { type: 'InternalIP', address: 'fd00::1' },
        ],
      },
    ),
  )
  const session = (spec: object, more: Parameters<typeof read>[0] = {}) =>
    nodePeers(read({ peers: [peer('p', spec)], ...more }).config, here)

  it('[row 50] [row 51] [row 70] [row 71] [row 72] [row 73] [row 74] [row 75] every field reaches the session', () => {
    const { peers } = session({
      peerAddress: '2001:db8::fe',
      peerPort: 1_179,
      sourceAddress: 'fd00::1',
      routerID: '10.9.9.9',
      holdTime: '30s',
      keepaliveTime: '10s',
      connectTime: '5s',
    })
    expect(peers).toMatchObject([
      {
        name: 'p',
        port: 1_179,
        localAsn: 64_512,
        peerAsn: 64_513,
        families: ['ipv6'],
        holdSeconds: 30,
        keepaliveSeconds: 10,
        connectSeconds: 5,
      },
    ])
    const [{ remote, source, routerId }] = peers as [(typeof peers)[0]]
    expect([remote, source, routerId].map(address => formatAddress(address!))).toEqual([
      '2001:db8::fe',
      'fd00::1',
      '10.9.9.9',
    ])
  })

  it('[row 52] dualStackAddressFamily carries both families, with our own addresses as next hops', () => {
    const [one] = session({ dualStackAddressFamily: true }).peers
    expect(one!.families).toEqual(['ipv4', 'ipv6'])
    expect(formatAddress(one!.ownAddresses!.ipv6!)).toBe('fd00::1')
    expect(session({}).peers[0]!.families).toEqual(['ipv4'])
  })

  it('[row 53] disableMP is taken and means nothing', () => {
    expect(session({ disableMP: true }).peers).toEqual(session({}).peers)
    expect(found({ peers: [peer('p', { disableMP: true })] })).toEqual([])
  })

  it('[row 69] peers of other nodes are not ours, and the refusal says so', () => {
    expect(session({ nodeSelectors: [{ matchLabels: { rack: 'b' } }] })).toEqual({
      peers: [],
      refusals: [{ peer: 'p', code: 'node-not-selected' }],
    })
    expect(
      session({ nodeSelectors: [{ matchLabels: { rack: 'b' } }, { matchLabels: { rack: 'a' } }] }).peers,
    ).toHaveLength(1)
  })

  it('[row 76] zero timers', () => {
    expect(session({ holdTime: '0s', keepaliveTime: '0s' }).peers).toMatchObject([
      { holdSeconds: 0, keepaliveSeconds: 0 },
    ])
  })

  it('hold and keepalive time complete each other', () => {
    expect(session({ holdTime: '30s' }).peers).toMatchObject([{ holdSeconds: 30, keepaliveSeconds: 10 }])
    expect(session({ keepaliveTime: '5s' }).peers).toMatchObject([{ holdSeconds: 15, keepaliveSeconds: 5 }])
  })

  it('[row 81] [row 82] [row 84] [row 85] dynamic AS, another AS shown, VRF and graceful restart', () => {
    expect(
      session({ peerASN: 0, dynamicASN: 'external', localASN: 65_000, vrf: 'red', enableGracefulRestart: true }).peers,
    ).toMatchObject([{ peerAsn: 'external', shownAsn: 65_000, device: 'red', gracefulRestart: { seconds: 120 } }])
  })

  const secret = (data: Record<string, string>, type = 'kubernetes.io/basic-auth'): Secret =>
    ({ metadata: { name: 'md5', namespace: 'metallb-system' }, type, data }) as Secret

  it('[row 77] [row 78] passwords, inline or from a Secret', () => {
    expect(session({ password: 'inline' }).peers).toMatchObject([{ password: 'inline' }])
    const secrets = [secret({ password: Buffer.from('hidden').toString('base64') })]
    expect(session({ passwordSecret: { name: 'md5' } }, { secrets }).peers).toMatchObject([{ password: 'hidden' }])
    expect(found({ peers: [peer('p', { passwordSecret: { name: 'md5' } })] })).toEqual([
      'BGPPeer/p missing-secret spec.passwordSecret.name',
    ])
  })

  it('[row 88] [row 89] two peers of one address, each with an own AS', () => {
    const { config } = read({ peers: [peer('one', { myASN: 64_512 }), peer('two', { myASN: 64_600 })] })
    expect(nodePeers(config, here).peers.map(({ name, localAsn }) => [name, localAsn])).toEqual([
      ['one', 64_512],
      ['two', 64_600],
    ])
  })

  it('[row 106] a bad peer of another node harms none of ours', () => {
    const { config, problems } = read({ peers: [peer('bad', { peerAddress: 'z' }), peer('good')] })
    expect(problems).toHaveLength(1)
    expect(nodePeers(config, here).peers.map(({ name }) => name)).toEqual(['good'])
  })

  it.each<[string, object, ConfigProblemCode, string]>([
    ['no AS of ours', { myASN: 0 }, 'missing-field', 'spec.myASN'],
    ['no AS of theirs', { peerASN: 0 }, 'missing-field', 'spec.peerASN'],
    ['two kinds of AS', { dynamicASN: 'internal' }, 'contradiction', 'spec.dynamicASN'],
    ['an unknown kind of AS', { peerASN: 0, dynamicASN: 'any' }, 'contradiction', 'spec.dynamicASN'],
    ['no address', { peerAddress: '' }, 'missing-field', 'spec.peerAddress'],
    ['address and interface', { interface: 'eth0' }, 'contradiction', 'spec.interface'],
    ['multihop inside an AS', { peerASN: 64_512, ebgpMultiHop: true }, 'contradiction', 'spec.ebgpMultiHop'],
    ['a hold time of 2 s', { holdTime: '2s' }, 'invalid-timer', 'spec.holdTime'],
    ['a hold time too long for its field', { holdTime: '70000s' }, 'invalid-timer', 'spec.holdTime'],
    [
      'a keepalive time above the hold time',
      { holdTime: '9s', keepaliveTime: '10s' },
      'invalid-timer',
      'spec.keepaliveTime',
    ],
    ['a duration that is none', { connectTime: 'soon' }, 'invalid-timer', 'spec.connectTime'],
    ['a router id that is none', { routerID: 'x' }, 'invalid-address', 'spec.routerID'],
    ['an IPv6 router id', { routerID: '2001:db8::1' }, 'invalid-address', 'spec.routerID'],
    ['a source that is none', { sourceAddress: 'x' }, 'invalid-address', 'spec.sourceAddress'],
    ['a BFD profile that is not there', { bfdProfile: 'none' }, 'unknown-bfd-profile', 'spec.bfdProfile'],
  ])('%s', (_, spec, code, path) => {
    const problems = read({ peers: [peer('p', spec)] }).problems
    expect(problems.map(problem => [problem.code, problem.path])).toEqual([[code, path]])
  })
})
