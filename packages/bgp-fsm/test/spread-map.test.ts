import { SimRandom } from '@metallb-ts/runtime/testing'
import { describe, expect, test } from 'vitest'
import { SpreadMap } from '../src/spread-map.ts'

describe('a map that never grows at one stroke', () => {
  test('says what a Map says, whatever comes and goes', () => {
    const random = new SimRandom(7)
    const [ours, theirs] = [new SpreadMap<number>(), new Map<string, number>()]
    for (const most of [20_000, 300, 20_000])
      for (let i = 0; i < 60_000; i++) {
        const key = `10.0.${Math.floor(random.next() * most)}/32`
        if (random.next() < (theirs.size < most / 2 ? 0.7 : 0.3)) {
          ours.set(key, i)
          theirs.set(key, i)
        } else {
          ours.delete(key)
          theirs.delete(key)
        }
        if (ours.size !== theirs.size || ours.get(key) !== theirs.get(key)) expect([ours, i]).toEqual([theirs, i])
      }
    expect(new Map(ours.entries())).toEqual(theirs)
    expect(keysOf(ours)).toHaveLength(theirs.size)
    expect([...ours.values()].reduce((sum, value) => sum + value)).toBe([...theirs.values()].reduce((a, b) => a + b))
    for (const key of keysOf(ours)) ours.delete(key)
    expect([ours.size, [...ours.entries()]]).toEqual([0, []])
  })

  test('keeps the order of coming for as many as most have', () => {
    const keys = Array.from({ length: 3_000 }, (_, i) => `2001:db8::${i.toString(16)}/128`)
    const map = new SpreadMap<string>()
    for (const key of keys) map.set(key, key)
    expect(keysOf(map)).toEqual(keys)
  })

  test('what comes while it is walked through does not end the walk', () => {
    const map = new SpreadMap<number>()
    for (let i = 0; i < 10_000; i++) map.set(`${i}`, i)
    let seen = 0
    for (const [key, value] of map.entries()) {
      seen++
      if (value % 2 === 0) map.delete(key)
      if (value < 100) map.set(`new ${value}`, 1_000_001)
    }
    expect(seen).toBeGreaterThanOrEqual(10_000)
    expect(map.size).toBe(5_100)
  })
})

function keysOf<Value>(map: SpreadMap<Value>): readonly string[] {
  return [...map.entries()].map(([key]) => key)
}
