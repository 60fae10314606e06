import { expect, test } from 'vitest'
import {
  isConfirmation,
  pollAfterReceiving,
  pollAfterSending,
  pollForChange,
  setsPoll,
  type Poll,
} from '../src/poll.ts'

/** By state: whether P is set, and what a change, a packet sent, a Final and any other packet lead to. */
const TABLE: Readonly<Record<Poll, readonly [boolean, Poll, Poll, Poll, Poll]>> = {
  idle: [false, 'due', 'idle', 'idle', 'idle'],
  due: [true, 'due', 'asking', 'due', 'due'],
  asking: [true, 'overtaken', 'asking', 'settling', 'asking'],
  overtaken: [true, 'overtaken', 'overtaken', 'waiting', 'overtaken'],
  settling: [false, 'waiting', 'settling', 'settling', 'idle'],
  waiting: [false, 'waiting', 'waiting', 'waiting', 'due'],
}

test('[F-POLL-01] one Poll Sequence after the other', () => {
  for (const [state, row] of Object.entries(TABLE)) {
    const poll = state as Poll
    const found = [
      setsPoll(poll),
      pollForChange(poll),
      pollAfterSending(poll),
      pollAfterReceiving(poll, true),
      pollAfterReceiving(poll, false),
    ]
    expect(found, poll).toEqual(row)
    expect(isConfirmation(poll, true), poll).toBe(poll === 'asking')
    expect(isConfirmation(poll, false), poll).toBe(false)
  }
})
