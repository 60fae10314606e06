import type { IPAddressPool, Service } from '@metallb-ts/api'
import { Allocator, type Pool } from '@metallb-ts/ipam'
import { range } from '@metallb-ts/netip'
import { describe, expect, test } from 'vitest'
import { currentAddresses, readRequest, type RequestRules } from './allocation-request.ts'
import { explainForeignInstallation } from './foreign-installations.ts'
import type { PoolConfig } from './pools.ts'
import { configurationStatus } from './status-configuration.ts'
import { poolCounters } from './status-pool.ts'
import { leavingAddresses, serviceOutcome, type ServiceOutcome, type ServicePatch } from './status.ts'

const NOW = Date.UTC(2026, 6, 1, 12, 0, 0, 123)
const LATER = NOW + 60_000

function pool(name: string, ...ranges: string[]): PoolConfig {
  return { name, labels: {}, ranges: ranges.map(range), excluded: [], autoAssign: true, avoidBuggyIPs: false }
}

const A = pool('a', '192.0.2.0/31')

/** The controller's inner step without its world: allocator and rules in, the Service as it is stored afterwards out. */
class World {
  readonly allocator = new Allocator()
  rules: RequestRules = { pools: [], brokenPools: new Map(), loadBalancerClass: '' }

  constructor(...pools: PoolConfig[]) {
    this.setPools(...pools)
  }

  setPools(...pools: PoolConfig[]): void {
    this.rules = { ...this.rules, pools }
    this.allocator.setPools(pools satisfies readonly Pool[])
  }

  step(
    service: Service,
    at = NOW,
  ): ServiceOutcome & { readonly stored: Service; readonly sentences: readonly string[] } {
    const reading = readRequest(service, this.rules)
    const key = `${service.metadata.namespace}/${service.metadata.name}`
    const answer = reading.kind === 'ask' ? this.allocator.ensure(key, reading.request) : undefined
    if (reading.kind === 'give-up' || reading.kind === 'ignore') this.allocator.release(key)
    const outcome = serviceOutcome(service, reading, answer, at)
    const sentences = outcome.events.map(({ type, reason, message }) => `${type} ${reason} ${message}`)
    return { ...outcome, sentences, stored: outcome.patch ? merge(service, outcome.patch) : service }
  }
}

/** RFC 7396, and the API server's default for ipMode. */
function merge(service: Service, patch: ServicePatch): Service {
  const apply = (target: unknown, change: unknown): unknown => {
    if (typeof change !== 'object' || change === null || Array.isArray(change)) return change
    const result: Record<string, unknown> = { ...(target as object) }
    for (const [key, value] of Object.entries(change)) {
      if (value === null) delete result[key]
      else result[key] = apply(result[key], value)
    }
    return result
  }
  const merged = apply(service, patch) as Service
  const ingress = merged.status?.loadBalancer?.ingress?.map(entry => ({ ipMode: 'VIP', ...entry }))
  return ingress === undefined ? merged : { ...merged, status: { ...merged.status, loadBalancer: { ingress } } }
}

function service(name = 'web', more: Partial<Service> = {}): Service {
  return {
    metadata: { name, namespace: 'default', resourceVersion: '7', ...more.metadata },
    spec: { type: 'LoadBalancer', clusterIPs: ['10.96.0.1'], ports: [{ port: 80 }], ...more.spec },
    ...(more.status && { status: more.status }),
  }
}

function condition({ status }: Service): unknown {
  return status?.conditions?.find(({ type }) => type === 'metallb.io/AddressAssigned')
}

