import type { Secret, Service, ServiceSpec } from '@metallb-ts/api'
import { Allocator } from '@metallb-ts/ipam'
import { describe, expect, test } from 'vitest'
import { readRequest, serviceOutcome, type RequestRules } from '../src/index.ts'
import { bgp, l2, peer, pool, read } from './cluster.ts'

/** Every sentence that MetalLB's users search for, as MetalLB writes it. What we add stands behind it. */

type Resources = Parameters<typeof read>[0]

const TWICE = { matchLabels: { a: 'b' } }
const NO_OPERATOR = { matchExpressions: [{ key: 'a', operator: 'Like', values: ['b'] }] } as never
const LAN = pool('lan', ['192.0.2.0/24'])

function community(name: string, value: string): object {
  return { name, value }
}

function communities(...list: object[]): Resources {
  return {
    communities: [{ metadata: { name: 'c', namespace: 'metallb-system' }, spec: { communities: list } }],
  } as never
}

function secret(type: string, data: Record<string, string>): Secret {
  return { metadata: { name: 'md5', namespace: 'metallb-system' }, type, data } as Secret
}

function profile(spec: object): Resources {
  return { bfdProfiles: [{ metadata: { name: 'fast', namespace: 'metallb-system' }, spec }] } as never
}

const withSecret = { passwordSecret: { name: 'md5' } }

