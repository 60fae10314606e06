import { address, formatAddress, range } from '@metallb-ts/netip'
import { describe, expect, test } from 'vitest'
import {
  Allocator,
  explain,
  explainMove,
  type AllocationRequest,
  type Ensured,
  type Pool,
  type Quarantined,
} from './index.ts'

const ASK: AllocationRequest = {
  families: ['ipv4'],
  familyPolicy: 'single',
  tiers: [['a', 'b']],
  refused: [],
  ports: [],
}
const POOL_A: Pool = { name: 'a', ranges: [range('192.0.2.0/30')] }
const POOL_B: Pool = { name: 'b', ranges: [range('198.51.100.0/30'), range('2001:db8::/126')] }
const DUAL = { ...ASK, families: ['ipv4', 'ipv6'] as const }
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

function moved(answer: Ensured): string | undefined {
  return answer.moved && explainMove(answer.moved.because)
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
    const answer = allocator(POOL_A, POOL_B).ensure('s', { ...ASK, families: ['ipv6'] })
    expect(given(answer)).toEqual(['2001:db8::'])
    expect(answer.ok && answer.trail).toEqual([
      { pool: 'a', ruledOut: { code: 'no-such-family', family: 'ipv6' } },
      { pool: 'b' },
    ])
  })

  test('a later tier gives only when the earlier one cannot', () => {
    const ours = allocator({ name: 'a', ranges: [range('192.0.2.0/32')] }, POOL_B)
    const request = { ...ASK, tiers: [['a'], ['b']] }
    expect(given(ours.ensure('s1', request))).toEqual(['192.0.2.0'])
    expect(given(ours.ensure('s2', request))).toEqual(['198.51.100.0'])
  })

  test('[row 4] avoidBuggyIPs leaves out .0 and .255', () => {
    const ours = allocator({ name: 'a', ranges: [range('192.0.2.254-192.0.3.1')], avoidBuggyIPs: true })
    expect(ours.usage()[0]?.ipv4.capacity).toBe(2n)
    expect(given(ours.ensure('s1', ASK))).toEqual(['192.0.2.254'])
    expect(given(ours.ensure('s2', ASK))).toEqual(['192.0.3.1'])
    expect(refused(ours.ensure('s3', ASK))).toBe('no available IPs: pool a: all of its 2 IPv4 addresses are in use')
    expect(refused(ours.ensure('s3', { ...ASK, addresses: [address('192.0.3.0')] }))).toContain(
      'is not allowed in config',
    )
  })

  test('[row 4] turning avoidBuggyIPs on moves the holder of a .0 and nobody else', () => {
    const ours = allocator(POOL_A)
    for (const key of ['s1', 's2']) ours.ensure(key, ASK)
    ours.setPools([{ ...POOL_A, avoidBuggyIPs: true }])
    const answer = ours.ensure('s1', ASK)
    expect(given(answer)).toEqual(['192.0.2.2'])
    expect(moved(answer)).toContain('["192.0.2.0"] is not allowed in config')
    expect(given(ours.ensure('s2', ASK))).toEqual(['192.0.2.1'])
  })

  test('excluded addresses are never given, also when asked for; a holder from before keeps its own', () => {
    const ours = allocator(POOL_A)
    ours.ensure('early', ASK)
    ours.setPools([{ ...POOL_A, excluded: [range('192.0.2.0-192.0.2.1'), range('192.0.2.0/31')] }])
    const early = ours.ensure('early', ASK)
    expect([given(early), early.ok && early.how]).toEqual([['192.0.2.0'], 'kept'])
    expect(given(ours.ensure('s1', ASK))).toEqual(['192.0.2.2'])
    expect(refused(ours.ensure('s2', { ...ASK, addresses: [address('192.0.2.1')] }))).toBe(
      '["192.0.2.1"] is not allowed in config: pool a excludes it',
    )
    ours.release('early')
    expect(given(ours.ensure('s3', ASK))).toEqual(['192.0.2.3'])
    expect(ours.usage()[0]?.ipv4).toEqual({ capacity: 2n, assigned: 2n, quarantined: 0n })
  })

  test('pools and exclusions of any size are not materialised', () => {
    const ours = allocator({ name: 'a', ranges: [range('::/0')], excluded: [range('::-ffff:ffff::')] })
    expect(given(ours.ensure('s', { ...ASK, families: ['ipv6'] }))).toEqual(['ffff:ffff::1'])
    expect(ours.usage()[0]?.ipv6.assigned).toBe(1n)
    expect(allocator({ name: 'a', ranges: [range('::/0')] }).usage()[0]?.ipv6.capacity).toBe(1n << 128n)
  })

  test.each([
    ['overlap', [POOL_A, { name: 'b', ranges: [range('192.0.2.3-192.0.2.9')] }], 'ranges overlap'],
    ['names', [POOL_A, { name: 'a', ranges: [] }], 'two pools are named a'],
  ])('pools with a bad %s are the caller’s mistake', (_, pools, message) => {
    expect(() => allocator(...pools)).toThrow(message)
  })
})

