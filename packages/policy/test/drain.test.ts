import { describe, expect, it } from 'vitest'
import { drainFinding, drainView, NOT_DRAINED, stepDrain, type DrainInput, type DrainState } from '../src/index.ts'

const SETTINGS = { delayMs: 10_000 }
const asked = (atStart = false): DrainInput => ({ type: 'wished', wish: 'asked', atStart })
const forced: DrainInput = { type: 'wished', wish: 'forced', atStart: false }
const no: DrainInput = { type: 'wished', wish: 'no', atStart: false }
const expired = (timer: 'linger' | 'delay' | 'survey'): DrainInput => ({ type: 'expired', timer })
const surveyed = (...onlyHere: string[]): DrainInput => ({ type: 'surveyed', onlyHere })

function run(...inputs: readonly DrainInput[]): { readonly state: DrainState; readonly effects: readonly string[] } {
  let state: DrainState = NOT_DRAINED
  let effects: readonly string[] = []
  for (const input of inputs) {
    const step = stepDrain(SETTINGS, state, input)
    state = step.state
    effects = step.effects.map(effect => ('timer' in effect ? `${effect.type} ${effect.timer}` : effect.type))
  }
  return { state, effects }
}

describe('draining a node', () => {
  it('marks routes and lets addresses linger, then lets go of addresses, then finds out, then withdraws', () => {
    expect(run(asked())).toEqual({
      state: { name: 'lowering', isForced: false, lingers: true },
      effects: ['start-timer linger', 'start-timer delay', 'changed'],
    })
    expect(drainView(run(asked()).state)).toMatchObject({ isLowered: true, lingers: true, withdraws: false })
    const let_go = run(asked(), expired('linger'))
    expect(drainView(let_go.state)).toMatchObject({ isLowered: true, lingers: false, withdraws: false })
    const asking = run(asked(), expired('linger'), expired('delay'))
    expect(asking.effects).toContain('survey')
    expect(drainView(asking.state).withdraws).toBe(false)
    const gone = run(asked(), expired('linger'), expired('delay'), surveyed())
    expect(drainView(gone.state)).toMatchObject({ withdraws: true, kept: new Set() })
  })

  it('keeps what nobody else announces, says so, and looks again until somebody does', () => {
    const path = [asked(), expired('linger'), expired('delay'), surveyed('default/web')]
    const { state, effects } = run(...path)
    expect(drainView(state).kept).toEqual(new Set(['default/web']))
    expect(effects).toContain('start-timer survey')
    expect(drainFinding(state, () => ['default/web'])).toMatchObject({ status: 'False', code: 'last-announcer' })
    expect(drainFinding(state, () => ['default/web'])?.message).toMatch(/default\/web; say metallb-ts\.io\/drain=force/)
    expect(run(...path, expired('survey')).effects).toEqual(['survey'])
    const freed = run(...path, expired('survey'), surveyed())
    expect(drainView(freed.state).kept).toEqual(new Set())
    expect(drainFinding(freed.state, () => [])).toMatchObject({ status: 'True', code: 'safe-to-reboot' })
  })

  it('forced asks nobody, also when that is said later', () => {
    const path = [asked(), expired('linger'), expired('delay'), surveyed('default/web')]
    expect(run(forced, expired('linger'), expired('delay')).state).toEqual({
      name: 'withdrawn',
      isForced: true,
      kept: [],
    })
    expect(drainView(run(...path, forced).state).kept).toEqual(new Set())
    expect(drainView(run(...path, expired('survey'), forced, surveyed('default/web')).state).kept).toEqual(new Set())
  })

  it('an answer that does not come is asked for again, and nothing is withdrawn meanwhile', () => {
    const { state, effects } = run(asked(), expired('delay'), { type: 'survey-failed' })
    expect(effects).toEqual(['start-timer survey'])
    expect(drainView(state).withdraws).toBe(false)
  })

  it('a node that starts drained announces nothing until it knows that somebody needs it', () => {
    const { state, effects } = run(asked(true))
    expect(effects).toEqual(['changed', 'survey'])
    expect(drainView(state).withdraws).toBe(true)
    expect(drainView(run(asked(true), surveyed('default/web')).state).kept).toEqual(new Set(['default/web']))
  })

  it('taken back at any time it serves again, and no timer is left', () => {
    for (const path of [
      [asked()],
      [asked(), expired('linger')],
      [asked(), expired('delay')],
      [asked(), expired('delay'), surveyed('default/web')],
    ]) {
      const { state, effects } = run(...path, no)
      expect(state).toEqual(NOT_DRAINED)
      expect(effects).toEqual(['stop-timer linger', 'stop-timer delay', 'stop-timer survey', 'changed'])
    }
  })

  it('is not safe while something is still announced', () => {
    const { state } = run(forced, expired('delay'))
    expect(drainFinding(state, () => ['default/web'])).toMatchObject({ status: 'False', code: 'withdrawing' })
    expect(drainFinding(state, () => [])).toMatchObject({ status: 'True' })
    expect(drainFinding(NOT_DRAINED, () => [])).toBeUndefined()
  })
})
