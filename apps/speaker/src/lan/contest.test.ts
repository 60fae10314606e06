import { address } from '@metallb-ts/netip'
import { describe, expect, it } from 'vitest'
import { heldNow, type LanAddress } from './contest.ts'

// By MetalLB's order node-b owns 10.0.0.1, then node-a, then node-c.
const candidates = [{ node: 'node-a' }, { node: 'node-b' }, { node: 'node-c' }]
const contested: LanAddress = {
  address: address('10.0.0.1'),
  interfaces: 'all',
  contest: { address: address('10.0.0.1'), candidates },
}
const certain: LanAddress = { address: address('10.0.0.9'), interfaces: 'all' }
const held = (node: string, ...alive: string[]): number => heldNow([contested], node, new Set(alive)).length

describe('heldNow', () => {
  it('[row 30] the first of the living holds the address, the others do not', () => {
    expect(['node-a', 'node-b', 'node-c'].map(node => held(node, 'node-a', 'node-b', 'node-c'))).toEqual([0, 1, 0])
    expect(['node-a', 'node-c'].map(node => held(node, 'node-a', 'node-c'))).toEqual([1, 0])
  })

  it('a node that does not take part yet holds nothing', () => expect(held('node-b', 'node-a')).toBe(0))

  it('[row 39] without membership all count as alive', () => {
    expect(heldNow([contested], 'node-b', 'all')).toHaveLength(1)
    expect(heldNow([contested], 'node-a', 'all')).toHaveLength(0)
  })

  it('a second family goes with the first', () => {
    const second: LanAddress = { ...contested, address: address('2001:db8::1') }
    expect(heldNow([contested, second], 'node-b', 'all')).toEqual([contested, second])
  })

  it('one that may not own it never does', () => {
    const refused = [{ node: 'node-b', refusals: ['network-unavailable' as const] }, { node: 'node-a' }]
    const address_ = { ...contested, contest: { address: address('10.0.0.1'), candidates: refused } }
    expect(heldNow([address_], 'node-b', 'all')).toEqual([])
    expect(heldNow([address_], 'node-a', 'all')).toHaveLength(1)
  })

  it('without a contest it is held in any case', () =>
    expect(heldNow([certain], 'node-x', new Set())).toEqual([certain]))
})
