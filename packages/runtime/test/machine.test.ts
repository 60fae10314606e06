import { describe, expect, it } from 'vitest'
import { InvariantError, MachineRunner, type Step, type TimerEffect } from '../src/index.ts'
import { SimClock, SimRandom } from '../src/testing/index.ts'

type Input = 'press' | 'elapsed' | 'stop'
type Effect = { readonly type: 'say'; readonly text: string }
type Timer = 'lamp'

/** A stairway lamp: burns for a second after the last press. */
function step(state: 'dark' | 'lit', input: Input): Step<'dark' | 'lit', Effect | TimerEffect<Timer>> {
  if (input === 'press')
    return {
      state: 'lit',
      effects: [
        { type: 'start-timer', timer: 'lamp', ms: 1_000 },
        { type: 'say', text: 'on' },
      ],
    }
  if (input === 'stop') return { state: 'dark', effects: [{ type: 'stop-timer', timer: 'lamp' }] }
  return { state: 'dark', effects: [{ type: 'say', text: 'off' }] }
}

describe('MachineRunner', () => {
  function lamp(perform: (text: string, dispatch: (input: Input) => void) => void = () => {}) {
    const clock = new SimClock()
    const said: string[] = []
    const seen: string[] = []
    const runner: MachineRunner<'dark' | 'lit', Input, Effect, Timer> = new MachineRunner<
      'dark' | 'lit',
      Input,
      Effect,
      Timer
    >(
      { clock, random: new SimRandom(1) },
      {
        initial: 'dark',
        step,
        perform: ({ text }) => {
          said.push(text)
          perform(text, input => runner.dispatch(input))
        },
        expired: () => 'elapsed',
        onStep: (before, after, input) => seen.push(`${before} ${input} ${after} ${said.length}`),
        pendingLimit: 10,
      },
    )
    return { clock, runner, said, seen }
  }

  it('a timer becomes an input, and starting a running one starts it again', () => {
    const { clock, runner, said } = lamp()
    runner.dispatch('press')
    clock.advance(900)
    runner.dispatch('press')
    clock.advance(999)
    expect(runner.state).toBe('lit')
    expect(runner.timers).toEqual(['lamp'])
    clock.advance(1)
    expect(runner.state).toBe('dark')
    expect(runner.timers).toEqual([])
    expect(said).toEqual(['on', 'on', 'off'])
  })

  it('a timer that is put off again and again costs the clock one timer a period, and expires when it should', () => {
    const { clock, runner, said } = lamp()
    let armed = 0
    const { setTimer } = clock
    clock.setTimer = (ms, fire) => {
      armed++
      return setTimer.call(clock, ms, fire)
    }
    for (let press = 0; press < 1_000; press++) {
      runner.dispatch('press')
      clock.advance(3)
    }
    expect(armed).toBe(4)
    clock.advance(996)
    expect(said).not.toContain('off')
    clock.advance(1)
    expect(said).toContain('off')
  })

  it('a stopped timer does not expire', () => {
    const { clock, runner } = lamp()
    runner.dispatch('press')
    runner.dispatch('stop')
    expect(clock.pending).toBe(0)
  })

  it('an input dispatched by an effect waits until the step’s effects are done; steps are seen before their effects', () => {
    const { runner, said, seen } = lamp((text, dispatch) => {
      if (text === 'on') dispatch('elapsed')
    })
    runner.dispatch('press')
    expect(said).toEqual(['on', 'off'])
    expect(seen).toEqual(['dark press lit 0', 'lit elapsed dark 1'])
  })

  it('stopping cancels every timer and ignores what comes later', () => {
    const { clock, runner, said } = lamp()
    runner.dispatch('press')
    runner.stop()
    runner.dispatch('press')
    clock.advance(5_000)
    expect(clock.pending).toBe(0)
    expect(said).toEqual(['on'])
  })

  it('a machine that feeds itself is stopped', () => {
    const { runner } = lamp((_, dispatch) => {
      for (let i = 0; i < 3; i++) dispatch('press')
    })
    expect(() => runner.dispatch('press')).toThrow(InvariantError)
  })

  it('jitter moves a timer either way, and no further', () => {
    const clock = new SimClock()
    const fired: number[] = []
    for (let seed = 0; seed < 200; seed++) {
      const runner = new MachineRunner<null, Input, never, Timer>(
        {
          clock: { ...clock, now: () => 0, wallTime: () => 0, setTimer: ms => (fired.push(ms), { cancel: () => {} }) },
          random: new SimRandom(seed),
        },
        {
          initial: null,
          step: state => ({ state, effects: [{ type: 'start-timer', timer: 'lamp', ms: 1_000, jitter: 0.25 }] }),
          perform: () => {},
          expired: () => 'elapsed',
        },
      )
      runner.dispatch('press')
    }
    expect(Math.min(...fired)).toBeGreaterThanOrEqual(750)
    expect(Math.max(...fired)).toBeLessThan(1_250)
    expect(Math.max(...fired) - Math.min(...fired)).toBeGreaterThan(400)
  })
})