describe('what is wrong with a resource', () => {
  test.each<[string, Resources, string]>([
    // BFD profiles
    [
      '4.1',
      profile({ receiveInterval: 9 }),
      'invalid value 9, must be in 10-60000 range\ninvalid receive interval value',
    ],
    [
      '4.1',
      profile({ transmitInterval: 60_001 }),
      'invalid value 60001, must be in 10-60000 range\ninvalid transmit interval value',
    ],
    [
      '4.1',
      profile({ detectMultiplier: 1 }),
      'invalid value 1, must be in 2-255 range\ninvalid detect multiplier value',
    ],
    ['4.1', profile({ minimumTtl: 255 }), 'invalid value 255, must be in 1-254 range\ninvalid minimum ttl value'],
    ['4.1', profile({ echoInterval: 1 }), 'invalid value 1, must be in 10-60000 range\ninvalid echo interval value'],
    // Peers
    ['4.2', { peers: [peer('p', { myASN: 0 })] }, 'parsing peer p missing local ASN'],
    ['4.2', { peers: [peer('p', { peerASN: 0 })] }, 'parsing peer p missing peer ASN and dynamicASN'],
    [
      '4.2',
      { peers: [peer('p', { dynamicASN: 'internal' })] },
      'parsing peer p both peer ASN and dynamicASN specified',
    ],
    ['4.2', { peers: [peer('p', { peerASN: 0, dynamicASN: 'any' })] }, 'parsing peer p invalid dynamicASN any'],
    [
      '4.2',
      { peers: [peer('p', { peerASN: 64_512, ebgpMultiHop: true })] },
      'invalid ebgp-multihop parameter set for an ibgp peer',
    ],
    ['4.2', { peers: [peer('p', { peerAddress: '' })] }, 'peer has no Address or Interface specified'],
    ['4.2', { peers: [peer('p', { interface: 'eth0' })] }, 'peer has both Address and Interface specified'],
    ['4.2', { peers: [peer('p', { peerAddress: 'x' })] }, 'invalid BGPPeer address "x"'],
    ['4.2', { peers: [peer('p', { routerID: 'x' })] }, 'invalid router ID "x"'],
    ['4.2', { peers: [peer('p', { sourceAddress: 'x' })] }, 'invalid source IP "x"'],
    ['4.2', { peers: [peer('p', { nodeSelectors: [TWICE, TWICE] })] }, 'duplicate definition of nodeSelectors'],
    ['4.2', { peers: [peer('p', { nodeSelectors: [NO_OPERATOR] })] }, '\nfailed to convert peer p node selector'],
    [
      '4.2',
      { peers: [peer('p', { ...withSecret, password: 'x' })] },
      'can not have both password and secret ref set in peer config "metallb-system"/"p"',
    ],
    [
      '4.2',
      { peers: [peer('p', withSecret)] },
      'secret ref not found for peer config "metallb-system"/"p"\nfailed to parse peer p password secret',
    ],
    [
      '4.2',
      { peers: [peer('p', withSecret)], secrets: [secret('Opaque', {})] },
      'secret type mismatch on "metallb-system"/"md5", type "kubernetes.io/basic-auth" is expected ',
    ],
    [
      '4.2',
      { peers: [peer('p', withSecret)], secrets: [secret('kubernetes.io/basic-auth', {})] },
      'password not specified in the secret "metallb-system"/"md5"',
    ],
    ['4.2', { peers: [peer('p', { bfdProfile: 'none' })] }, 'peer p referencing non existing bfd profile none'],
    // Timers
    [
      '4.3',
      { peers: [peer('p', { holdTime: '2s' })] },
      'invalid BGPPeer timers: invalid hold time "2s": must be 0 or >=3s',
    ],
    [
      '4.3',
      { peers: [peer('p', { holdTime: '9s', keepaliveTime: '10s' })] },
      'invalid keepaliveTime "10s", must be lower than holdTime "9s"',
    ],
    // Pools
    ['4.4', { pools: [pool('p', [])] }, 'parsing address pool p: pool has no prefixes defined'],
    [
      '4.4',
      { pools: [pool('p', ['10.0.0.0/33'])] },
      'parsing address pool p: invalid CIDR "10.0.0.0/33" in pool "p": invalid CIDR "10.0.0.0/33"',
    ],
    ['4.4', { pools: [pool('p', ['10.0.0.1'])] }, 'invalid CIDR "10.0.0.1" in pool "p": invalid CIDR "10.0.0.1"'],
    [
      '4.4',
      { pools: [pool('p', ['x-10.0.0.1'])] },
      'invalid CIDR "x-10.0.0.1" in pool "p": invalid IP range "x-10.0.0.1": invalid start IP "x"',
    ],
    ['4.4', { pools: [pool('p', ['10.0.0.1-x'])] }, 'invalid IP range "10.0.0.1-x": invalid end IP "x"'],
    [
      '4.4',
      { pools: [pool('p', ['10.0.0.9-10.0.0.1'])] },
      'invalid IP range "10.0.0.9-10.0.0.1": start IP "10.0.0.9" is after the end IP "10.0.0.1"',
    ],
    [
      '4.4',
      { pools: [pool('p', ['10.0.0.1-fd00::1'])] },
      'invalid IP range "10.0.0.1-fd00::1": start IP "10.0.0.1" and end IP "fd00::1" are of different families',
    ],
    ['4.4', { pools: [pool('p', ['010.0.0.0/8'])] }, 'invalid CIDR "010.0.0.0/8"'],
    ['4.4', { pools: [pool('p', ['fe80::1%eth0-fe80::2%eth0'])] }, 'invalid start IP "fe80::1%eth0"'],
    [
      '4.4',
      { pools: [pool('p', ['10.0.0.0/8'], { serviceAllocation: { namespaces: ['a', 'a'] } })] },
      'parsing address pool p: duplicate definition in namespaces field',
    ],
    [
      '4.4',
      { pools: [pool('p', ['10.0.0.0/8'], { serviceAllocation: { namespaceSelectors: [TWICE, TWICE] } })] },
      'duplicate definition of namespaceSelectors "',
    ],
    [
      '4.4',
      { pools: [pool('p', ['10.0.0.0/8'], { serviceAllocation: { serviceSelectors: [TWICE, TWICE] } })] },
      'duplicate definition of serviceSelectors "',
    ],
    [
      '4.4',
      { pools: [pool('p', ['10.0.0.0/8'], { serviceAllocation: { namespaceSelectors: [NO_OPERATOR] } })] },
      '\ninvalid namespace label selector',
    ],
    [
      '4.4',
      { pools: [pool('p', ['10.0.0.0/8'], { serviceAllocation: { serviceSelectors: [NO_OPERATOR] } })] },
      '\ninvalid service label selector',
    ],
    [
      '4.4',
      { pools: [pool('p', ['10.0.0.0/8', '10.1.0.0/16'])] },
      'CIDR "10.1.0.0/16" in pool "p" overlaps with already defined CIDR "10.0.0.0-10.255.255.255"',
    ],
    [
      '4.4',
      { pools: [pool('a', ['10.0.0.0/8']), pool('b', ['10.1.0.0/16'])] },
      'CIDR "10.1.0.0-10.1.255.255" in pool "b" overlaps with already defined CIDR "10.0.0.0-10.255.255.255"',
    ],
    // Communities
    ['4.5', communities(community('a', '1:65536')), 'parsing community "a": invalid community value: 1:65536'],
    ['4.5', communities(community('a', 'x:1:2:3')), 'parsing community "a": invalid community value: '],
    ['4.5', communities(community('a', '1:2:3')), 'parsing community "a": invalid community format: 1:2:3'],
    ['4.5', communities(community('a', '1:2'), community('a', '1:3')), 'duplicate definition of community "a"'],
    [
      '4.5',
      { bgpAdvertisements: [bgp('b', { communities: ['none'] })] },
      'invalid community "none" in BGP advertisement',
    ],
    // Advertisements
    [
      '4.6',
      { l2Advertisements: [l2('l', { ipAddressPools: ['a', 'a'] })] },
      'duplicate definition of ipAddressPools "a"',
    ],
    [
      '4.6',
      { l2Advertisements: [l2('l', { ipAddressPoolSelectors: [TWICE, TWICE] })] },
      'duplicate definition of ipAddressPoolSelectors "',
    ],
    [
      '4.6',
      { l2Advertisements: [l2('l', { serviceSelectors: [TWICE, TWICE] })] },
      'duplicate definition of serviceSelectors "',
    ],
    [
      '4.6',
      {
        l2Advertisements: [
          l2('l', { nodeSelectors: [{ matchExpressions: [{ key: 'k', operator: 'In', values: ['v', 'v'] }] }] }),
        ],
      },
      'duplicate definition of match expression value in label selector "v"',
    ],
    [
      '4.6',
      {
        l2Advertisements: [
          l2('l', {
            nodeSelectors: [
              {
                matchExpressions: [
                  { key: 'k', operator: 'Exists' },
                  { key: 'k', operator: 'Exists' },
                ],
              },
            ],
          }),
        ],
      },
      'duplicate definition of match expressions "',
    ],
    [
      '4.6',
      { bgpAdvertisements: [bgp('b', { communities: ['1:2', '1:2'] })] },
      'duplicate definition of community "1:2"',
    ],
    ['4.6', { bgpAdvertisements: [bgp('b', { peers: ['p', 'p'] })] }, 'duplicate definition of peers "p"'],
    [
      '4.6',
      { bgpAdvertisements: [bgp('b', { serviceSelectors: [TWICE], aggregationLength: 30 })] },
      'serviceSelectors and aggregationLength are mutually exclusive, both cannot be set in b',
    ],
    [
      '4.6',
      { bgpAdvertisements: [bgp('b', { serviceSelectors: [TWICE], aggregationLengthV6: 64 })] },
      'serviceSelectors and aggregationLengthV6 are mutually exclusive, both cannot be set in b',
    ],
    ['4.6', { bgpAdvertisements: [bgp('b', { aggregationLength: 33 })] }, "invalid aggregation length '33' for IPv4"],
    [
      '4.6',
      { bgpAdvertisements: [bgp('b', { aggregationLengthV6: 129 })] },
      "invalid aggregation length '129' for IPv6",
    ],
    [
      '4.6',
      { pools: [LAN], bgpAdvertisements: [bgp('b', { aggregationLength: 16 })] },
      'invalid aggregation length 16: prefix 192.0.2.0/24 in this pool is more specific than the aggregation length for addresses',
    ],
  ])('[row 2] §%s %#: the sentence people search for', (_, resources, sentence) => {
    expect(
      read(resources)
        .problems.map(({ detail }) => detail)
        .join('\n---\n'),
    ).toContain(sentence)
  })
})

