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

test('a start is much work: at rest once, when nothing waits and the Events are written', async () => {
  const world = start()
  world.isBusy = true
  world.rest.did()
  world.clock.advance(60_000)
  world.isBusy = false
  world.clock.advance(2_000)
  await settled()
  expect(world.rests()).toBe(0)
  world.eventsWritten()
  await settled()
  expect(world.rests()).toBe(1)
  world.clock.advance(60_000)
  expect(world.rests()).toBe(1)
})

test('then after much work again, not after a little, and not while more comes', async () => {
  const world = start()
  await rested(world)
  for (let i = 0; i < 400; i++) world.rest.did()
  await rested(world)
  expect(world.rests()).toBe(1)
  for (let i = 0; i < 100; i++) {
    world.rest.did()
    world.clock.advance(1_900)
  }
  expect(world.rests()).toBe(1)
  await rested(world)
  expect(world.rests()).toBe(2)
})

async function rested(world: World): Promise<void> {
  world.rest.did()
  world.clock.advance(60_000)
  world.eventsWritten()
  await settled()
}

async function settled(): Promise<void> {
  for (let i = 0; i < 3; i++) await Promise.resolve()
}
