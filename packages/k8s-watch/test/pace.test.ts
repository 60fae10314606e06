import type { Clock } from '@metallb-ts/runtime'
import { describe, expect, it } from 'vitest'
import { LIVE_MS, Pace, TURN_MS } from '../src/pace.ts'
import { PAGE_CHARACTERS, PageSize, readPage } from '../src/paging.ts'
import { settled } from './scripted-server.ts'

/** A clock that work moves on, and whose turns come when the test says so. */
class WorkClock implements Clock {
  at = 0
  readonly turns: (() => void)[] = []

  now(): number {
    return this.at
  }

  wallTime(): number {
    return this.at
  }

  setTimer(_ms: number, fire: () => void): { cancel(): void } {
    this.turns.push(fire)
    return { cancel: () => {} }
  }

  async nextTurn(): Promise<void> {
    for (const fire of this.turns.splice(0)) fire()
    await settled()
  }
}

describe('[K-42] the pace of reading', () => {
  it('several readers together take no more of a turn than one may', async () => {
    const clock = new WorkClock()
    const workPerTurn: number[] = []
    const reader = async (): Promise<void> => {
      const pace = Pace.of(clock)
      for (let i = 0; i < 20; i++)
        await pace.run(() => {
          clock.at += 1
          workPerTurn[workPerTurn.length - 1]!++
        })
    }
    workPerTurn.push(0)
    const readers = [reader(), reader(), reader()]
    await settled()
    while (clock.turns.length > 0) {
      workPerTurn.push(0)
      await clock.nextTurn()
    }
    await Promise.all(readers)
    expect(workPerTurn.reduce((sum, work) => sum + work)).toBe(60)
    for (const work of workPerTurn) expect(work).toBeLessThanOrEqual(TURN_MS)
  })

  it('work that takes no time waits for nothing', async () => {
    const clock = new WorkClock()
    for (let i = 0; i < 100; i++) expect(await Pace.of(clock).run(() => i)).toBe(i)
    expect(clock.turns).toHaveLength(0)
  })

  it('what a piece of work throws is its own, and holds nobody up', async () => {
    const clock = new WorkClock()
    const fails = (): number => {
      clock.at += TURN_MS
      throw new Error('no')
    }
    await expect(Pace.of(clock).run(fails)).rejects.toThrow('no')
    const next = Pace.of(clock).run(() => 7)
    await clock.nextTurn()
    expect(await next).toBe(7)
  })

  it('what somebody waits for is done in a turn that others have used up, as far as its own part goes', async () => {
    const clock = new WorkClock()
    const pace = Pace.of(clock)
    const done: string[] = []
    const does = (name: string, ms: number) => (): void => {
      clock.at += ms
      done.push(name)
    }
    void pace.run(does('walk', TURN_MS))
    void pace.run(does('more of the walk', 1))
    void pace.run(does('a change', LIVE_MS), 'live')
    void pace.run(does('another', 1), 'live')
    expect(done).toEqual(['walk', 'a change'])
    await clock.nextTurn()
    expect(done).toEqual(['walk', 'a change', 'another'])
  })

  it('a walk stands back for the turn after a change, and never for two in a row', async () => {
    const clock = new WorkClock()
    const pace = Pace.of(clock)
    const walked: number[] = []
    let turn = 0
    const walk = async (): Promise<void> => {
      for (;;)
        await pace.run(() => {
          clock.at += 1
          walked.push(turn)
        })
    }
    void walk()
    await settled()
    for (turn = 1; turn <= 6; turn++) {
      if (turn < 5) void pace.run(() => (clock.at += 1), 'live')
      await clock.nextTurn()
    }
    expect([...new Set(walked)]).toEqual([0, 2, 4, 5, 6])
  })
})

describe('the size of pages', () => {
  it.each([
    [200, 500],
    [3_000, 174],
    [10_000, 52],
    [1_500_000, 10],
  ])('objects of %i characters are asked for %i at once', (each, limit) => {
    const size = new PageSize()
    size.learn(100, 100 * each)
    expect(size.limit).toBe(limit)
    if (limit > 10) expect(limit * each).toBeLessThanOrEqual(PAGE_CHARACTERS)
  })

  it('an empty page teaches nothing', () => {
    const size = new PageSize()
    const before = size.limit
    size.learn(0, 100)
    expect(size.limit).toBe(before)
  })

  it.each(['null', '7', '[]', '{}', '"list"', '{"items":[]}', '{"items":7,"metadata":{"resourceVersion":"1"}}'])(
    '[K-11] %s is no list',
    text => {
      expect(() => readPage(text)).toThrow(/no list/)
    },
  )
})