describe('families', () => {
  test('[row 13] each family from where it is', () => {
    const ours = allocator(POOL_B)
    expect(given(ours.ensure('s4', ASK))).toEqual(['198.51.100.0'])
    expect(given(ours.ensure('s6', { ...ASK, families: ['ipv6'] }))).toEqual(['2001:db8::'])
  })

  test('[row 14] require-dual takes both from one pool', () => {
    const request = { ...DUAL, familyPolicy: 'require-dual' as const }
    expect(given(allocator(POOL_A, POOL_B).ensure('s', request))).toEqual(['198.51.100.0', '2001:db8::'])
    expect(refused(allocator(POOL_A).ensure('s', request))).toBe('no available IPs: pool a: it has no IPv6 addresses')
    expect(refused(allocator(POOL_A).ensure('s', { ...request, pool: 'a' }))).toBe(
      'no available IPs in pool a for dual IPFamily: pool a: it has no IPv6 addresses',
    )
  })

  test('[row 15] prefer-dual falls back to the primary family, and gains the other later', () => {
    const ours = allocator(POOL_A)
    const request = { ...DUAL, familyPolicy: 'prefer-dual' as const }
    expect(given(ours.ensure('s', request))).toEqual(['192.0.2.0'])
    const waiting = ours.ensure('s', request)
    expect(waiting.ok && waiting.incomplete && explain(waiting.incomplete)).toBe(
      'no available IPs in pool a: pool a: it has no IPv6 addresses',
    )
    ours.setPools([{ name: 'a', ranges: [...POOL_A.ranges, range('2001:db8::/126')] }])
    const later = ours.ensure('s', request)
    expect(given(later)).toEqual(['192.0.2.0', '2001:db8::'])
    expect(later.ok && later.how).toBe('extended')
  })

  test('[row 15] prefer-dual: both from a later pool, else the primary family, else the other', () => {
    const six: Pool = { name: 'a', ranges: [range('2001:db8:1::/127')] }
    const four: Pool = { name: 'b', ranges: [range('198.51.100.0/31')] }
    const request = { ...DUAL, familyPolicy: 'prefer-dual' as const }
    expect(given(allocator(POOL_A, POOL_B).ensure('s', request))).toEqual(['198.51.100.0', '2001:db8::'])
    expect(given(allocator(six, four).ensure('s', request))).toEqual(['198.51.100.0'])
    expect(given(allocator(six, four).ensure('s', { ...request, families: ['ipv6', 'ipv4'] }))).toEqual([
      '2001:db8:1::',
    ])
    expect(given(allocator(six).ensure('s', request))).toEqual(['2001:db8:1::'])
  })

  test('two families under a single-family policy are given nothing, as in MetalLB', () => {
    expect(refused(allocator(POOL_B).ensure('s', DUAL))).toBe(
      'no available IPs: pool b: two families are wanted, but the policy allows one',
    )
  })

  test('a changed family gives the old address up', () => {
    const ours = allocator(POOL_A, POOL_B)
    ours.ensure('s', ASK)
    const answer = ours.ensure('s', { ...ASK, families: ['ipv6'] })
    expect(given(answer)).toEqual(['2001:db8::'])
    expect(moved(answer)).toBe('IP for wrong family assigned alloc IPv4 service family IPv6')
  })

  test('[row 20] a dual pool that loses a family loses the holders of both', () => {
    const ours = allocator(POOL_B)
    const request = { ...DUAL, familyPolicy: 'require-dual' as const }
    ours.ensure('s', request)
    expect(ours.setPools([{ name: 'b', ranges: [range('198.51.100.0/30')] }])).toEqual(['s'])
  })
})

