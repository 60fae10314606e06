import { describe, expect, it } from 'vitest'
import { explainSilence, type SilenceCode } from '../src/index.ts'
import { announce, bgp, l2, node, peer, ready, slice, type Scene } from './cluster.ts'

const NODES = ['a', 'b', 'c']
const EXCLUDED = { 'node.kubernetes.io/exclude-from-external-load-balancers': '' }
const OFFLINE = { conditions: [{ type: 'NetworkUnavailable', status: 'True' }] }
const GOLD = [{ matchLabels: { tier: 'gold' } }]
const LOCAL = { service: { spec: { externalTrafficPolicy: 'Local' } } }
const TOR = peer('tor', { dualStackAddressFamily: true })
const drained = { isLowered: true, lingers: false, withdraws: true, kept: new Set<string>() }

type Row = readonly [what: string, code: SilenceCode, sentence: RegExp, scene: Scene]

/** Every refusal of the policy, the sentence that says it, and the object it names. */
const BY_BGP: readonly Row[] = [
  ['no advertisement', 'no-advertisement', /^no BGPAdvertisement selects IPAddressPool lan$/, {}],
  [
    'node selectors',
    'node-not-selected',
    /^the nodeSelectors of BGPAdvertisement gold do not match node a$/,
    { resources: { bgpAdvertisements: [bgp('gold', { nodeSelectors: GOLD })], peers: [TOR] } },
  ],
  [
    'service selectors',
    'service-not-selected',
    /^the serviceSelectors of BGPAdvertisement gold do not match the Service$/,
    { resources: { bgpAdvertisements: [bgp('gold', { serviceSelectors: GOLD })], peers: [TOR] } },
  ],
  [
    'two preferences for one prefix',
    'local-preference-conflict',
    /^BGPAdvertisement one, BGPAdvertisement two give one prefix different localPref$/,
    {
      service: { labels: { tier: 'gold' } },
      resources: {
        bgpAdvertisements: [
          bgp('one', { localPref: 100, serviceSelectors: GOLD }),
          bgp('two', { localPref: 200, serviceSelectors: GOLD }),
        ],
        peers: [TOR],
      },
    },
  ],
  [
    'no network',
    'network-unavailable',
    /^the network of node a is unavailable$/,
    { resources: { bgpAdvertisements: [bgp('all')], peers: [TOR], nodes: [node('a', {}, OFFLINE)] } },
  ],
  [
    'a node kept out by its label',
    'node-excluded',
    /^node a carries the label node\.kubernetes\.io\/exclude-from-external-load-balancers$/,
    { resources: { bgpAdvertisements: [bgp('all')], peers: [TOR], nodes: [node('a', EXCLUDED)] } },
  ],
  [
    'Local without an endpoint here',
    'no-local-endpoint',
    /^externalTrafficPolicy is Local, and node a has no endpoint able to serve$/,
    { ...LOCAL, slices: [slice(ready('b'))], resources: { bgpAdvertisements: [bgp('all')], peers: [TOR] } },
  ],
  [
    'no endpoint',
    'no-endpoint',
    /^no endpoint is able to serve$/,
    { slices: [], resources: { bgpAdvertisements: [bgp('all')], peers: [TOR] } },
  ],
  [
    'a drained node',
    'node-draining',
    /^node a is being drained$/,
    { drain: drained, resources: { bgpAdvertisements: [bgp('all')], peers: [TOR] } },
  ],
  [
    'no peer at all',
    'no-peer',
    /^node a has no BGPPeer that BGPAdvertisement all means: there is none at all$/,
    { resources: { bgpAdvertisements: [bgp('all')] } },
  ],
  [
    'peers that do not exist',
    'no-peer',
    /^node a has no BGPPeer that BGPAdvertisement some means: there is no BGPPeer spine$/,
    { resources: { bgpAdvertisements: [bgp('some', { peers: ['spine'] })], peers: [TOR] } },
  ],
  [
    'peers of other nodes',
    'no-peer',
    /: the nodeSelectors of far do not match node a$/,
    { resources: { bgpAdvertisements: [bgp('all')], peers: [peer('far', { nodeSelectors: GOLD })] } },
  ],
  [
    'a peer at fault',
    'no-peer',
    /: BGPPeer bad, spec\.myASN: parsing peer bad missing local ASN$/,
    { resources: { bgpAdvertisements: [bgp('all')], peers: [peer('bad', { myASN: 0 })] } },
  ],
]

