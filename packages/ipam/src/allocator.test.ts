import { address, formatAddress, range, type Family } from '@metallb-ts/netip'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Allocator, explain, type AllocationRequest, type Ensured, type Pool } from './index.ts'

const ASK: AllocationRequest = {
  families: ['ipv4'],
  familyPolicy: 'single',
  tiers: [['a', 'b']],
  refused: [],
  ports: [],
}
const POOL_A: Pool = { name: 'a', ranges: [range('192.0.2.0/30')] }
const POOL_B: Pool = { name: 'b', ranges: [range('198.51.100.0/30'), range('2001:db8::/126')] }
const web = { protocol: 'TCP', port: 80 }
const dns = { protocol: 'UDP', port: 53 }

function allocator(...pools: Pool[]): Allocator {
  const ours = new Allocator()
  ours.setPools(pools)
  return ours
}

function given(answer: Ensured): string[] {
  if (!answer.ok) throw new Error(explain(answer.error))
  return answer.assignment.addresses.map(formatAddress)
}

function refused(answer: Ensured): string {
  if (answer.ok) throw new Error(`given ${given(answer).join(', ')}`)
  return explain(answer.error)
}

describe('choosing', () => {
  test('[row 1] addresses come in the order of the ranges, network address first, both families', () => {
    const ours = allocator({
      name: 'a',
      ranges: [range('192.0.2.8-192.0.2.9'), range('192.0.2.0/31'), range('2001:db8::/127')],
    })
    const four = ['s1', 's2', 's3', 's4'].map(key => given(ours.ensure(key, ASK))[0])
    expect(four).toEqual(['192.0.2.8', '192.0.2.9', '192.0.2.0', '192.0.2.1'])
    expect(given(ours.ensure('s5', { ...ASK, families: ['ipv6'] }))).toEqual(['2001:db8::'])
  })

  test('the first pool of the first tier that fits gives, and the trail names what the others lacked', () => {
    const ours = allocator(POOL_A, POOL_B)
    const answer = ours.ensure('s', { ...ASK, families: ['ipv6'] })
    expect(given(answer)).toEqual(['2001:db8::'])
    expect(answer.ok && answer.trail).toEqual([
      { pool: 'a', ruledOut: { code: 'no-such-family', family: 'ipv6' } },
      { pool: 'b' },
    ])
  })

  test('[row 4] avoidBuggyIPs leaves out .0 and .255', () => {
    const ours = allocator({ name: 'a', ranges: [range('192.0.2.254-192.0.3.1')], avoidBuggyIPs: true })
    expect(given(ours.ensure('s1', ASK))).toEqual(['192.0.2.254'])
    expect(given(ours.ensure('s2', ASK))).toEqual(['192.0.3.1'])
    expect(refused(ours.ensure('s3', ASK))).toBe('no available IPs (pool a: all 2 IPv4 addresses are in use)')
  })

  test('excluded addresses are never given, also when asked for', () => {
    const ours = allocator({ ...POOL_A, excluded: [range('192.0.2.0-192.0.2.1')] })
    expect(given(ours.ensure('s1', ASK))).toEqual(['192.0.2.2'])
    expect(refused(ours.ensure('s2', { ...ASK, addresses: [address('192.0.2.1')] }))).toBe(
      '["192.0.2.1"] is not allowed in config: pool a leaves it out',
    )
    expect(ours.usage()[0]?.ipv4).toEqual({ capacity: 2n, assigned: 1n })
  })

  test('a pool of /0 is not materialised', () => {
    const ours = allocator({ name: 'a', ranges: [range('::/0')] })
    expect(given(ours.ensure('s', { ...ASK, families: ['ipv6'] }))).toEqual(['::'])
    expect(ours.usage()[0]?.ipv6).toEqual({ capacity: 1n << 128n, assigned: 1n })
  })
})

describe('families', () => {
  const dual = { ...ASK, families: ['ipv4', 'ipv6'] as const }

  test('[row 14] require-dual takes both from one pool', () => {
    expect(given(allocator(POOL_A, POOL_B).ensure('s', { ...dual, familyPolicy: 'require-dual' }))).toEqual([
      '198.51.100.0',
      '2001:db8::',
    ])
    expect(refused(allocator(POOL_A).ensure('s', { ...dual, familyPolicy: 'require-dual' }))).toContain(
      'no available IPs for dual IPFamily',
    )
  })

  test('[row 15] prefer-dual falls back to the primary family, and gains the other later', () => {
    const ours = allocator(POOL_A)
    const request = { ...dual, familyPolicy: 'prefer-dual' as const }
    expect(given(ours.ensure('s', request))).toEqual(['192.0.2.0'])
    ours.setPools([{ name: 'a', ranges: [...POOL_A.ranges, range('2001:db8::/126')] }])
    const later = ours.ensure('s', request)
    expect(given(later)).toEqual(['192.0.2.0', '2001:db8::'])
    expect(later.ok && later.how).toBe('extended')
  })

  test('a dual request under single-stack policy fails, as in MetalLB', () => {
    expect(refused(allocator(POOL_B).ensure('s', dual))).toContain('no available IPs')
  })
})