const RULES: RequestRules = { pools: [], brokenPools: new Map(), loadBalancerClass: '' }

interface Case {
  readonly pools?: Resources['pools']
  readonly spec?: ServiceSpec
  readonly annotations?: Record<string, string>
  readonly shown?: readonly string[]
  readonly namespace?: string
}

/** What a Service `default/web` is told, beside `default/other`, which shares by key `k` on port 80 at 192.0.2.0. */
function told({ pools = [LAN], spec = {}, annotations = {}, shown = [] }: Case): readonly string[] {
  const rules = { ...RULES, pools: read({ pools }).config.pools }
  const allocator = new Allocator()
  allocator.setPools(rules.pools)
  const service = (name: string, more: Partial<Service>): Service => ({
    metadata: { name, namespace: 'default', ...more.metadata },
    spec: { type: 'LoadBalancer', clusterIPs: ['10.96.0.1'], ports: [{ port: 80 }], ...more.spec },
    ...(more.status && { status: more.status }),
  })
  const other = readRequest(
    service('other', { metadata: { name: 'other', namespace: 'default', annotations: SHARED } }),
    rules,
  )
  if (other.kind === 'ask') allocator.ensure('default/other', other.request)
  const web = service('web', {
    metadata: { name: 'web', namespace: 'default', annotations },
    spec,
    status: { loadBalancer: { ingress: shown.map(ip => ({ ip })) } },
  })
  const reading = readRequest(web, rules)
  const answer = reading.kind === 'ask' ? allocator.ensure('default/web', reading.request) : undefined
  return serviceOutcome(web, reading, answer, 0).events.map(
    ({ type, reason, message }) => `${type} ${reason} ${message}`,
  )
}

