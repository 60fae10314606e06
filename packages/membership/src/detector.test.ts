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
      member.now++
      if ((member.now - heard) % SETTINGS.profile.intervalMs === 0) {
        member.hears('c')
        member.beats()
      }
      if (member.judges().some(effect => effect.type === 'left' && effect.node === 'b')) dead = member.now - heard
    }
    expect(dead).toBeGreaterThan(silence)
    expect(dead).toBeLessThanOrEqual(silence + SETTINGS.profile.intervalMs / 2)
  })
})

describe('a silence', () => {
  const { intervalMs, deadMs } = SETTINGS.profile

  it.each([0, 10, 25, 40])('is over when it has lasted, wherever the beats of who listens are (%i ms after)', phase => {
    const member = new Member()
    member.hears('b', 'c')
    const heard = member.now
    let dead: number | undefined
    for (let ms = 1; dead === undefined && ms < 2 * deadMs; ms++) {
      member.now++
      if (ms % intervalMs === phase) member.beats()
      if (ms % intervalMs === 0) member.hears('c')
      if (member.judges().some(({ type }) => type === 'left')) dead = member.now - heard
    }
    expect(dead).toBeGreaterThan(deadMs + intervalMs / 5) // the last beat that may be missed was a little late
    expect(dead).toBeLessThanOrEqual(deadMs + intervalMs / 4 + 3)
  })

  it('is none when its end was not read yet', () => {
    const member = new Member()
    member.hears('b', 'c')
    member.beats()
    member.now += deadMs + intervalMs / 4 + 1 - intervalMs
    member.hears('c')
    member.beats()
    member.now += intervalMs
    expect(member.judges()).toEqual([])
    member.hears('b')
    member.now += 1
    expect(member.judges()).toEqual([])
  })
})

/** `a`, beside `b` and `c`. */
class Member {
  now = 10_000
  #state = INITIAL_DETECTOR
  #sequence = 0
  #judgesAt = Infinity

  constructor() {
    this.#step({ type: 'set-peers', nodes: ['a', 'b', 'c'] })
    this.beats()
    this.#step({ type: 'expired', timer: 'settle' })
    for (const started = this.now; this.now - started <= 1_000; this.now += SETTINGS.profile.intervalMs) {
      this.hears('b', 'c')
      this.beats()
    }
    this.now -= SETTINGS.profile.intervalMs
  }

  beats(): readonly DetectorEffect[] {
    return this.#step({ type: 'expired', timer: 'beat' })
  }

  /** When it is due. */
  judges(): readonly DetectorEffect[] {
    return this.now < this.#judgesAt ? [] : this.#step({ type: 'expired', timer: 'judge' })
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
    for (const each of effects)
      if (each.type === 'start-timer' && each.timer === 'judge') this.#judgesAt = this.now + each.ms
    return effects.filter((effect): effect is DetectorEffect => !effect.type.endsWith('-timer'))
  }
}