const AT_LAYER_2: readonly Row[] = [
  ['no advertisement', 'no-advertisement', /^no L2Advertisement selects IPAddressPool lan$/, {}],
  [
    'node selectors',
    'node-not-selected',
    /^the nodeSelectors of L2Advertisement gold do not match node a$/,
    { resources: { l2Advertisements: [l2('gold', { nodeSelectors: GOLD })] } },
  ],
  [
    'service selectors',
    'service-not-selected',
    /^the serviceSelectors of L2Advertisement gold do not match the Service$/,
    { resources: { l2Advertisements: [l2('gold', { serviceSelectors: GOLD })] } },
  ],
  [
    'a shared address',
    'shared-address-with-selectors',
    /^it shares its address, and L2Advertisement gold has serviceSelectors/,
    {
      service: { labels: { tier: 'gold' }, annotations: { 'metallb.io/allow-shared-ip': 'x' } },
      resources: { l2Advertisements: [l2('gold', { serviceSelectors: GOLD })] },
    },
  ],
  ['no endpoint', 'no-endpoint', /^no endpoint/, { slices: [], resources: { l2Advertisements: [l2('all')] } }],
  [
    'another owner',
    'another-node-owns',
    /^node b owns the address$/,
    { members: new Set(['b']), resources: { l2Advertisements: [l2('all')] } },
  ],
  [
    'nobody who may',
    'no-eligible-node',
    /^no node may own the address: a: excluded by its label$/,
    { resources: { l2Advertisements: [l2('all')], nodes: [node('a', EXCLUDED)] } },
  ],
  [
    'no such interface',
    'no-such-interface',
    /^the interfaces of L2Advertisement all \(bond7\) do not exist on node a$/,
    { members: new Set(['a']), resources: { l2Advertisements: [l2('all', { interfaces: ['bond7'] })] } },
  ],
]

describe.each([
  ['bgp', BY_BGP],
  ['layer2', AT_LAYER_2],
] as const)('what is not announced by %s', (protocol, rows) => {
  it.each(rows)('%s: %s', (_, code, sentence, scene) => {
    const silences = announce(scene).silences.filter(silence => silence.protocol === protocol)
    expect(silences.map(silence => silence.code)).toEqual([code])
    expect(explainSilence(silences[0]!)).toMatch(sentence)
  })
})

describe('a family that no session carries', () => {
  it('is said with the peers to change, and the other family is announced', () => {
    const result = announce({ resources: { bgpAdvertisements: [bgp('all')], peers: [peer('tor')] } })
    const [silence, ...others] = result.silences.filter(({ protocol }) => protocol === 'bgp')
    expect(others).toEqual([])
    expect(explainSilence(silence!)).toBe('no session of node a carries IPv6, see BGPPeer tor')
    expect(result.bgp).toHaveLength(2)
  })
})

describe('a drained node', () => {
  const scene = (name: string, drain: string, members: Scene['members'] = 'all'): Scene => ({
    node: name,
    members,
    resources: {
      l2Advertisements: [l2('all')],
      nodes: NODES.map(one => ({
        metadata: { name: one, ...(one === 'a' && { annotations: { 'metallb-ts.io/drain': drain } }) },
        status: {},
      })) as never,
    },
  })
  const owner = (drain: string, members?: Scene['members']): readonly string[] =>
    NODES.filter(name => announce(scene(name, drain, members)).layer2.held.length > 0)

  it('owns no address while another may, and keeps what nobody else could', () => {
    expect(owner('true')).not.toContain('a')
    expect(owner('true', new Set(['a']))).toEqual(['a'])
    expect(owner('force', new Set(['a']))).toEqual([])
  })

  it.each(['false', '', 'yes', 'True'])('is not drained by %j', text => {
    expect(owner(text, new Set(['a']))).toEqual(['a'])
    const all = NODES.map(name => announce(scene(name, text)).layer2.held.length)
    const without = NODES.map(name => announce(scene(name, 'false')).layer2.held.length)
    expect(all).toEqual(without)
  })

  it('answers beside its successor for a moment', () => {
    const lingers = { isLowered: true, lingers: true, withdraws: false, kept: new Set<string>() }
    const before = NODES.filter(name => announce(scene(name, 'false')).layer2.held.length > 0)
    const beside = announce({ ...scene('a', 'true'), drain: lingers }).layer2.held.length > 0
    expect(beside).toBe(before.includes('a'))
  })

  it('keeps the routes of a Service that it is told to keep', () => {
    const drain = { ...drained, kept: new Set(['default/web']) }
    expect(announce({ drain, resources: { bgpAdvertisements: [bgp('all')], peers: [TOR] } }).bgp).toHaveLength(2)
  })
})
