import { describe, expect, it } from 'vitest'
import { INITIAL_DETECTOR, stepDetector, type DetectorEffect, type DetectorInput } from './detector.ts'

const SETTINGS = { node: 'a', boot: 1, profile: { intervalMs: 50, deadMs: 200 } }

describe('a member that was late itself gives the others as much more time', () => {
  it.each([
    ['not late', 0, 200],
    ['a little late', 80, 280],
    ['as late as the limit', 200, 400],
    ['late for a second, which is no reason to wait for longer than twice the limit', 1_000, 400],
  ])('%s', (_, lateMs, silence) => {
    const member = new Member()
    member.hears('b', 'c')
    member.beats()
    member.now += SETTINGS.profile.intervalMs + lateMs
    member.hears('b', 'c')
    member.beats() // what came meanwhile is read first, and the beat is late
    const heard = member.now
    let dead: number | undefined
    while (dead === undefined && member.now - heard < 2_000) {
      member.now += SETTINGS.profile.intervalMs
      member.hears('c')
      if (member.beats().some(effect => effect.type === 'left' && effect.node === 'b')) dead = member.now - heard
    }
    expect(dead).toBeGreaterThan(silence)
    expect(dead).toBeLessThanOrEqual(silence + SETTINGS.profile.intervalMs)
  })
})

/** `a`, beside `b` and `c`. */
class Member {
  now = 10_000
  #state = INITIAL_DETECTOR
  #sequence = 0

  constructor() {
    this.#step({ type: 'set-peers', nodes: ['a', 'b', 'c'] })
    this.beats()
    this.#step({ type: 'expired', timer: 'settle' })
  }

  beats(): readonly DetectorEffect[] {
    return this.#step({ type: 'expired', timer: 'beat' })
  }

  hears(...nodes: readonly string[]): void {
    const sequence = ++this.#sequence
    for (const node of nodes) {
      const heartbeat = { node, boot: 1, sequence, isReady: true, isLeaving: false, heard: new Map<number, number>() }
      this.#step({ type: 'heard', heartbeat })
    }
  }

  #step(input: DetectorInput): readonly DetectorEffect[] {
    const { state, effects } = stepDetector(SETTINGS, this.#state, input, this.now)
    this.#state = state
    return effects.filter((effect): effect is DetectorEffect => !effect.type.endsWith('-timer'))
  }
}