describe('asking by name', () => {
  test('[row 9] a named pool gives also where no tier names it', () => {
    const ours = allocator(POOL_A, POOL_B)
    const notAutomatic = { pool: 'b', because: { code: 'not-automatic' } as const, evenByName: false }
    expect(given(ours.ensure('s', { ...ASK, tiers: [['a']], pool: 'b', refused: [notAutomatic] }))).toEqual([
      '198.51.100.0',
    ])
    expect(refused(ours.ensure('t', { ...ASK, pool: 'gold' }))).toBe('unknown pool "gold"')
  })

  test('[row 9] naming another pool moves, naming the same one does not', () => {
    const ours = allocator(POOL_A, POOL_B)
    ours.ensure('s', ASK)
    expect(given(ours.ensure('s', { ...ASK, pool: 'a' }))).toEqual(['192.0.2.0'])
    const answer = ours.ensure('s', { ...ASK, pool: 'b' })
    expect(given(answer)).toEqual(['198.51.100.0'])
    expect(moved(answer)).toBe('another pool is requested: b')
  })

  test('a named pool that the rules keep from the holder is refused with the rule', () => {
    const because = { code: 'namespace-not-allowed', namespace: 'default' } as const
    const request = { ...ASK, refused: [{ pool: 'b', because, evenByName: true }] }
    const sentence = 'pool b not compatible for ip assignment: it does not serve namespace default'
    const ours = allocator(POOL_A, POOL_B)
    expect(refused(ours.ensure('s', { ...request, pool: 'b' }))).toBe(sentence)
    expect(refused(ours.ensure('s', { ...request, addresses: [address('198.51.100.1')] }))).toBe(sentence)
    ours.ensure('s', { ...ASK, pool: 'b' })
    expect(moved(ours.ensure('s', request))).toBe(sentence)
  })

  test.each<[string, Partial<AllocationRequest>, string]>([
    ['outside', { addresses: [address('10.0.0.1')] }, '["10.0.0.1"] is not allowed in config: no pool holds it'],
    [
      'in two pools',
      { families: ['ipv4', 'ipv6'], addresses: [address('192.0.2.1'), address('2001:db8::1')] },
      '["192.0.2.1" "2001:db8::1"] is not allowed in config: no pool holds both',
    ],
    [
      'wrong family',
      { addresses: [address('2001:db8::1')] },
      'requested loadBalancer IP(s) ["2001:db8::1"] does not match the ipFamily of the service: IPv4',
    ],
    [
      'two of one',
      { families: ['ipv4', 'ipv6'], addresses: [address('192.0.2.0'), address('192.0.2.1')] },
      'IPFamilyForAddresses: same address family ["192.0.2.0" "192.0.2.1"]: "192.0.2.0" "192.0.2.1" has the same family',
    ],
    [
      'three',
      { addresses: [1, 2, 3].map(n => address(`192.0.2.${n}`)) },
      'IPFamilyForAddresses: invalid ips length 3 ["192.0.2.1" "192.0.2.2" "192.0.2.3"]: more than two addresses ["192.0.2.1" "192.0.2.2" "192.0.2.3"]',
    ],
    [
      'other pool',
      { addresses: [address('192.0.2.1')], pool: 'b' },
      'requested loadBalancer IP(s) ["192.0.2.1"] is not compatible with requested address pool b',
    ],
  ])('[row 10] addresses asked for: %s', (_, more, sentence) => {
    expect(refused(allocator(POOL_A, POOL_B).ensure('s', { ...ASK, ...more }))).toBe(sentence)
  })

  test('[row 10] both addresses of a dual-stack holder can be asked for, and asked away', () => {
    const request = { ...DUAL, familyPolicy: 'require-dual' as const }
    const ours = allocator(POOL_B)
    const first = [address('198.51.100.2'), address('2001:db8::2')]
    expect(given(ours.ensure('s', { ...request, addresses: first }))).toEqual(['198.51.100.2', '2001:db8::2'])
    const answer = ours.ensure('s', { ...request, addresses: [first[0]!, address('2001:db8::3')] })
    expect(given(answer)).toEqual(['198.51.100.2', '2001:db8::3'])
    expect(moved(answer)).toBe('other addresses are requested: ["198.51.100.2" "2001:db8::3"]')
  })

  test('keepOnly keeps what fits and gives nothing new', () => {
    const ours = allocator(POOL_A)
    const request = { ...ASK, keepOnly: true }
    expect(refused(ours.ensure('s', request))).toBe('no address is held')
    ours.ensure('s', ASK)
    expect(given(ours.ensure('s', request))).toEqual(['192.0.2.0'])
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
    expect(given(ours.ensure('s4', shared([web, dns])))).toEqual(['192.0.2.2'])
    expect(ours.usage()[0]?.ipv4.assigned).toBe(3n)
    expect(ours.holdersOf(address('192.0.2.0'))).toEqual(['s1', 's2'])
  })

  test('[row 16] a full pool still takes a sharer', () => {
    const ours = allocator({ name: 'a', ranges: [range('192.0.2.1/32')] })
    ours.ensure('s1', shared([web]))
    expect(given(ours.ensure('s2', shared([dns])))).toEqual(['192.0.2.1'])
    expect(refused(ours.ensure('s3', shared([dns])))).toContain('no available IPs')
  })

  test.each<[string, AllocationRequest, string]>([
    [
      'another key',
      { ...ASK, ports: [dns], sharing: { key: 'other', backend: '' } },
      `can't change sharing key for "t", address also in use by s`,
    ],
    ['no key', { ...ASK, ports: [dns] }, `can't change sharing key for "t", address also in use by s`],
    ['another backend', shared([dns], 'app=x'), `can't change sharing key for "t", address also in use by s`],
    ['a port in use', shared([web]), 'port TCP/80 is already in use on "192.0.2.0" by s'],
  ])('[row 16] the address of another, with %s', (_, request, sentence) => {
    const ours = allocator(POOL_A)
    ours.ensure('s', shared([web]))
    expect(refused(ours.ensure('t', { ...request, addresses: [address('192.0.2.0')] }))).toBe(sentence)
  })

  test('[row 17] the same port number over TCP and UDP is no conflict', () => {
    const ours = allocator(POOL_A)
    expect(given(ours.ensure('s', shared([{ protocol: 'TCP', port: 53 }])))).toEqual(
      given(ours.ensure('t', shared([dns]))),
    )
  })

  test('[row 16] a holder alone on its address may change its key; one of several is moved', () => {
    const ours = allocator(POOL_A)
    ours.ensure('s', shared([web]))
    const other = { ...ASK, ports: [web], sharing: { key: 'new', backend: '' } }
    const answer = ours.ensure('s', other)
    expect(answer.ok && answer.how).toBe('kept')
    ours.ensure('t', { ...other, ports: [dns] })
    const second = ours.ensure('t', shared([dns]))
    expect(given(second)).toEqual(['192.0.2.1'])
    expect(moved(second)).toBe(`can't change sharing key for "t", address also in use by s`)
  })

  test('[row 16] ports added where a neighbour has them move the one who adds', () => {
    const ours = allocator(POOL_A)
    ours.ensure('s', shared([web]))
    ours.ensure('t', shared([dns]))
    expect(given(ours.ensure('t', shared([dns, web])))).toEqual(['192.0.2.1'])
    expect(given(ours.ensure('s', shared([web])))).toEqual(['192.0.2.0'])
  })
})