describe('a Service that gets its address', () => {
  test('[row 22] [row 24] one patch with address, pool and condition; one event', () => {
    const { patch, sentences } = new World(A).step(service())
    expect(patch).toEqual({
      metadata: { resourceVersion: '7', annotations: { 'metallb.io/ip-allocated-from-pool': 'a' } },
      status: {
        loadBalancer: { ingress: [{ ip: '192.0.2.0' }] },
        conditions: [
          {
            type: 'metallb.io/AddressAssigned',
            status: 'True',
            reason: 'Assigned',
            message: '["192.0.2.0"] from pool a',
            lastTransitionTime: '2026-07-01T12:00:00Z',
          },
        ],
      },
    })
    expect(sentences).toEqual(['Normal IPAllocated Assigned IP ["192.0.2.0"]'])
  })

  test('what is written is not written again, whatever ipMode the API server adds', () => {
    const world = new World(A)
    const { stored } = world.step(service())
    expect(stored.status?.loadBalancer?.ingress).toEqual([{ ip: '192.0.2.0', ipMode: 'VIP' }])
    const again = world.step(stored, LATER)
    expect([again.patch, again.events]).toEqual([undefined, []])
  })

  test('ipMode that somebody chose stays when a family is added', () => {
    const world = new World(A)
    const dual = { clusterIPs: ['10.96.0.1', 'fd00::1'], ipFamilyPolicy: 'PreferDualStack' }
    const first = world.step(service('web', { spec: dual })).stored
    const ingress = [{ ip: '192.0.2.0', ipMode: 'Proxy' }]
    world.setPools(pool('a', '192.0.2.0/31', '2001:db8::/127'))
    const second = world.step({ ...first, status: { ...first.status, loadBalancer: { ingress } } })
    expect(second.patch?.status?.loadBalancer?.ingress).toEqual([
      { ip: '192.0.2.0', ipMode: 'Proxy' },
      { ip: '2001:db8::' },
    ])
    expect(second.sentences).toEqual(['Normal IPAllocated Assigned additional IP "2001:db8::"'])
  })

  test('[row 15] the family that cannot be added is said once', () => {
    const world = new World(A)
    const dual = { clusterIPs: ['10.96.0.1', 'fd00::1'], ipFamilyPolicy: 'PreferDualStack' }
    const first = world.step(service('web', { spec: dual }))
    const second = world.step(first.stored)
    expect(second.sentences).toEqual([
      'Normal AdditionalAssignFailed cannot assign additional IP in PreferDualStack: no available IPs in pool a: pool a: it has no IPv6 addresses',
    ])
    expect(second.finding).toMatchObject({
      status: 'True',
      message: expect.stringContaining('without the second family') as string,
    })
    expect(world.step(second.stored).sentences).toEqual([])
  })

  test('conditions of others are kept', () => {
    const other = {
      type: 'example.com/Other',
      status: 'True' as const,
      reason: 'X',
      message: '',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    }
    const { patch } = new World(A).step(service('web', { status: { conditions: [other] } }))
    expect(patch?.status?.conditions?.map(({ type }) => type)).toEqual([
      'example.com/Other',
      'metallb.io/AddressAssigned',
    ])
  })
})

