import { EventBus } from '@metallb-ts/event-bus'
import { DONE } from '@metallb-ts/k8s-watch'
import { SimClock } from '@metallb-ts/runtime/testing'
import { beforeEach, expect, test } from 'vitest'
import type { SpeakerEvents } from './events.ts'
import type { Lan } from './lan/lan.ts'
import { createLayer2Feed, type Layer2Feed } from './layer2-feed.ts'

const WEB = { owner: 'a', refusals: {} }

let clock: SimClock
let events: EventBus<SpeakerEvents>
let waiting: number
let due: number
let told: number
let walked: string[]
let feed: Layer2Feed

beforeEach(() => {
  clock = new SimClock()
  ;[waiting, due, told, walked] = [0, 0, 0, []]
  events = new EventBus<SpeakerEvents>({ now: () => clock.now(), onHandlerError: error => expect.fail(String(error)) })
  feed = createLayer2Feed({
    clock,
    events,
    lan: () => ({ apply: () => told++ }) as unknown as Lan,
    services: { contestedLayer2: () => [], contesting: address => [`default/of-${address}`] },
    queue: () => ({
      get length() {
        return waiting
      },
      addEvery: (_, keys) => void walked.push(...(keys as Iterable<string>)),
    }),
    onDue: () => due++,
  })
})

test('[row 30] a change is told at once where no other Service waits for a decision', () => {
  expect([feed.apply(), told]).toEqual([DONE, 0])
  feed.changed()
  expect([due, feed.apply(), told]).toEqual([1, DONE, 1])
  feed.decided()
  expect([due, feed.apply(), told]).toEqual([1, DONE, 1])
})

test('[row 30] changes in a walk over all Services are told together, when it ends or a tenth of a second after the first', () => {
  waiting = 7
  feed.changed()
  clock.advance(40)
  feed.changed()
  expect([feed.apply(), told]).toEqual([{ kind: 'later', ms: 60 }, 0])
  clock.advance(60)
  expect([feed.apply(), told]).toEqual([DONE, 1])
  feed.changed()
  waiting = 0
  feed.decided()
  expect([due, feed.apply(), told]).toEqual([3, DONE, 2])
})

test('what the thread says of owners is looked at by each Service, and forgotten where nobody wants the address any more', () => {
  const addresses = ['192.0.2.1', '192.0.2.2', '2001:db8::1']
  events.publish('l2:owners', { owners: addresses.map(address => ({ address, ...WEB })), uncontested: [] })
  events.publish('l2:owners', { owners: [], uncontested: ['192.0.2.2'] })
  expect([...feed.owners]).toEqual([
    ['192.0.2.1', WEB],
    ['2001:db8::1', WEB],
  ])
  expect(walked.sort()).toEqual(addresses.map(address => `default/of-${address}`))
})

test('news that come while earlier ones are gone through lose none of those', () => {
  const taken: string[] = []
  let walk: Iterator<string | undefined> | undefined
  const slow = createLayer2Feed({
    clock,
    events,
    lan: () => undefined,
    services: { contestedLayer2: () => [], contesting: address => [address] },
    queue: () => ({
      length: 1,
      addEvery: (_, keys) => {
        walk = keys[Symbol.iterator]()
        ahead = walk.next() // as a walk reads: one ahead
      },
    }),
    onDue: () => {},
  })
  let ahead: IteratorResult<string | undefined> | undefined
  const take = (): void => {
    taken.push(ahead!.value as string)
    ahead = walk!.next()
  }
  const news = (address: string) => ({ owners: [{ address, ...WEB }], uncontested: [] })
  for (const address of ['1', '2', '3']) events.publish('l2:owners', news(address))
  take()
  events.publish('l2:owners', news('1'))
  while (ahead?.done !== true) take()
  expect(slow.owners.size).toBe(3)
  expect(taken).toEqual(['1', '2', '3', '1'])
})
