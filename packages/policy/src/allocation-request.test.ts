import type { Service, ServiceSpec } from '@metallb-ts/api'
import { formatAddress, range } from '@metallb-ts/netip'
import { describe, expect, test } from 'vitest'
import { explainRequestProblem } from './allocation-request-problem.ts'
import { currentAddresses, readRequest, type RequestReading, type RequestRules } from './allocation-request.ts'
import type { PoolConfig } from './pools.ts'

const RULES: RequestRules = { pools: [], brokenPools: new Map(), loadBalancerClass: '' }

function service(
  spec: ServiceSpec = {},
  metadata: Partial<Service['metadata']> = {},
  ips: readonly string[] = [],
): Service {
  return {
    metadata: { name: 'web', namespace: 'default', ...metadata },
    spec: { type: 'LoadBalancer', clusterIPs: ['10.96.0.1'], ports: [{ port: 80 }], ...spec },
    status: { loadBalancer: { ingress: ips.map(ip => ({ ip })) } },
  }
}

function asked(reading: RequestReading): RequestReading & { kind: 'ask' } {
  if (reading.kind !== 'ask') throw new Error(JSON.stringify(reading))
  return reading
}

function why(reading: RequestReading): unknown {
  if (reading.kind === 'ask') return reading.problem && [reading.kind, explainRequestProblem(reading.problem)]
  const { because } = reading
  const isOurs = because.code !== 'another-class' && because.code !== 'not-a-load-balancer'
  return [reading.kind, isOurs ? explainRequestProblem(because) : because.code]
}

function pool(name: string, more: Partial<PoolConfig> = {}): PoolConfig {
  const base = {
    name,
    labels: {},
    ranges: [range('192.0.2.0/24')],
    excluded: [],
    autoAssign: true,
    avoidBuggyIPs: false,
  }
  return { ...base, ...more }
}

function allocation(
  namespaces: readonly string[],
  more: Partial<NonNullable<PoolConfig['serviceAllocation']>> = {},
): Pick<PoolConfig, 'serviceAllocation'> {
  const restrictsNamespaces = namespaces.length > 0
  return {
    serviceAllocation: {
      priority: 0,
      namespaces: new Set(namespaces),
      restrictsNamespaces,
      serviceSelectors: [],
      ...more,
    },
  }
}

describe('whether a Service is ours', () => {
  test.each<[string, ServiceSpec, string, unknown]>([
    ['another type', { type: 'ClusterIP' }, '', ['give-up', 'not-a-load-balancer']],
    ['no class, none handled', {}, '', undefined],
    ['a class, none handled', { loadBalancerClass: 'x' }, '', ['ignore', 'another-class']],
    ['no class, x handled', {}, 'x', ['ignore', 'another-class']],
    ['class x, x handled', { loadBalancerClass: 'x' }, 'x', undefined],
    ['class y, x handled', { loadBalancerClass: 'y' }, 'x', ['ignore', 'another-class']],
    ['another type, x handled', { type: 'ClusterIP' }, 'x', ['give-up', 'not-a-load-balancer']],
  ])('[row 12] %s', (_, spec, loadBalancerClass, expected) => {
    expect(why(readRequest(service(spec), { ...RULES, loadBalancerClass }))).toEqual(expected)
  })
})

describe('families', () => {
  test.each<[string, ServiceSpec, readonly string[], string]>([
    ['IPv4', {}, ['ipv4'], 'single'],
    ['IPv6', { clusterIPs: ['2001:db8::1'] }, ['ipv6'], 'single'],
    ['clusterIP without the list', { clusterIPs: [], clusterIP: '10.96.0.1' }, ['ipv4'], 'single'],
    [
      'both, IPv4 first',
      { clusterIPs: ['10.96.0.1', '2001:db8::1'], ipFamilyPolicy: 'RequireDualStack' },
      ['ipv4', 'ipv6'],
      'require-dual',
    ],
    [
      'both, IPv6 first',
      { clusterIPs: ['2001:db8::1', '10.96.0.1'], ipFamilies: ['IPv6', 'IPv4'], ipFamilyPolicy: 'PreferDualStack' },
      ['ipv6', 'ipv4'],
      'prefer-dual',
    ],
    ['one, though two are preferred', { ipFamilyPolicy: 'PreferDualStack' }, ['ipv4'], 'prefer-dual'],
  ])('%s', (_, spec, families, familyPolicy) => {
    expect(asked(readRequest(service(spec), RULES)).request).toMatchObject({ families, familyPolicy })
  })

  test.each<[string, ServiceSpec, unknown]>([
    ['none', { clusterIPs: [] }, ['give-up', 'the Service has no cluster IP']],
    [
      'one where two are required',
      { ipFamilyPolicy: 'RequireDualStack' },
      ['give-up', 'Service requires dual stack but not enough clusterips [10.96.0.1]'],
    ],
    [
      'headless',
      { clusterIPs: ['None'] },
      [
        'leave',
        'Failed to retrieve ClusterIPs IPFamily for ["None"] None: IPFamilyForAddresses: Invalid address ["None"]',
      ],
    ],
    [
      'two of one family',
      { clusterIPs: ['10.96.0.1', '10.96.0.2'] },
      [
        'leave',
        'Failed to retrieve ClusterIPs IPFamily for ["10.96.0.1" "10.96.0.2"] 10.96.0.1: IPFamilyForAddresses: same address family ["10.96.0.1" "10.96.0.2"]',
      ],
    ],
    [
      'three',
      { clusterIPs: ['10.96.0.1', '10.96.0.2', '2001:db8::1'] },
      [
        'leave',
        'Failed to retrieve ClusterIPs IPFamily for ["10.96.0.1" "10.96.0.2" "2001:db8::1"] 10.96.0.1: IPFamilyForAddresses: invalid ips length 3 ["10.96.0.1" "10.96.0.2" "2001:db8::1"]',
      ],
    ],
  ])('cluster IPs: %s', (_, spec, expected) => {
    expect(why(readRequest(service(spec), RULES))).toEqual(expected)
  })
})

