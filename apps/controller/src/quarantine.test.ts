import { TAKEN } from '@metallb-ts/api'
import { formatAddress } from '@metallb-ts/netip'
import { describe, expect, it } from 'vitest'
import { takenAddresses } from './quarantine.ts'

const object = (annotations: Record<string, string>, labels: Record<string, string> = { [TAKEN.label]: 'n1' }) => ({
  metadata: { name: 'taken', namespace: 'metallb-system', labels, annotations },
})

describe('takenAddresses', () => {
  it('what a speaker found, with who has it and where', () => {
    const facts = { 'metallb-ts.io/mac': '02:00:00:00:00:bb', 'metallb-ts.io/interface': 'eth0' }
    const [first, second, ...none] = takenAddresses([
      object({ 'metallb-ts.io/address': '192.0.2.10', ...facts }),
      object({ 'metallb-ts.io/address': '2001:db8::10', ...facts }),
      object({ 'metallb-ts.io/address': 'none', ...facts }),
      object({ 'metallb-ts.io/address': '192.0.2.11' }, {}),
    ])
    expect([first, second].map(entry => formatAddress(entry!.address))).toEqual(['192.0.2.10', '2001:db8::10'])
    expect(first).toMatchObject({ moves: true, reason: '02:00:00:00:00:bb has it on interface eth0 of node n1' })
    expect(none).toEqual([])
  })
})
