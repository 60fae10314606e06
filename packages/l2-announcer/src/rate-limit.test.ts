import type { Mac } from '@metallb-ts/netip'
import { describe, expect, it } from 'vitest'
import { AnswerLimiter } from './rate-limit.ts'

const source = (n: number): Mac => n as Mac

function taken(limiter: AnswerLimiter, from: Mac, times: number, now: number): number {
  let allowed = 0
  for (let i = 0; i < times; i++) if (limiter.take(from, now) === 'allowed') allowed++
  return allowed
}

describe('AnswerLimiter', () => {
  it('one asker: a burst of 100, then 50 a second', () => {
    const limiter = new AnswerLimiter({}, 0)
    expect(taken(limiter, source(1), 1_000, 0)).toBe(100)
    expect(limiter.take(source(1), 0)).toBe('source-over-limit')
    expect(taken(limiter, source(1), 1_000, 1_000)).toBe(50)
    expect(taken(limiter, source(1), 1_000, 100_000)).toBe(100)
  })

  it('one flooding asker takes nothing from another', () => {
    const limiter = new AnswerLimiter({}, 0)
    taken(limiter, source(1), 10_000, 0)
    expect(taken(limiter, source(2), 100, 0)).toBe(100)
  })

  it('all together: 5000 a second', () => {
    const limiter = new AnswerLimiter({}, 0)
    let allowed = 0
    for (let i = 0; i < 200; i++) allowed += taken(limiter, source(i), 100, 0)
    expect(allowed).toBe(5_000)
    expect(limiter.take(source(999), 0)).toBe('over-limit')
    expect(limiter.take(source(999), 1)).toBe('allowed')
  })

  it('a router that starts may ask for every address there is', () => {
    const limiter = new AnswerLimiter({}, 0)
    limiter.setAnnounced(1_000)
    expect(taken(limiter, source(1), 1_000, 0)).toBe(1_000)
    expect(taken(limiter, source(1), 1_000, 1_000)).toBe(1_000)
  })

  it('remembers 4096 askers at most', () => {
    const limiter = new AnswerLimiter({ total: 1_000_000 }, 0)
    for (let i = 0; i < 10_000; i++) limiter.take(source(i), 0)
    expect(limiter.sources).toBe(4_096)
  })
})