describe('a Service that does not', () => {
  test.each<[string, Partial<Service>, PoolConfig[], string, string]>([
    [
      'pool full',
      {},
      [pool('a', '192.0.2.9/32')],
      'NoAvailableAddresses',
      'no available IPs: pool a: all of its 1 IPv4 addresses are in use',
    ],
    ['no pools', {}, [], 'NoPools', 'no address pool is configured'],
    [
      'unknown pool',
      { metadata: { name: 'web', annotations: { 'metallb.io/address-pool': 'gold' } } },
      [A],
      'UnknownPool',
      'unknown pool "gold"',
    ],
    [
      'named pool full',
      { metadata: { name: 'web', annotations: { 'metallb.io/address-pool': 'a' } } },
      [pool('a', '192.0.2.9/32')],
      'NoAvailableAddresses',
      'no available IPs in pool a: pool a: all of its 1 IPv4 addresses are in use',
    ],
    [
      'address in no pool',
      { metadata: { name: 'web', annotations: { 'metallb.io/loadBalancerIPs': '10.65.0.9' } } },
      [A],
      'AddressNotInPools',
      '["10.65.0.9"] is not allowed in config: no pool holds it',
    ],
    [
      'junk annotation',
      { metadata: { name: 'web', annotations: { 'metallb.io/loadBalancerIPs': 'x' } } },
      [A],
      'BadAddressAnnotation',
      'invalid metallb.io/loadBalancerIPs: "x"',
    ],
  ])('[row 24] %s: condition and event say why, once', (_, more, pools, reason, why) => {
    const world = new World(...pools)
    if (pools[0]?.ranges[0] && pools[0] !== A) world.step(service('other'))
    const metadata = { ...service().metadata, ...more.metadata }
    const outcome = world.step({ ...service(), metadata })
    expect(outcome.sentences).toEqual([`Warning AllocationFailed Failed to allocate IP for "default/web": ${why}`])
    expect(condition(outcome.stored)).toMatchObject({ status: 'False', reason, message: why })
    const again = world.step(outcome.stored, LATER)
    expect([again.patch, again.events]).toEqual([undefined, []])
  })

  test('a new reason is a new event, and the time of the transition stays', () => {
    const world = new World()
    const first = world.step(service())
    world.setPools(pool('a', '2001:db8::/127'))
    const second = world.step(first.stored, LATER)
    expect(second.sentences[0]).toContain('it has no IPv4')
    expect(condition(second.stored)).toMatchObject({ lastTransitionTime: '2026-07-01T12:00:00Z' })
    world.setPools(A)
    const third = world.step(second.stored, LATER)
    expect(condition(third.stored)).toMatchObject({ status: 'True', lastTransitionTime: '2026-07-01T12:01:00Z' })
  })

  test('[row 14] two families required, one cluster IP: emptied, with MetalLB’s event', () => {
    const world = new World(A)
    const { stored } = world.step(service())
    const outcome = world.step({ ...stored, spec: { ...stored.spec, ipFamilyPolicy: 'RequireDualStack' } })
    expect(outcome.sentences).toEqual([
      'Warning not enough clusterips Service requires dual stack but not enough clusterips [10.96.0.1]',
    ])
    expect(outcome.stored.status?.loadBalancer).toEqual({})
  })

  test('junk asked for by a Service that has an address: it keeps it, and is told', () => {
    const world = new World(A)
    const { stored } = world.step(service())
    const annotations = { ...stored.metadata.annotations, 'metallb.io/loadBalancerIPs': 'x' }
    const outcome = world.step({ ...stored, metadata: { ...stored.metadata, annotations } })
    expect(outcome.sentences).toEqual([
      'Warning LoadBalancerFailed invalid requested loadbalancer IPs: invalid metallb.io/loadBalancerIPs: "x"',
    ])
    expect(outcome.stored.status?.loadBalancer?.ingress).toHaveLength(1)
    expect(condition(outcome.stored)).toMatchObject({ status: 'True', reason: 'BadAddressAnnotation' })
  })

  test('cluster IPs that make no sense: what is shown stays', () => {
    const world = new World(A)
    const { stored } = world.step(service())
    const outcome = world.step({ ...stored, spec: { ...stored.spec, clusterIPs: ['None'] } })
    expect(outcome.sentences[0]).toContain(
      'Warning noclusterIPsIPFamily Failed to retrieve ClusterIPs IPFamily for ["None"] None',
    )
    expect(outcome.stored.status?.loadBalancer?.ingress).toHaveLength(1)
  })
})

