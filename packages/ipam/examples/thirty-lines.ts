import { Allocator, explain, explainMove, type AllocationRequest, type Ensured } from '@metallb-ts/ipam'
import { address, formatAddress, range } from '@metallb-ts/netip'

const allocator = new Allocator()
allocator.setPools([
  { name: 'office', ranges: [range('198.51.100.0/24'), range('2001:db8::/64')], excluded: [range('198.51.100.0/32')] },
  { name: 'spare', ranges: [range('203.0.113.0/28')], avoidBuggyIPs: true },
])

// After a restart, hand back what holders are known to have, before anything new is given.
const request: AllocationRequest = {
  families: ['ipv4', 'ipv6'],
  familyPolicy: 'prefer-dual',
  tiers: [['office'], ['spare']],
  refused: [],
  ports: [{ protocol: 'TCP', port: 443 }],
}
allocator.adopt('shop', [address('198.51.100.7'), address('2001:db8::7')], request)
show('shop', allocator.ensure('shop', request))

// Two holders share an address by one key, as long as their ports differ.
const sharing = { key: 'dns', backend: '' }
const dns = { ...request, families: ['ipv4'], familyPolicy: 'single', sharing } as const
show('dns-udp', allocator.ensure('dns-udp', { ...dns, ports: [{ protocol: 'UDP', port: 53 }] }))
show('dns-tcp', allocator.ensure('dns-tcp', { ...dns, ports: [{ protocol: 'TCP', port: 53 }] }))
show('dns-two', allocator.ensure('dns-two', { ...dns, ports: [{ protocol: 'TCP', port: 53 }], pool: 'gone' }))

// New pools move only those that no longer fit.
allocator.setPools([{ name: 'office', ranges: [range('198.51.100.4/30'), range('2001:db8::/64')] }])
show('shop', allocator.ensure('shop', request))
show('dns-udp', allocator.ensure('dns-udp', { ...dns, ports: [{ protocol: 'UDP', port: 53 }] }))

function show(holder: string, answer: Ensured): void {
  const got = answer.ok
    ? `${answer.how} ${answer.assignment.addresses.map(formatAddress).join(' ')}`
    : explain(answer.error)
  console.log(`${holder}: ${got}${answer.moved === undefined ? '' : ` (${explainMove(answer.moved.because)})`}`)
}