describe('asking by name', () => {
  test('[row 9] a named pool gives also where it is not automatic', () => {
    const ours = allocator(POOL_A, POOL_B)
    expect(given(ours.ensure('s', { ...ASK, tiers: [['a']], pool: 'b' }))).toEqual(['198.51.100.0'])
    expect(refused(ours.ensure('t', { ...ASK, pool: 'gold' }))).toBe('unknown pool "gold"')
  })

  test('a named pool that the rules keep from the holder is refused with the rule', () => {
    const because = { code: 'namespace-not-allowed', namespace: 'default' } as const
    const request = { ...ASK, pool: 'b', refused: [{ pool: 'b', because, evenByName: true }] }
    expect(refused(allocator(POOL_A, POOL_B).ensure('s', request))).toBe(
      'pool b not compatible for ip assignment: namespace default is not among its namespaces',
    )
  })

  test.each<[string, Partial<AllocationRequest>, string]>([
    ['outside', { addresses: [address('10.0.0.1')] }, '["10.0.0.1"] is not allowed in config'],
    ['wrong family', { addresses: [address('2001:db8::1')] }, 'does not match the ipFamily of the service'],
    [
      'two of one',
      { families: ['ipv4', 'ipv6'], addresses: [address('192.0.2.0'), address('192.0.2.1')] },
      'has the same family',
    ],
    ['three', { addresses: [1, 2, 3].map(n => address(`192.0.2.${n}`)) }, 'more than two addresses'],
    ['other pool', { addresses: [address('192.0.2.1')], pool: 'b' }, 'is not compatible with requested address pool b'],
  ])('[row 10] addresses asked for: %s', (_, more, sentence) => {
    expect(refused(allocator(POOL_A, POOL_B).ensure('s', { ...ASK, ...more }))).toContain(sentence)
  })

  test('[row 10] both addresses of a dual-stack holder can be asked for', () => {
    const addresses = [address('198.51.100.2'), address('2001:db8::2')]
    const request = { ...ASK, families: ['ipv4', 'ipv6'] as const, familyPolicy: 'require-dual' as const, addresses }
    expect(given(allocator(POOL_B).ensure('s', request))).toEqual(['198.51.100.2', '2001:db8::2'])
  })
})

describe('sharing', () => {
  const shared = (ports: AllocationRequest['ports'], backend = ''): AllocationRequest => ({
    ...ASK,
    ports,
    sharing: { key: 'k', backend },
  })

  test('[row 16] one key, disjoint ports: one address, the lowest that fits', () => {
    const ours = allocator(POOL_A)
    expect(given(ours.ensure('s1', shared([web])))).toEqual(['192.0.2.0'])
    expect(given(ours.ensure('s2', shared([dns])))).toEqual(['192.0.2.0'])
    expect(given(ours.ensure('s3', shared([web])))).toEqual(['192.0.2.1'])
    expect(ours.usage()[0]?.ipv4.assigned).toBe(2n)
  })

  test.each<[string, AllocationRequest, string]>([
    [
      'another key',
      { ...ASK, ports: [dns], sharing: { key: 'other', backend: '' } },
      `can't change sharing key for "t", address also in use by s`,
    ],
    ['no key', { ...ASK, ports: [dns] }, `can't change sharing key for "t"`],
    ['another backend', shared([dns], 'app=x'), `can't change sharing key for "t"`],
    ['a port in use', shared([web]), 'port TCP/80 is already in use on "192.0.2.0"'],
  ])('[row 16] the address of another, with %s', (_, request, sentence) => {
    const ours = allocator(POOL_A)
    ours.ensure('s', shared([web]))
    expect(refused(ours.ensure('t', { ...request, addresses: [address('192.0.2.0')] }))).toContain(sentence)
  })

  test('[row 17] the same port number over TCP and UDP is no conflict', () => {
    const ours = allocator(POOL_A)
    expect(given(ours.ensure('s', shared([{ protocol: 'TCP', port: 53 }])))).toEqual(
      given(ours.ensure('t', shared([dns]))),
    )
  })

  test('a holder alone on its address may change its key', () => {
    const ours = allocator(POOL_A)
    ours.ensure('s', shared([web]))
    const answer = ours.ensure('s', { ...ASK, ports: [web], sharing: { key: 'new', backend: '' } })
    expect(answer.ok && answer.how).toBe('kept')
  })
})

