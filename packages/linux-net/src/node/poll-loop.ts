import { libcClose, libcEventfd, libcPoll, libcRead, libcWrite } from './libc.ts'
import { checked } from './system-error.ts'

/** The shape of `Clock` in @metallb-ts/runtime, so that machines run on this loop unchanged. */
export interface LoopClock {
  now(): number
  setTimer(ms: number, fire: () => void): { cancel(): void }
  wallTime(): number
}

/**
 * Blocks a thread in poll(2) over descriptors and timers. A thread blocked so cannot be ended from outside: only `stop`,
 * or a `wake` whose handler calls it.
 */
export class PollLoop {
  readonly clock: LoopClock
  /** Told before anything is read, with the milliseconds, when the first timer of a turn is late. */
  onLate: (lateMs: number) => void = () => {}
  readonly #wakeFd: number
  readonly #readers = new Map<number, () => void>()
  readonly #timers: LoopTimer[] = []
  #order = 0
  #isRunning = false
  #pollSet: Buffer = Buffer.alloc(0)
  #fds: number[] = []
  #isStale = true

  /** @param wakeFd an eventfd that other threads write to; see `createWaker` */
  constructor(wakeFd: number, onWake: () => void) {
    this.#wakeFd = wakeFd
    this.clock = {
      now: () => performance.now(),
      wallTime: () => Date.now(),
      setTimer: (ms, fire) => this.#setTimer(ms, fire),
    }
    this.add(wakeFd, () => {
      libcRead(wakeFd, COUNTER, 8)
      onWake()
    })
  }

  /** Calls `onReadable` whenever the descriptor has something to read, an error included. */
  add(fd: number, onReadable: () => void): { remove(): void } {
    this.#readers.set(fd, onReadable)
    this.#isStale = true
    return {
      remove: () => {
        if (this.#readers.get(fd) === onReadable) this.#readers.delete(fd)
        this.#isStale = true
      },
    }
  }

  /** Returns after `stop`. */
  run(): void {
    this.#isRunning = true
    while (this.#isRunning) this.#turn()
  }

  stop(): void {
    this.#isRunning = false
    libcWrite(this.#wakeFd, ONE, 8)
  }

  #turn(): void {
    if (this.#isStale) this.#rebuild()
    const ready = libcPoll(this.#pollSet, this.#fds.length, this.#timeoutMs())
    const lateMs = performance.now() - (this.#nextTimer()?.at ?? Infinity)
    if (lateMs > LATE_MS) this.onLate(lateMs)
    if (ready > 0) this.#dispatch()
    this.#fireTimers()
  }

  #rebuild(): void {
    this.#fds = [...this.#readers.keys()]
    this.#pollSet = Buffer.alloc(this.#fds.length * POLLFD)
    for (const [i, fd] of this.#fds.entries()) {
      this.#pollSet.writeInt32LE(fd, i * POLLFD)
      this.#pollSet.writeInt16LE(POLLIN, i * POLLFD + 4)
    }
    this.#isStale = false
  }

  #dispatch(): void {
    const { length } = this.#fds
    for (let i = 0; i < length && this.#isRunning; i++) {
      if (this.#pollSet.readInt16LE(i * POLLFD + 6) !== 0) this.#readers.get(this.#fds[i]!)?.()
    }
  }

  #timeoutMs(): number {
    const next = this.#nextTimer()
    if (next === undefined) return -1
    return Math.min(MAX_POLL_MS, Math.max(0, Math.ceil(next.at - performance.now())))
  }

  #setTimer(ms: number, fire: () => void): { cancel(): void } {
    const timer: LoopTimer = { at: performance.now() + Math.max(0, ms), order: this.#order++, fire, isCancelled: false }
    const at = this.#timers.findIndex(other => other.at > timer.at)
    this.#timers.splice(at < 0 ? this.#timers.length : at, 0, timer)
    return {
      cancel: () => {
        timer.isCancelled = true
      },
    }
  }

  #nextTimer(): LoopTimer | undefined {
    while (this.#timers[0]?.isCancelled === true) this.#timers.shift()
    return this.#timers[0]
  }

  /** Those due when the turn began: a timer that sets another at once must not starve the descriptors. */
  #fireTimers(): void {
    const now = performance.now()
    const last = this.#order
    for (
      let next = this.#nextTimer();
      next !== undefined && next.at <= now && next.order < last;
      next = this.#nextTimer()
    ) {
      this.#timers.shift()
      next.fire()
      if (!this.#isRunning) return
    }
  }
}

interface LoopTimer {
  readonly at: number
  readonly order: number
  readonly fire: () => void
  isCancelled: boolean
}

/** An eventfd: a number that any thread of the process can use to wake a loop. */
export function createWaker(): number {
  const EFD_NONBLOCK = 0o4000
  const EFD_CLOEXEC = 0o2000000
  return checked('eventfd', libcEventfd(0, EFD_NONBLOCK | EFD_CLOEXEC))
}

/** Wakes the loop that waits on this eventfd; from any thread. */
export function wake(fd: number): void {
  libcWrite(fd, ONE, 8)
}

export function closeWaker(fd: number): void {
  libcClose(fd)
}

const POLLFD = 8
const POLLIN = 1
const MAX_POLL_MS = 60_000
const LATE_MS = 1 // poll(2) counts in whole milliseconds
const COUNTER = Buffer.alloc(8)
const ONE = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0])
