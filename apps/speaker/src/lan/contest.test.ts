import { address } from '@metallb-ts/netip'
import { describe, expect, it } from 'vitest'
import { contestsOf, movedBy, type LanAddress } from './contest.ts'

const candidates = ['node-a', 'node-b', 'node-c'].map(node => ({ node }))
const V4 = address('10.0.0.1')
const V6 = address('2001:db8::1')
const of = (own: typeof V4, contested: typeof V4, nodes = candidates): LanAddress => ({
  address: own,
  interfaces: 'all',
  contest: { address: contested, candidates: nodes },
})

describe('contestsOf', () => {
  it('one for the addresses of both families of a Service, which move together', () => {
    const desired = [of(V4, V4), of(V6, V4)]
    expect(contestsOf(desired)).toEqual([{ key: '10.0.0.1', address: V4, candidates }])
    expect(
      movedBy(desired)
        .get('10.0.0.1')!
        .map(({ address: moved }) => moved),
    ).toEqual([V4, V6])
  })

  it('Services that share an address share its owner: who may own it for all of them', () => {
    const shared = contestsOf([of(V4, V4), of(V4, V4, candidates.slice(1))])
    expect(shared[0]!.candidates.map(({ node }) => node)).toEqual(['node-b', 'node-c'])
    const apart = [of(V4, V4, candidates.slice(2)), of(V4, V4, candidates.slice(0, 1))]
    for (const order of [apart, apart.toReversed()])
      expect(contestsOf(order)[0]!.candidates.map(({ node }) => node)).toEqual(['node-a', 'node-c'])
  })

  it('none for what is held in any case', () => expect(contestsOf([{ address: V4, interfaces: 'all' }])).toEqual([]))
})
