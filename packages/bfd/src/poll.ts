/**
 * One Poll Sequence after the other (RFC 5880 §6.5). `due`: values changed, and no packet with P has gone yet. `asking`:
 * P goes out until F comes. `overtaken`: values changed again meanwhile, so that F may answer the old ones. `settling`: F
 * has come, and copies of it may follow. `waiting`: as settling, with a sequence to begin afterwards.
 */
export type Poll = 'idle' | 'due' | 'asking' | 'overtaken' | 'settling' | 'waiting'

/** Our intervals changed. */
export function pollForChange(poll: Poll): Poll {
  return ON_CHANGE[poll]
}

/** A packet went out, with P if `setsPoll`. */
export function pollAfterSending(poll: Poll): Poll {
  return poll === 'due' ? 'asking' : poll
}

/** A packet came in. A Final that answers nothing of ours changes nothing. */
export function pollAfterReceiving(poll: Poll, isFinal: boolean): Poll {
  return (isFinal ? ON_FINAL : ON_PLAIN)[poll] ?? poll
}

/** This packet says that the peer knows what our packets say now. */
export function isConfirmation(poll: Poll, isFinal: boolean): boolean {
  return isFinal && poll === 'asking'
}

export function setsPoll(poll: Poll): boolean {
  return poll === 'due' || poll === 'asking' || poll === 'overtaken'
}

const ON_CHANGE: Readonly<Record<Poll, Poll>> = {
  idle: 'due',
  due: 'due',
  asking: 'overtaken',
  overtaken: 'overtaken',
  settling: 'waiting',
  waiting: 'waiting',
}
const ON_FINAL: Readonly<Partial<Record<Poll, Poll>>> = { asking: 'settling', overtaken: 'waiting' }
const ON_PLAIN: Readonly<Partial<Record<Poll, Poll>>> = { settling: 'idle', waiting: 'due' }
