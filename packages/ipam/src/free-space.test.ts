import { range, type Address } from '@metallb-ts/netip'
import { expect, test } from 'vitest'
import { FreeSpace } from './free-space.ts'
import { RangeSet } from './range-set.ts'

test('giving back and taking again at 99 % full asks about two addresses, whatever the size of the pool', () => {
  expect([24, 20, 16].map(length => questionsEach(length))).toEqual([2, 2, 2])
})

test('an address that was given back is found again behind any number that were taken meanwhile', () => {
  const { taken, free } = fullSpace(16, 0)
  for (let i = 0; i < 1_000; i++) giveBack(i)
  expect(free.lowest()).toBe(0n)
  for (let i = 0; i < 999; i++) taken.add(BigInt(i))
  expect(free.lowest()).toBe(999n)

  function giveBack(position: number): void {
    const address = free.at(BigInt(position))
    taken.delete(BigInt(position))
    free.give(address)
  }
})

/** How often a space at 99 % full asks who holds an address, for one that is given back and one that is taken. */
function questionsEach(length: number): number {
  const full = Math.floor(2 ** (32 - length) * 0.99)
  const { taken, free, questions } = fullSpace(length, 2 ** (32 - length) - full)
  const before = questions()
  for (let i = 0; i < TURNS; i++) {
    const position = BigInt((i * STRIDE) % full)
    taken.delete(position)
    free.give(free.at(position))
    const lowest = free.lowest()!
    expect(lowest).toBe(position)
    taken.add(lowest)
    free.took()
  }
  return Math.round((questions() - before) / TURNS)
}

const TURNS = 200
const STRIDE = 7_919

/** A space of which all but the last `room` addresses are taken, in the order of allocation. */
function fullSpace(length: number, room: number) {
  const base = range(`10.0.0.0/${length}`)
  const taken = new Set<bigint>()
  let questions = 0
  const has = ({ value }: Address): boolean => {
    questions++
    return taken.has(value - base.first.value)
  }
  const init = { taken: { has }, excluded: new RangeSet([], 'ipv4'), avoidBuggyIPs: false }
  const free = new FreeSpace([base], init)
  for (let i = 0; i < 2 ** (32 - length) - room; i++) {
    taken.add(free.lowest()!)
    free.took()
  }
  return { taken, free, questions: () => questions }
}
