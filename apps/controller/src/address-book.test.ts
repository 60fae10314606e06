import type { Service } from '@metallb-ts/api'
import { formatAddress, range } from '@metallb-ts/netip'
import type { PoolConfig, RequestRules } from '@metallb-ts/policy'
import { expect, test } from 'vitest'
import { AddressBook } from './address-book.ts'

function rulesFor(...ranges: readonly string[]): RequestRules {
  const pool: PoolConfig = {
    name: 'dual',
    labels: {},
    ranges: ranges.map(range),
    excluded: [],
    autoAssign: true,
    avoidBuggyIPs: false,
  }
  return { pools: [pool], brokenPools: new Map(), loadBalancerClass: '' }
}

function service(
  name: string,
  { policy, ingress }: { readonly policy: string; readonly ingress: readonly string[] },
): Service {
  const clusterIPs = policy === 'SingleStack' ? ['10.96.0.1'] : ['10.96.0.1', 'fd10:96::1']
  return {
    metadata: { name, namespace: 'default', resourceVersion: '1' },
    spec: { type: 'LoadBalancer', clusterIPs, ipFamilyPolicy: policy, ports: [{ port: 80 }] },
    status: { loadBalancer: { ingress: ingress.map(ip => ({ ip })) } },
  }
}

test('what a status still shows is nobody else’s, also where the pool has lost the other family’s half of it', () => {
  const book = new AddressBook(() => {})
  const before = rulesFor('192.0.2.1/32', '2001:db8::1/128')
  const both = service('both', { policy: 'RequireDualStack', ingress: ['192.0.2.1', '2001:db8::1'] })
  const other = service('other', { policy: 'SingleStack', ingress: [] })
  book.setPools(before.pools, [both, other], before)
  expect(book.assignment('default/both')).toBeDefined()

  const after = rulesFor('192.0.2.1/32')
  expect(book.setPools(after.pools, [both, other], after)).toEqual(['default/both'])
  expect(book.decide('default/other', other, after).answer?.ok).toBe(false)

  expect(book.decide('default/both', both, after).answer?.ok).toBe(false)
  expect(book.decide('default/other', other, after).answer?.ok).toBe(false)
  book.settled('default/both')
  const given = book.decide('default/other', other, after).answer
  expect(given?.ok === true && given.assignment.addresses.map(formatAddress)).toEqual(['192.0.2.1'])
})
