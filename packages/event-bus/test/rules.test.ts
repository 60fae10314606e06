import { beforeEach, describe, expect, it } from 'vitest'
import { EventBus, EventStormError, recordEvents, type AnyEnvelope, type Publisher } from '../src/index.ts'

interface Events {
  'door:opened': { readonly door: string }
  'light:on': { readonly room: string }
}

describe('the rules of the bus', () => {
  let now = 0
  let errors: { error: unknown; name: string }[] = []
  let bus: EventBus<Events>

  beforeEach(() => {
    now = 0
    errors = []
    bus = new EventBus({ now: () => now, onHandlerError: (error, { name }) => errors.push({ error, name }) })
  })

  it('1: an event published inside a handler waits until everyone has the current one, and all see one order', () => {
    const seen: string[] = []
    bus.subscribe('door:opened', ({ detail: { door } }) => {
      seen.push(`first ${door}`)
      if (door === 'front') bus.publish('light:on', { room: 'hall' })
    })
    bus.subscribe('light:on', ({ detail: { room } }) => seen.push(`light ${room}`))
    bus.subscribe('door:opened', ({ detail: { door } }) => seen.push(`second ${door}`))
    bus.publish('door:opened', { door: 'front' })
    expect(seen).toEqual(['first front', 'second front', 'light hall'])
  })

  it('1: every event carries its place in the order, and the time of its publishing', () => {
    const envelopes: AnyEnvelope<Events>[] = []
    bus.subscribeAll(event => envelopes.push(event))
    bus.publish('door:opened', { door: 'front' })
    now = 7
    bus.publish('light:on', { room: 'hall' })
    expect(envelopes.map(({ seq, at, name }) => ({ seq, at, name }))).toEqual([
      { seq: 1, at: 0, name: 'door:opened' },
      { seq: 2, at: 7, name: 'light:on' },
    ])
  })

  it('2: publishing returns when handlers have run, so that what they read is what the publisher has set', () => {
    let state = 'closed'
    let read = ''
    bus.subscribe('door:opened', () => (read = state))
    state = 'open'
    bus.publish('door:opened', { door: 'front' })
    expect(read).toBe('open')
  })

  it('3: a handler may unsubscribe itself and others while an event is delivered, which changes the next one only', () => {
    const seen: string[] = []
    const stopFirst = bus.subscribe('door:opened', () => {
      seen.push('first')
      stopFirst()
      stopSecond()
      bus.subscribe('door:opened', () => seen.push('late'))
    })
    const stopSecond = bus.subscribe('door:opened', () => seen.push('second'))
    bus.publish('door:opened', { door: 'front' })
    expect(seen).toEqual(['first', 'second'])
    bus.publish('door:opened', { door: 'front' })
    expect(seen).toEqual(['first', 'second', 'late'])
    stopFirst()
  })

  it('4: a handler that throws harms nobody, and is reported', () => {
    const seen: string[] = []
    const failure = new Error('broken')
    bus.subscribe('door:opened', () => {
      throw failure
    })
    bus.subscribe('door:opened', () => seen.push('told'))
    bus.publish('door:opened', { door: 'front' })
    bus.publish('door:opened', { door: 'back' })
    expect(seen).toEqual(['told', 'told'])
    expect(errors).toEqual([
      { error: failure, name: 'door:opened' },
      { error: failure, name: 'door:opened' },
    ])
  })

  it('5: a library is given the side that tells, of its own events only', () => {
    const own: Publisher<Pick<Events, 'light:on'>> = bus
    const rooms: string[] = []
    bus.subscribe('light:on', ({ detail }) => rooms.push(detail.room))
    own.publish('light:on', { room: 'hall' })
    expect(rooms).toEqual(['hall'])
    // @ts-expect-error the other events are not its own
    const foreign = (): void => own.publish('door:opened', { door: 'front' })
    expect(foreign).toBeTypeOf('function')
  })

  it('6: whoever asks for everything gets everything, after those who asked by name', () => {
    const seen: string[] = []
    const stop = bus.subscribeAll(({ name }) => seen.push(`all ${name}`))
    bus.subscribe('light:on', () => seen.push('by name'))
    bus.publish('light:on', { room: 'hall' })
    stop()
    stop()
    bus.publish('light:on', { room: 'hall' })
    expect(seen).toEqual(['by name', 'all light:on', 'by name'])
  })

  it.each([
    ['more with every turn', 3],
    ['one by one', 1],
  ])('7: what feeds itself, %s, is stopped, and named by its last events', (_, feed) => {
    const small = new EventBus<Events>({
      now: () => 0,
      onHandlerError: (error, { name }) => errors.push({ error, name }),
      pendingLimit: 50,
      chainLimit: 2_000,
    })
    const stop = small.subscribe('door:opened', ({ detail }) => {
      for (let i = 0; i < feed; i++) small.publish('door:opened', detail)
    })
    let storm: unknown
    try {
      small.publish('door:opened', { door: 'front' })
    } catch (error) {
      storm = error
    }
    expect(storm).toBeInstanceOf(EventStormError)
    const { lastNames } = storm as EventStormError
    expect(lastNames.length).toBeLessThanOrEqual(30)
    expect(new Set(lastNames)).toEqual(new Set(['door:opened']))
    expect(errors).toEqual([])
    stop()
    const rooms: string[] = []
    small.subscribe('light:on', ({ detail }) => rooms.push(detail.room))
    small.publish('light:on', { room: 'cellar' })
    expect(rooms).toEqual(['cellar']) // nothing of the storm is left
  })

  it('7: the limit counts what waits, not what was delivered: a long chain of one at a time is no storm', () => {
    const small = new EventBus<Events>({
      now: () => 0,
      onHandlerError: error => errors.push({ error, name: '' }),
      pendingLimit: 2,
    })
    let turns = 0
    small.subscribe('door:opened', ({ detail }) => {
      if (++turns < 5_000) small.publish('door:opened', detail)
    })
    small.publish('door:opened', { door: 'front' })
    expect(turns).toBe(5_000)
    expect(errors).toEqual([])
  })

  it('8: the recorder keeps the last events, oldest first', () => {
    const recorder = recordEvents(bus, 3)
    for (const door of ['a', 'b']) bus.publish('door:opened', { door })
    expect(recorder.events().map(({ seq }) => seq)).toEqual([1, 2])
    for (const door of ['c', 'd', 'e']) bus.publish('door:opened', { door })
    expect(recorder.events().map(({ seq }) => seq)).toEqual([3, 4, 5])
    recorder.stop()
    bus.publish('door:opened', { door: 'f' })
    expect(recorder.events().map(({ seq }) => seq)).toEqual([3, 4, 5])
  })

  it('the failure of an async handler is told like one that throws', async () => {
    bus.subscribe('light:on', (() => Promise.reject(new Error('later'))) as never)
    bus.publish('light:on', { room: 'hall' })
    await Promise.resolve()
    await Promise.resolve()
    expect(errors).toEqual([{ error: new Error('later'), name: 'light:on' }])
  })
})