describe('quarantine', () => {
  const reason = '02:00:5e:00:00:07 answers for it'
  const entry = (text: string, moves = false): Quarantined => ({ address: address(text), reason, moves })

  test('what is in quarantine is given to nobody, also not when asked for, until it is left out again', () => {
    const ours = allocator(POOL_A)
    expect(ours.setQuarantine([entry('192.0.2.0'), entry('192.0.2.2'), entry('10.0.0.1')])).toEqual([])
    expect(given(ours.ensure('s1', ASK))).toEqual(['192.0.2.1'])
    const answer = ours.ensure('s2', { ...ASK, addresses: [address('192.0.2.0')] })
    expect(answer.ok || answer.error).toMatchObject({ code: 'address-quarantined', pool: 'a', reason })
    expect(refused(answer)).toBe(`["192.0.2.0"] of pool a is in quarantine: ${reason}`)
    expect(ours.usage()[0]?.ipv4).toEqual({ capacity: 4n, assigned: 1n, quarantined: 2n })
    expect(given(ours.ensure('s2', ASK))).toEqual(['192.0.2.3'])
    expect(refused(ours.ensure('s3', ASK))).toBe(
      'no available IPs: pool a: all of its 4 IPv4 addresses are in use or in quarantine (2)',
    )
    ours.setQuarantine([entry('192.0.2.0')])
    expect(given(ours.ensure('s3', ASK))).toEqual(['192.0.2.2'])
  })

  test('a holder keeps its address, unless the entry moves it', () => {
    const ours = allocator(POOL_A)
    for (const holder of ['s1', 's2']) ours.ensure(holder, ASK)
    expect(ours.setQuarantine([entry('192.0.2.0'), entry('192.0.2.1', true)])).toEqual(['s2'])
    expect(ours.usage()[0]?.ipv4).toEqual({ capacity: 4n, assigned: 2n, quarantined: 0n })
    expect(given(ours.ensure('s1', ASK))).toEqual(['192.0.2.0'])
    const answer = ours.ensure('s2', ASK)
    expect(given(answer)).toEqual(['192.0.2.2'])
    expect(moved(answer)).toBe(`["192.0.2.1"] of pool a is in quarantine: ${reason}`)
    ours.release('s1')
    expect(given(ours.ensure('s3', ASK))).toEqual(['192.0.2.3'])
  })

  test('nobody joins a shared address that is in quarantine; afterwards they may again', () => {
    const ours = allocator(POOL_A)
    const shared = (port: typeof web): AllocationRequest => ({
      ...ASK,
      ports: [port],
      sharing: { key: 'k', backend: '' },
    })
    ours.ensure('s1', shared(web))
    ours.setQuarantine([entry('192.0.2.0')])
    expect(given(ours.ensure('s2', shared(dns)))).toEqual(['192.0.2.1'])
    ours.setQuarantine([])
    expect(given(ours.ensure('s3', shared(dns)))).toEqual(['192.0.2.0'])
  })

  test('it outlives a change of pools, and takes nothing from who is taken over', () => {
    const ours = allocator(POOL_B)
    ours.setQuarantine([entry('192.0.2.0'), entry('192.0.2.3', true)])
    ours.setPools([POOL_A])
    expect(given(ours.ensure('s1', ASK))).toEqual(['192.0.2.1'])
    expect(ours.adopt('s2', [address('192.0.2.0')], ASK)).toBeUndefined()
    expect(given(ours.ensure('s2', ASK))).toEqual(['192.0.2.0'])
  })
})

