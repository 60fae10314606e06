import { address } from '@metallb-ts/netip'
import { describe, expect, test } from 'vitest'
import { INITIAL_TENURES, stepTenures, type Candidate, type TenureView } from './index.ts'

const KEY = '192.0.2.10'
const SETTINGS = { node: 'a', spreading: { name: 'metallb' }, holdDownMs: 0 } as const

function view(epoch: number, alive: TenureView['alive'], candidates: readonly Candidate[]): TenureView {
  return {
    contests: [{ key: KEY, address: address(KEY), candidates }],
    epoch,
    alive,
    coming: new Set(),
    unknown: new Set(),
    holders: () => [],
    isUsable: () => true,
    isCleared: () => true,
    isHeard: () => true,
    presentSince: new Map(),
  }
}

describe('an address that is to be another node’s', () => {
  const [ours, theirs] = [[{ node: 'a' }], [{ node: 'b' }]]

  test.each([
    ['where members tell what they hold: as long as the successor may take to read it', new Set(['a', 'b']), 10_000],
    ['without membership: an instant, for nobody will say that he has it', 'all' as const, 50],
  ])('is answered on %s', (_where, alive, longestMs) => {
    const held = stepTenures(SETTINGS, INITIAL_TENURES, view(1, alive, ours), 0).state
    expect(held.tenures.get(KEY)).toEqual({ holding: 'held' })
    const moved = view(2, alive, theirs)
    const yielding = stepTenures(SETTINGS, held, moved, 1_000)
    expect(yielding.state.tenures.get(KEY)).toEqual({ holding: 'yielding', until: 1_000 + longestMs })
    expect(yielding.againAt).toBe(1_000 + longestMs)
    expect(stepTenures(SETTINGS, yielding.state, moved, 1_000 + longestMs).state.tenures.size).toBe(0)
  })
})

test('an address that nobody wants any more is told as such, and is news again when somebody does', () => {
  const wanted = view(1, new Set(['a']), [{ node: 'a' }])
  const held = stepTenures(SETTINGS, INITIAL_TENURES, wanted, 0)
  expect(held.owners.get(KEY)).toEqual({ owner: 'a', refusals: {} })
  const unwanted = stepTenures(SETTINGS, held.state, { ...wanted, epoch: 2, contests: [] }, 1)
  expect(unwanted.owners.get(KEY)).toBe('uncontested')
  const again = stepTenures(SETTINGS, unwanted.state, { ...wanted, epoch: 3 }, 2)
  expect(again.owners.get(KEY)).toEqual({ owner: 'a', refusals: {} })
})
