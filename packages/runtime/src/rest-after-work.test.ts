import { SimClock } from './testing/index.ts'
import { expect, test } from 'vitest'
import { RestAfterWork } from './rest-after-work.ts'

interface World {
  readonly clock: SimClock
  readonly rest: RestAfterWork
  readonly rests: () => number
  isBusy: boolean
  eventsWritten: () => void
}

function start(): World {
  const clock = new SimClock()
  let rests = 0
  let written: () => void = () => {}
  const world: World = {
    clock,
    isBusy: false,
    rests: () => rests,
    eventsWritten: () => written(),
    rest: new RestAfterWork({
      clock,
      isBusy: () => world.isBusy,
      flush: () => new Promise(resolve => (written = resolve)),
      onRest: () => rests++,
    }),
  }
  return world
}

test('after much work, when nothing waits and the Events are written: once', async () => {
  const world = start()
  world.isBusy = true
  for (let i = 0; i < 1_000; i++) world.rest.did()
  world.clock.advance(60_000)
  world.isBusy = false
  world.clock.advance(2_000)
  await Promise.resolve()
  expect(world.rests()).toBe(0)
  world.eventsWritten()
  await Promise.resolve()
  await Promise.resolve()
  expect(world.rests()).toBe(1)
  world.clock.advance(60_000)
  expect(world.rests()).toBe(1)
})

test('not after a little, and not while more comes', () => {
  const world = start()
  for (let i = 0; i < 499; i++) world.rest.did()
  world.clock.advance(60_000)
  for (let i = 0; i < 100; i++) {
    world.rest.did()
    world.clock.advance(1_900)
  }
  world.eventsWritten()
  expect(world.rests()).toBe(0)
})