describe('what is asked for', () => {
  const annotated = (annotations: Record<string, string>, spec: ServiceSpec = {}): RequestReading =>
    readRequest(service(spec, { annotations }), RULES)

  test.each<[string, Record<string, string>, ServiceSpec, readonly string[] | undefined]>([
    ['[row 10] the annotation', { 'metallb.io/loadBalancerIPs': ' 192.0.2.7 ' }, {}, ['192.0.2.7']],
    [
      '[row 10] two, in the order of their text',
      { 'metallb.io/loadBalancerIPs': '2001:db8::1, 192.0.2.7' },
      {},
      ['192.0.2.7', '2001:db8::1'],
    ],
    ['[row 11] the field', {}, { loadBalancerIP: '192.0.2.7' }, ['192.0.2.7']],
    ['[row 25] the legacy annotation', { 'metallb.universe.tf/loadBalancerIPs': '192.0.2.7' }, {}, ['192.0.2.7']],
    [
      '[row 25] the new annotation hides the legacy one, also when empty',
      { 'metallb.io/loadBalancerIPs': '', 'metallb.universe.tf/loadBalancerIPs': '192.0.2.7' },
      {},
      undefined,
    ],
    ['nothing', {}, {}, undefined],
    ['an IPv4-mapped address is IPv4', { 'metallb.io/loadBalancerIPs': '::ffff:192.0.2.7' }, {}, ['192.0.2.7']],
  ])('addresses: %s', (_, annotations, spec, expected) => {
    const { request, problem } = asked(annotated(annotations, spec))
    expect(problem).toBeUndefined()
    expect(request.addresses?.map(formatAddress)).toEqual(expected)
  })

  test.each<[string, Record<string, string>, ServiceSpec, string]>([
    [
      'both',
      { 'metallb.io/loadBalancerIPs': '192.0.2.7' },
      { loadBalancerIP: '192.0.2.7' },
      'service can not have both metallb.io/loadBalancerIPs and svc.Spec.LoadBalancerIP',
    ],
    ['junk', { 'metallb.io/loadBalancerIPs': '192.0.2.7,x' }, {}, 'invalid metallb.io/loadBalancerIPs: "192.0.2.7,x"'],
    [
      'an empty item',
      { 'metallb.io/loadBalancerIPs': '192.0.2.7,' },
      {},
      'invalid metallb.io/loadBalancerIPs: "192.0.2.7,"',
    ],
    [
      'very many',
      { 'metallb.io/loadBalancerIPs': Array(20).fill('192.0.2.7').join() },
      {},
      'invalid metallb.io/loadBalancerIPs',
    ],
    ['junk in the field', {}, { loadBalancerIP: '010.1.1.1' }, 'invalid spec.loadBalancerIP "010.1.1.1"'],
  ])('[row 10] addresses asked for badly: %s', (_, annotations, spec, sentence) => {
    const reading = asked(annotated(annotations, spec))
    expect(explainRequestProblem(reading.problem!)).toContain(sentence)
    expect(reading.request).toMatchObject({ keepOnly: true })
    expect(reading.request.addresses).toBeUndefined()
  })

  test('[row 9] a pool, also under the legacy name', () => {
    expect(asked(annotated({ 'metallb.io/address-pool': 'gold' })).request.pool).toBe('gold')
    expect(asked(annotated({ 'metallb.universe.tf/address-pool': 'gold' })).request.pool).toBe('gold')
    expect(asked(annotated({ 'metallb.io/address-pool': '' })).request.pool).toBeUndefined()
  })

  test.each<[string, ServiceSpec, unknown]>([
    ['Cluster: anyone with the key', { selector: { app: 'x' } }, { key: 'k', backend: '' }],
    [
      'Local: the same pods',
      { externalTrafficPolicy: 'Local', selector: { b: '2', a: '1' } },
      { key: 'k', backend: 'a=1,b=2' },
    ],
    ['Local without a selector', { externalTrafficPolicy: 'Local' }, { key: 'k', backend: '' }],
  ])('[row 16] sharing, %s', (_, spec, sharing) => {
    expect(asked(annotated({ 'metallb.io/allow-shared-ip': 'k' }, spec)).request.sharing).toEqual(sharing)
    expect(asked(annotated({ 'metallb.io/allow-shared-ip': '' }, spec)).request.sharing).toBeUndefined()
  })

  test('[row 17] ports by protocol', () => {
    const ports = [{ port: 53, protocol: 'UDP' }, { port: 53 }]
    expect(asked(annotated({}, { ports })).request.ports).toEqual([
      { protocol: 'UDP', port: 53 },
      { protocol: 'TCP', port: 53 },
    ])
  })
})

