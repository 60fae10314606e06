import { Allocator, explain } from '@metallb-ts/ipam'
import { formatAddress, range } from '@metallb-ts/netip'

const allocator = new Allocator()
allocator.setPools([{ name: 'lab', ranges: [range('192.0.2.10-192.0.2.11')] }])

for (const holder of ['web', 'mail', 'late']) {
  const answer = allocator.ensure(holder, {
    families: ['ipv4'],
    familyPolicy: 'single',
    tiers: [['lab']],
    refused: [],
    ports: [],
  })
  console.log(holder, answer.ok ? answer.assignment.addresses.map(formatAddress).join() : explain(answer.error))
}