describe('a Service that loses its address', () => {
  test('[row 20] the pool went: ClearAssignment, then what came of it', () => {
    const world = new World(A)
    const { stored } = world.step(service())
    world.setPools(pool('b', '198.51.100.0/31'))
    const outcome = world.step(stored)
    expect(outcome.sentences).toEqual([
      'Normal ClearAssignment current IP for "default/web" not allowed by config, will attempt for new IP assignment: ["192.0.2.0"] is not allowed in config: no pool holds it',
      'Normal IPAllocated Assigned IP ["198.51.100.0"]',
    ])
    expect(outcome.stored.metadata.annotations).toEqual({ 'metallb.io/ip-allocated-from-pool': 'b' })
  })

  test('[row 20] the last pool went: emptied, annotation removed, condition False', () => {
    const world = new World(A)
    const { stored } = world.step(service())
    world.setPools()
    const outcome = world.step(stored)
    expect(outcome.stored.status?.loadBalancer).toEqual({})
    expect(outcome.stored.metadata.annotations).toEqual({})
    expect(condition(outcome.stored)).toMatchObject({ status: 'False', reason: 'NoPools' })
  })

  test('[row 19] a renamed pool: only the annotation changes', () => {
    const world = new World(A)
    const { stored } = world.step(service())
    world.setPools({ ...A, name: 'renamed' })
    const { patch, sentences } = world.step(stored)
    expect(patch?.metadata.annotations).toEqual({ 'metallb.io/ip-allocated-from-pool': 'renamed' })
    expect(patch?.status?.loadBalancer).toBeUndefined()
    expect(sentences).toEqual([])
  })

  test('another type: address, annotation and condition go; a Service that never was ours is not touched', () => {
    const world = new World(A)
    const { stored } = world.step(service())
    const outcome = world.step({ ...stored, spec: { ...stored.spec, type: 'ClusterIP' } })
    expect(outcome.stored.metadata.annotations).toEqual({})
    expect(outcome.stored.status).toEqual({ loadBalancer: {} })
    expect(world.step(outcome.stored).patch).toBeUndefined()
    expect(world.allocator.usage()[0]?.ipv4.assigned).toBe(0n)
  })

  test('[row 12] another class: nothing is written', () => {
    const world = new World(A)
    const foreign = service('web', {
      spec: { loadBalancerClass: 'x' },
      status: { loadBalancer: { ingress: [{ ip: '10.0.0.1' }] } },
    })
    expect(world.step(foreign)).toMatchObject({ patch: undefined, events: [] })
  })

  test('addresses leave only when the status no longer shows them', () => {
    const world = new World(A)
    const { stored } = world.step(service())
    const gone = { ...stored, spec: { ...stored.spec, type: 'ClusterIP' } }
    expect(leavingAddresses(gone, readRequest(gone, world.rules), undefined)).toEqual(currentAddresses(stored))
    const ignored = { ...stored, spec: { ...stored.spec, loadBalancerClass: 'x' } }
    expect(leavingAddresses(ignored, readRequest(ignored, world.rules), undefined)).toEqual([])
  })
})

describe('what others wrote', () => {
  test.each([
    ['junk', ['junk'], 'Invalid address ["junk"]'],
    ['two of a family', ['10.0.0.1', '10.0.0.2'], 'same address family ["10.0.0.1" "10.0.0.2"]'],
    ['three', ['10.0.0.1', '10.0.0.2', 'fd00::1'], 'invalid ips length 3 ["10.0.0.1" "10.0.0.2" "fd00::1"]'],
  ])('a status that cannot be: %s', (_, ips, what) => {
    const { sentences, stored } = new World(A).step(
      service('web', { status: { loadBalancer: { ingress: ips.map(ip => ({ ip })) } } }),
    )
    const list = `[${ips.map(ip => `"${ip}"`).join(' ')}]`
    expect(sentences[0]).toBe(
      `Warning nolbIPsIPFamily Failed to retrieve LBIPs IPFamily for ${list}: IPFamilyForAddresses: ${what}`,
    )
    expect(stored.status?.loadBalancer?.ingress).toEqual([{ ip: '192.0.2.0', ipMode: 'VIP' }])
  })

  test('addresses that somebody replaced are written again, and it is known', () => {
    const world = new World(A)
    const first = world.step(service())
    expect(first.isContested).toBe(false)
    const replaced = {
      ...first.stored,
      status: { ...first.stored.status, loadBalancer: { ingress: [{ ip: '10.9.9.9' }] } },
    }
    const second = world.step(replaced)
    expect([second.isContested, second.sentences]).toEqual([true, []])
    expect(second.stored.status?.loadBalancer?.ingress).toEqual([{ ip: '192.0.2.0', ipMode: 'VIP' }])
  })

  test('a hostname that somebody left is cleared', () => {
    const { stored } = new World().step(service('web', { status: { loadBalancer: { ingress: [{ hostname: 'x' }] } } }))
    expect(stored.status?.loadBalancer).toEqual({})
  })

  test('[row 25] legacy annotations are warned of when something changes, and only then', () => {
    const world = new World(A)
    const annotations = { 'metallb.universe.tf/address-pool': 'a', 'metallb.universe.tf/whatever': '' }
    const first = world.step(service('web', { metadata: { name: 'web', annotations } }))
    expect(first.sentences.slice(1)).toEqual([
      'Warning deprecatedAnnotation Service uses deprecated annotation metallb.universe.tf/address-pool',
      'Warning deprecatedAnnotation Service uses deprecated annotation metallb.universe.tf/whatever',
    ])
    expect(world.step(first.stored).sentences).toEqual([])
  })
})