describe('which pools', () => {
  const tiers = (pools: readonly PoolConfig[], labels = {}): unknown =>
    asked(readRequest(service({}, { labels }), { ...RULES, pools })).request.tiers
  const refused = (...pools: PoolConfig[]): unknown =>
    asked(readRequest(service(), { ...RULES, pools })).request.refused

  test('open pools by name, after those that name the Service', () => {
    expect(tiers([pool('z'), pool('a'), pool('mine', allocation(['default']))])).toEqual([['mine'], ['a', 'z']])
  })

  test('[row 3] a pool that is not automatic only by name', () => {
    const pools = [pool('a', { autoAssign: false })]
    expect(tiers(pools)).toEqual([[], []])
    expect(refused(...pools)).toEqual([{ pool: 'a', because: { code: 'not-automatic' }, evenByName: false }])
  })

  test('[row 5] [row 6] a pool of other namespaces is refused, also by name', () => {
    expect(refused(pool('a', allocation(['kube-system'])))).toEqual([
      { pool: 'a', because: { code: 'namespace-not-allowed', namespace: 'default' }, evenByName: true },
    ])
  })

  test('[row 6] selectors that match no namespace: nobody unasked, anyone by name', () => {
    expect(refused(pool('a', allocation([], { restrictsNamespaces: true })))).toEqual([
      { pool: 'a', because: { code: 'namespace-not-allowed', namespace: 'default' }, evenByName: false },
    ])
  })

  test('[row 7] service selectors: any of them', () => {
    const pools = [
      pool('a', allocation([], { serviceSelectors: [{ matchLabels: { app: 'x' } }, { matchLabels: { app: 'y' } }] })),
    ]
    expect(tiers(pools, { app: 'y' })).toEqual([['a'], []])
    expect(refused(...pools)).toEqual([{ pool: 'a', because: { code: 'not-selected' }, evenByName: true }])
  })

  test('[row 5] [row 7] namespaces and selectors must both fit', () => {
    const both = allocation(['default'], { serviceSelectors: [{ matchLabels: { app: 'x' } }] })
    expect(tiers([pool('a', both)], { app: 'x' })).toEqual([['a'], []])
    expect(tiers([pool('a', both)])).toEqual([[], []])
  })

  test('[row 8] positive priorities ascending, then zero, then by name; a bare serviceAllocation serves everyone first', () => {
    const at = (name: string, priority: number): PoolConfig => pool(name, allocation(['default'], { priority }))
    expect(
      tiers([
        at('zero', 0),
        at('second', 20),
        at('first', 10),
        at('b-second', 20),
        pool('bare', allocation([])),
        pool('open'),
      ]),
    ).toEqual([['first', 'b-second', 'second', 'bare', 'zero'], ['open']])
  })
})

describe('what is there already', () => {
  test('addresses of the status; hostnames and junk are none', () => {
    const held = service({}, {}, ['192.0.2.1', 'junk', '2001:db8::1'])
    expect(currentAddresses(held).map(formatAddress)).toEqual(['192.0.2.1', '2001:db8::1'])
  })

  test('[row 105] addresses from a pool that has become unreadable are left alone', () => {
    const annotations = { 'metallb.io/ip-allocated-from-pool': 'a' }
    const rules = { ...RULES, brokenPools: new Map([['a', 'its range is none']]) }
    expect(readRequest(service({}, { annotations }, ['192.0.2.1']), rules)).toMatchObject({
      kind: 'leave',
      because: { code: 'pool-misconfigured', pool: 'a' },
    })
    expect(readRequest(service({}, { annotations }), rules).kind).toBe('ask')
  })

  test('who asks for a pool that cannot be used reads why, and is given nothing', () => {
    const annotations = { 'metallb.io/address-pool': 'a' }
    const rules = { ...RULES, brokenPools: new Map([['a', 'its range is none']]) }
    const reading = readRequest(service({}, { annotations }), rules)
    expect(reading).toMatchObject({ kind: 'ask', request: { keepOnly: true }, problem: { code: 'pool-misconfigured' } })
    expect(reading.kind === 'ask' && reading.problem && explainRequestProblem(reading.problem)).toBe(
      'pool a, which is asked for, is misconfigured: its range is none',
    )
  })
})