const SHARED = { 'metallb.io/allow-shared-ip': 'k' }
const IPS = 'metallb.io/loadBalancerIPs'
const POOL = 'metallb.io/address-pool'
const DUAL: ServiceSpec = { clusterIPs: ['10.96.0.1', 'fd00::1'], ipFamilyPolicy: 'RequireDualStack' }
const FAILED = 'Warning AllocationFailed Failed to allocate IP for "default/web": '

describe('what a Service is told', () => {
  test.each<[string, Case, string]>([
    ['2.5', {}, 'Normal IPAllocated Assigned IP ["192.0.2.1"]'],
    [
      '2.5',
      { spec: DUAL, pools: [pool('dual', ['192.0.2.0/24', '2001:db8::/64'])] },
      'Normal IPAllocated Assigned IP ["192.0.2.1" "2001:db8::"]',
    ],
    [
      '2.5',
      { shown: ['198.51.100.1'] },
      'Normal ClearAssignment current IP for "default/web" not allowed by config, will attempt for new IP assignment: ["198.51.100.1"] is not allowed in config',
    ],
    [
      '2.5',
      { spec: { ipFamilyPolicy: 'RequireDualStack' } },
      'Warning not enough clusterips Service requires dual stack but not enough clusterips [10.96.0.1]',
    ],
    [
      '2.5',
      { shown: ['10.0.0.1', '10.0.0.2'] },
      'Warning nolbIPsIPFamily Failed to retrieve LBIPs IPFamily for ["10.0.0.1" "10.0.0.2"]: IPFamilyForAddresses: same address family ["10.0.0.1" "10.0.0.2"]',
    ],
    [
      '2.5',
      { spec: { clusterIPs: ['None'] } },
      'Warning noclusterIPsIPFamily Failed to retrieve ClusterIPs IPFamily for ["None"] None: IPFamilyForAddresses: Invalid address ["None"]',
    ],
    [
      '2.5',
      { annotations: { 'metallb.universe.tf/address-pool': 'lan' } },
      'Warning deprecatedAnnotation Service uses deprecated annotation metallb.universe.tf/address-pool',
    ],
    ['3.5', { pools: [pool('tiny', ['192.0.2.0/32'])] }, `${FAILED}no available IPs`],
    ['3.6', { annotations: { [IPS]: '203.0.113.9' } }, `${FAILED}["203.0.113.9"] is not allowed in config`],
    [
      '3.6',
      { annotations: { [IPS]: '192.0.2.0' }, pools: [pool('lan', ['192.0.2.0/24'], { avoidBuggyIPs: true })] },
      `${FAILED}["192.0.2.0"] is not allowed in config`,
    ],
    [
      '3.6',
      {
        annotations: { [POOL]: 'shop' },
        pools: [pool('shop', ['192.0.2.0/24'], { serviceAllocation: { namespaces: ['shop'] } })],
      },
      `${FAILED}pool shop not compatible for ip assignment`,
    ],
    [
      '3.6',
      { annotations: { [IPS]: '192.0.2.1,192.0.2.2,2001:db8::1' } },
      'more than two addresses ["192.0.2.1" "192.0.2.2" "2001:db8::1"]',
    ],
    ['3.6', { annotations: { [IPS]: '192.0.2.1,192.0.2.2' } }, '"192.0.2.1" "192.0.2.2" has the same family'],
    [
      '3.6',
      { annotations: { [IPS]: '192.0.2.0' } },
      `${FAILED}can't change sharing key for "default/web", address also in use by default/other`,
    ],
    [
      '3.6',
      { annotations: { [IPS]: '192.0.2.0', ...SHARED } },
      `${FAILED}port TCP/80 is already in use on "192.0.2.0"`,
    ],
    ['3.10', { annotations: { [POOL]: 'gold' } }, `${FAILED}unknown pool "gold"`],
    [
      '3.10',
      { annotations: { [POOL]: 'tiny' }, pools: [pool('tiny', ['192.0.2.0/32'])] },
      `${FAILED}no available IPs in pool tiny`,
    ],
    ['3.10', { annotations: { [POOL]: 'lan' }, spec: DUAL }, `${FAILED}no available IPs in pool lan for dual IPFamily`],
    [
      '3.10',
      { annotations: { [IPS]: '192.0.2.9' }, spec: { loadBalancerIP: '192.0.2.9' } },
      'service can not have both metallb.io/loadBalancerIPs and svc.Spec.LoadBalancerIP',
    ],
    ['3.10', { annotations: { [IPS]: 'x' } }, 'invalid metallb.io/loadBalancerIPs: "x"'],
    ['3.10', { spec: { loadBalancerIP: 'x' } }, 'invalid spec.loadBalancerIP "x"'],
    [
      '3.10',
      { annotations: { [IPS]: '192.0.2.1,192.0.2.2' } },
      'IPFamilyForAddresses: same address family ["192.0.2.1" "192.0.2.2"]',
    ],
    [
      '3.10',
      { annotations: { [IPS]: '192.0.2.1,192.0.2.2,2001:db8::1' } },
      'IPFamilyForAddresses: invalid ips length 3 ["192.0.2.1" "192.0.2.2" "2001:db8::1"]',
    ],
    [
      '3.10',
      { annotations: { [IPS]: '2001:db8::1' } },
      `${FAILED}requested loadBalancer IP(s) ["2001:db8::1"] does not match the ipFamily of the service`,
    ],
    [
      '3.10',
      { annotations: { [IPS]: '192.0.2.9', [POOL]: 'b' }, pools: [LAN, pool('b', ['203.0.113.0/24'])] },
      `${FAILED}requested loadBalancer IP(s) ["192.0.2.9"] is not compatible with requested address pool b`,
    ],
  ])('[row 24] §%s %#: the Event people search for', (_, scene, sentence) => {
    expect(told(scene).join('\n')).toContain(sentence)
  })
})