describe('taking over and replacing', () => {
  test('what was adopted is kept, and what another holds is not adopted', () => {
    const ours = allocator(POOL_A)
    expect(ours.adopt('s', [address('192.0.2.3')], ASK)).toBeUndefined()
    expect(ours.adopt('t', [address('192.0.2.3')], ASK)).toMatchObject({ code: 'sharing-conflict', others: ['s'] })
    expect(ours.adopt('u', [address('10.0.0.1')], ASK)).toMatchObject({ code: 'address-not-in-pools' })
    expect(ours.adopt('v', [], ASK)).toMatchObject({ code: 'address-not-in-pools' })
    expect(given(ours.ensure('s', ASK))).toEqual(['192.0.2.3'])
  })

  test('[row 19] a renamed or grown pool moves nobody', () => {
    const ours = allocator(POOL_A)
    ours.ensure('s', ASK)
    expect(ours.setPools([{ name: 'renamed', ranges: [range('192.0.2.0/24')] }])).toEqual([])
    expect(ours.assignment('s')).toEqual({ pool: 'renamed', addresses: [address('192.0.2.0')] })
    expect(ours.poolOf([address('192.0.2.9')])).toBe('renamed')
  })

  test('[row 20] a holder whose address left every pool loses it and gets another', () => {
    const ours = allocator(POOL_A)
    ours.ensure('s', ASK)
    expect(ours.setPools([POOL_B])).toEqual(['s'])
    expect(given(ours.ensure('s', ASK))).toEqual(['198.51.100.0'])
  })

  test('[row 21] what is released is given again, lowest first', () => {
    const ours = allocator(POOL_A)
    for (const key of ['s0', 's1', 's2', 's3']) ours.ensure(key, ASK)
    expect(refused(ours.ensure('s4', ASK))).toContain('no available IPs')
    ours.release('s2')
    ours.release('s1')
    expect(ours.release('s1')).toEqual([])
    expect(given(ours.ensure('s4', ASK))).toEqual(['192.0.2.1'])
    expect(given(ours.ensure('s5', ASK))).toEqual(['192.0.2.2'])
  })

  test('without pools there is a reason', () => {
    expect(refused(new Allocator().ensure('s', ASK))).toBe('no address pool is configured')
  })

  test('a sentence about very many pools stays short', () => {
    const names = Array.from({ length: 500 }, (_, i) => `p${i}`)
    const pools = names.map((name, i) => ({ name, ranges: [range(`10.0.${i >> 8}.${i & 255}/32`)] }))
    const sentence = refused(allocator(...pools).ensure('s', { ...ASK, families: ['ipv6'], tiers: [names] }))
    expect(sentence).toContain('and 480 more pools')
    expect(sentence.length).toBeLessThan(1_024)
  })
})