describe('objects of the configuration', () => {
  const resource: IPAddressPool = { metadata: { name: 'a' }, spec: { addresses: [] } }

  test('[row 23] counters are written where they differ', () => {
    const usage = {
      pool: 'a',
      ipv4: { capacity: 5n, assigned: 1n, quarantined: 1n },
      ipv6: { capacity: 1n << 64n, assigned: 2n, quarantined: 0n },
    }
    const counters = poolCounters(resource, usage)
    expect(counters).toEqual({
      assignedIPv4: 1,
      availableIPv4: 3,
      assignedIPv6: 2,
      availableIPv6: Number.MAX_SAFE_INTEGER,
    })
    expect(poolCounters({ ...resource, status: counters! }, usage)).toBeUndefined()
    const overdrawn = { ...usage, ipv4: { capacity: 1n, assigned: 2n, quarantined: 0n } }
    expect(poolCounters(resource, overdrawn)).toMatchObject({ assignedIPv4: 2, availableIPv4: 0 })
  })

  test('[row 46] the state of the configuration says everything that is wrong, and nothing twice', () => {
    const problem = {
      code: 'overlap',
      object: { kind: 'IPAddressPool', name: 'b' },
      path: 'spec.addresses[0]',
      detail: 'CIDR "10.0.0.0/8" in pool "b" overlaps with already defined CIDR "10.0.0.0/24"',
    } as const
    const bad = configurationStatus(undefined, 'poolReconcilerValid', [problem], NOW)
    expect(bad).toMatchObject({
      result: 'Invalid',
      errorSummary:
        'configuration error: IPAddressPool b, spec.addresses[0]: CIDR "10.0.0.0/8" in pool "b" overlaps with already defined CIDR "10.0.0.0/24"',
      conditions: [{ type: 'poolReconcilerValid', status: 'False', reason: 'ConfigurationError' }],
    })
    const state = { metadata: { name: 'controller' }, status: bad! }
    expect(configurationStatus(state, 'poolReconcilerValid', [problem], LATER)).toBeUndefined()
    expect(configurationStatus(state, 'poolReconcilerValid', [], LATER)).toMatchObject({
      result: 'Valid',
      errorSummary: '',
      conditions: [{ status: 'True', reason: 'Reconciled', message: '' }],
    })
  })

  test('another installation is a condition of its own while it is at work, and makes no configuration invalid', () => {
    const foreign = [{ manager: 'kube-vip', service: 'default/web' }]
    const good = configurationStatus(undefined, 'poolReconcilerValid', [], NOW)!
    const state = { metadata: { name: 'controller' }, status: good }
    const told = configurationStatus(state, 'poolReconcilerValid', [], LATER, foreign)!
    expect(told).toMatchObject({ result: 'Valid', errorSummary: '' })
    expect(told.conditions?.[1]).toEqual({
      type: 'metallb.io/OnlyInstallation',
      status: 'False',
      reason: 'ForeignInstallation',
      message: explainForeignInstallation(foreign[0]!),
      lastTransitionTime: '2026-07-01T12:01:00Z',
    })
    const next = { ...state, status: told }
    expect(configurationStatus(next, 'poolReconcilerValid', [], LATER, foreign)).toBeUndefined()
    expect(configurationStatus(next, 'poolReconcilerValid', [], LATER)).toEqual(good)
  })
})