describe('very much that is bad', () => {
  const lines = Array.from({ length: 10_000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`)

  test('ten thousand addresses in one pool, line by line: all of them are in force, in their order', () => {
    const { config, problems } = read({ pools: [pool('p', lines)] })
    expect(problems).toEqual([])
    expect(config.pools[0]!.ranges).toHaveLength(10_000)
    const allocator = new Allocator()
    allocator.setPools(config.pools)
    expect(allocator.usage()[0]!.ipv4.capacity).toBe(2_560_000n)
  })

  test('of ten thousand lines two are bad: the two are named by number, and no other pool is harmed', () => {
    const bad = lines.with(7, '10.0.9.9-10.0.9.1').with(9_000, lines[8]!)
    const { config, problems } = read({ pools: [pool('p', bad), pool('good', ['192.0.2.0/24'])] })
    expect(problems.map(({ code, path }) => [code, path])).toEqual([
      ['invalid-range', 'spec.addresses[7]'],
      ['overlap', 'spec.addresses[9000]'],
    ])
    expect(config.pools.map(({ name }) => name)).toEqual(['good'])
  })

  test('ten thousand bad lines are ten thousand problems of one object', () => {
    const { problems } = read({
      pools: [
        pool(
          'p',
          lines.map(line => `${line}x`),
        ),
      ],
    })
    expect(new Set(problems.map(({ path }) => path)).size).toBe(10_000)
    expect(new Set(problems.map(({ object }) => object.name))).toEqual(new Set(['p']))
  })

  test('pools that overlap, in any order of arrival: the same one is good', () => {
    const made = ['c', 'a', 'b'].map((name, i) => {
      const one = pool(name, [`10.0.0.${i}-10.0.0.${i + 4}`])
      return { ...one, metadata: { ...one.metadata, creationTimestamp: `2026-01-0${3 - i}T00:00:00Z` } }
    })
    const orders = [made, made.toReversed(), [made[1]!, made[2]!, made[0]!]]
    const names = orders.map(pools => read({ pools }).config.pools.map(({ name }) => name))
    expect(names).toEqual([['b'], ['b'], ['b']])
  })

  test.each([
    ['0.0.0.0/0', 1n << 32n],
    ['::/0', 1n << 128n],
    ['2001:db8::/1', 1n << 127n],
    ['255.255.255.255/32', 1n],
    ['::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 1n << 128n],
  ])('a prefix as absurd as %s is taken as it is, and not materialised', (addresses, capacity) => {
    const { config, problems } = read({ pools: [pool('p', [addresses])] })
    const allocator = new Allocator()
    allocator.setPools(config.pools)
    const [usage] = allocator.usage()
    expect([problems, usage!.ipv4.capacity + usage!.ipv6.capacity]).toEqual([[], capacity])
  })

  test.each([
    '10.0.0.0/-1',
    '10.0.0.0/1e1',
    '10.0.0.0/ 24',
    '/24',
    '-',
    '10.0.0.1-',
    '10.0.0.0/24/24',
    '',
    ' ',
    '\u0000',
    '::ffff:10.0.0.1-::ffff:10.0.0.x',
  ])('an item %j has its reason', item => {
    expect(read({ pools: [pool('p', [item])] }).problems.map(({ code }) => code)).toEqual(['invalid-range'])
  })

  test.each([
    { [IPS]: ',' },
    { [IPS]: '192.0.2.1;192.0.2.2' },
    { [IPS]: '\u0000' },
    { [IPS]: '192.0.2.1,'.repeat(10_000) },
    { [POOL]: '\u{1f4a9}' },
    { [POOL]: 'x'.repeat(100_000) },
  ])('annotations with junk %#: a reason on the Service, of a size that an Event can carry', annotations => {
    const [first] = told({ annotations })
    expect(first).toMatch(/^Warning AllocationFailed/)
    expect(first!.length).toBeLessThan(1_024 + 64)
  })
})