describe('replacing pools', () => {
  test('[row 19] a renamed or grown pool moves nobody', () => {
    const ours = allocator(POOL_A)
    ours.ensure('s', ASK)
    expect(ours.setPools([{ name: 'renamed', ranges: [range('192.0.2.0/24')] }])).toEqual([])
    expect(ours.assignment('s')).toEqual({ pool: 'renamed', addresses: [address('192.0.2.0')] })
  })

  test('[row 20] a holder whose address left every pool loses it and gets another', () => {
    const ours = allocator(POOL_A)
    ours.ensure('s', ASK)
    expect(ours.setPools([POOL_B])).toEqual(['s'])
    expect(given(ours.ensure('s', ASK))).toEqual(['198.51.100.0'])
  })

  test('without pools there is a reason', () => {
    expect(refused(new Allocator().ensure('s', ASK))).toContain('no address pool is configured')
  })
})

describe('properties', () => {
  const family = fc.constantFrom<Family>('ipv4', 'ipv6')
  const action = fc.oneof(
    fc.record({
      do: fc.constant('ensure' as const),
      key: fc.nat(12),
      families: fc.uniqueArray(family, { minLength: 1 }),
      port: fc.nat(3),
      sharing: fc.option(fc.nat(1), { nil: undefined }),
      policy: fc.constantFrom('single', 'prefer-dual', 'require-dual'),
    }),
    fc.record({ do: fc.constant('release' as const), key: fc.nat(12) }),
    fc.record({ do: fc.constant('pools' as const), shift: fc.nat(4), both: fc.boolean() }),
  )

  test('no address is held twice unless sharing says so, and usage adds up', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), actions => {
        const ours = allocator(POOL_A, POOL_B)
        const terms = new Map<string, AllocationRequest>()
        for (const act of actions) {
          if (act.do === 'pools') {
            for (const key of ours.setPools([
              { name: 'a', ranges: [range(`192.0.2.${act.shift}-192.0.2.7`)] },
              ...(act.both ? [POOL_B] : []),
            ]))
              terms.delete(key)
          } else if (act.do === 'release') {
            ours.release(`s${act.key}`)
            terms.delete(`s${act.key}`)
          } else {
            const request: AllocationRequest = {
              ...ASK,
              families: act.families,
              familyPolicy: act.policy as AllocationRequest['familyPolicy'],
              ports: [{ protocol: 'TCP', port: act.port + 1 }],
              ...(act.sharing !== undefined && { sharing: { key: `k${act.sharing}`, backend: '' } }),
            }
            if (ours.ensure(`s${act.key}`, request).ok) terms.set(`s${act.key}`, request)
            else terms.delete(`s${act.key}`)
          }
          check(ours, terms)
        }
      }),
      { numRuns: 3_000 },
    )
  })

  test('releasing restores: the same requests get the same addresses again', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(7), { minLength: 1, maxLength: 8 }), keys => {
        const ours = allocator(POOL_A, POOL_B)
        const ask = (): string[][] => keys.map(key => given(ours.ensure(`s${key}`, ASK)))
        const first = ask()
        for (const key of keys) ours.release(`s${key}`)
        expect(ask()).toEqual(first)
      }),
      { numRuns: 2_000 },
    )
  })

  function check(ours: Allocator, terms: ReadonlyMap<string, AllocationRequest>): void {
    const holders = new Map<string, string[]>()
    for (const key of terms.keys()) {
      for (const held of ours.assignment(key)?.addresses ?? []) {
        holders.set(formatAddress(held), [...(holders.get(formatAddress(held)) ?? []), key])
      }
    }
    for (const keys of holders.values()) {
      const requests = keys.map(key => terms.get(key)!)
      if (keys.length > 1) expect(new Set(requests.map(({ sharing }) => sharing?.key)).size).toBe(1)
      if (keys.length > 1) expect(requests[0]!.sharing).toBeDefined()
      const ports = requests.flatMap(({ ports }) => ports.map(({ port }) => port))
      expect(new Set(ports).size).toBe(ports.length)
    }
    const assigned = ours.usage().reduce((sum, { ipv4, ipv6 }) => sum + ipv4.assigned + ipv6.assigned, 0n)
    expect(assigned).toBe(BigInt(holders.size))
  }
})
