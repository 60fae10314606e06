import { expect, test } from 'vitest'
import { SimProcess } from '../src/process.ts'
import { World } from '../src/world.ts'

test('what comes while a process stands still is taken in the order in which it came, however often it stands still', () => {
  const world = new World()
  const process = new SimProcess(world, 'controller-1', 1)
  const taken: string[] = []
  process.stall(100)
  process.enter(() => taken.push('first'))
  world.clock.advance(50)
  process.freeze(1_000)
  process.enter(() => taken.push('second'))
  world.clock.advance(60)
  process.enter(() => taken.push('third'))
  expect(taken).toEqual([])
  world.clock.advance(2_000)
  process.enter(() => taken.push('fourth'))
  expect(taken).toEqual(['first', 'second', 'third', 'fourth'])
})
