import { describe, expect, test } from 'vitest'
import { idleHold } from '../src/back-off.ts'
import type { CloseReason } from '../src/close-reason.ts'
import { judgeCollision, survivor } from '../src/collision.ts'

const FULL = { next: () => 0.999_999 }
const received = (errorCode: number, errorSubcode: number): CloseReason => ({
  code: 'notification-received',
  error: { errorCode, errorSubcode, data: new Uint8Array(0) },
})
const lost: CloseReason = { code: 'connection-lost', detail: '' }

/** Waits in seconds of failures in a row. */
function waits(reason: CloseReason, count: number, establishedMs?: number, isListening = false): number[] {
  let failures = 0
  return Array.from({ length: count }, () => {
    const hold = idleHold({ reason, establishedMs, failures, isListening }, FULL)
    failures = hold.failures
    return Math.round(hold.waitMs / 1_000)
  })
}

describe('[B-FSM-19] [B-TIM-07] how long to wait before the next start', () => {
  test.each<[string, number[], number[]]>([
    ['a connection that broke: at once, then 1, 2, 4 .. 120', waits(lost, 10), [0, 1, 2, 4, 8, 16, 32, 64, 120, 120]],
    ['a wrong AS: no storm', waits(received(2, 2), 12), [1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]],
    ['short sessions count as failures', waits(lost, 5, 59_000), [0, 1, 2, 4, 8]],
    ['a stable one forgets them', waits(lost, 3, 60_000), [0, 0, 0]],
    ['shut down by the operator there, and we listen', waits(received(6, 2), 2, 60_000, true), [80, 80]],
    ['the same when only we dial', waits(received(6, 2), 2, 60_000), [0, 0]],
    ['reset by the operator there', waits(received(6, 4), 1, 60_000, true), [0]],
    ['a collision with a stale session', waits(received(6, 7), 3), [5, 5, 5]],
  ])('%s', (_name, found, expected) => {
    expect(found).toEqual(expected)
  })

  test('[B-TIM-02] jitter takes up to a quarter off, drawn anew', () => {
    const hold = (draw: number): number =>
      idleHold({ reason: lost, establishedMs: undefined, failures: 3, isListening: false }, { next: () => draw }).waitMs
    expect([hold(0), hold(0.5)]).toEqual([3_000, 3_500])
  })
})

describe('collision', () => {
  test('[B-COL-02] the higher identifier dominates, compared without a sign', () => {
    const ids = (localId: number, remoteId: number) => survivor({ localId, remoteId, localAsn: 1, remoteAsn: 2 })
    expect([ids(2, 1), ids(1, 2), ids(0xf000_0000, 1)]).toEqual(['outgoing', 'incoming', 'outgoing'])
  })

  test('[B-COL-03] equal identifiers: the higher AS', () => {
    const asns = (localAsn: number, remoteAsn: number) => survivor({ localId: 5, remoteId: 5, localAsn, remoteAsn })
    expect([asns(4_200_000_000, 64_500), asns(1, 2)]).toEqual(['outgoing', 'incoming'])
  })

  test('[B-COL-01] an established connection stays', () => {
    const speakers = { localId: 2, remoteId: 1, localAsn: 1, remoteAsn: 2 }
    const other = (state: 'open-sent' | 'open-confirm' | 'established', overtook = false, isContested = false) => ({
      state,
      overtook,
      isContested,
      mayBeOver: false,
    })
    expect(judgeCollision('outgoing', other('established'), speakers)).toBe('this-loses')
    expect(judgeCollision('outgoing', other('open-confirm'), speakers)).toBe('other-loses')
    expect(judgeCollision('incoming', other('open-confirm'), speakers)).toBe('this-loses')
    expect(judgeCollision('incoming', other('open-sent'), speakers)).toBe('both')
    expect(judgeCollision('outgoing', other('established', true), speakers)).toBe('both')
    expect(judgeCollision('incoming', other('established', true), speakers)).toBe('this-loses')
    expect(judgeCollision('outgoing', other('established', false, true), speakers)).toBe('other-loses')
    expect(judgeCollision('incoming', other('established', false, true), speakers)).toBe('this-loses')
  })

  test('[B-GR-05] unless its peer may have restarted, and did not open both at once', () => {
    const speakers = { localId: 2, remoteId: 1, localAsn: 1, remoteAsn: 2 }
    const other = { state: 'established', overtook: false, isContested: false, mayBeOver: true } as const
    expect(judgeCollision('incoming', other, speakers)).toBe('other-is-over')
    expect(judgeCollision('incoming', { ...other, isContested: true }, speakers)).toBe('other-is-over')
    expect(judgeCollision('incoming', { ...other, overtook: true }, speakers)).toBe('this-loses')
    expect(judgeCollision('outgoing', other, speakers)).toBe('this-loses')
    expect(judgeCollision('incoming', { ...other, state: 'open-confirm' }, speakers)).toBe('this-loses')
  })
})
