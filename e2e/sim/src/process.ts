import type { Clock, Random, Timer } from '@metallb-ts/runtime'
import { SimRandom } from '@metallb-ts/runtime/testing'
import type { World } from './world.ts'

/** One life of one process. What is dead never runs again: no timer of it fires, nothing reaches it, nothing leaves it. */
export class SimProcess {
  readonly name: string
  readonly world: World
  /** The main thread's time: whatever happens in it may keep promises. */
  readonly clock: Clock
  /** Time of a thread without promises. */
  readonly threadClock: Clock
  readonly random: Random
  /** Added to the calendar, in milliseconds: clocks of machines are set. */
  wallOffsetMs = 0
  #isAlive = true
  #resumesAt = 0
  #threadResumesAt = 0
  #timers = 0
  #mostTimers = 0
  readonly #onDeath: (() => void)[] = []
  /** What came while the main thread had no time. */
  readonly #entering: (() => void)[] = []

  constructor(world: World, name: string, seed: number, random: Random = new SimRandom(seed)) {
    this.world = world
    this.name = name
    this.random = random
    this.clock = this.#clockOf(
      () => this.#resumesAt,
      () => world.touch(),
    )
    this.threadClock = this.#clockOf(
      () => this.#threadResumesAt,
      () => {},
    )
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  /** It stands still, or its main thread does. */
  get isHeld(): boolean {
    return this.world.now() < this.#resumesAt
  }

  /** Timers that wait, and the most that ever did. */
  get timers(): { readonly now: number; readonly most: number } {
    return { now: this.#timers, most: this.#mostTimers }
  }

  /** Something from outside: happens when the main thread has time for it, after what came before it, or not at all. */
  enter(act: () => void): void {
    if (!this.#isAlive) return
    if (this.#entering.length > 0 || this.isHeld) {
      this.#entering.push(act)
      if (this.#entering.length === 1) this.#admitNext()
    } else {
      this.world.touch()
      act()
    }
  }

  #admitNext(): void {
    this.clock.setTimer(0, () => {
      const act = this.#entering.shift()
      if (this.#entering.length > 0) this.#admitNext()
      act?.()
    })
  }

  /** The main thread does nothing for so long: a collection of garbage, a slow disk. */
  stall(ms: number): void {
    this.#resumesAt = Math.max(this.#resumesAt, this.world.now() + ms)
  }

  /** The whole process stands still: SIGSTOP, a virtual machine that is moved. */
  freeze(ms: number): void {
    this.stall(ms)
    this.#threadResumesAt = Math.max(this.#threadResumesAt, this.world.now() + ms)
  }

  /** What the kernel does when the process is gone. */
  onDeath(act: () => void): void {
    this.#onDeath.push(act)
  }

  kill(): void {
    if (!this.#isAlive) return
    this.#isAlive = false
    for (const act of this.#onDeath) act()
  }

  #clockOf(resumesAt: () => number, touch: () => void): Clock {
    const { clock } = this.world
    return {
      now: () => clock.now(),
      wallTime: () => clock.wallTime() + this.wallOffsetMs,
      setTimer: (ms, fire) => {
        let isOver = false
        let pending: Timer
        const end = (): void => {
          isOver = true
          this.#timers--
        }
        const wait = (delayMs: number): void => {
          pending = clock.setTimer(delayMs, () => {
            if (!this.#isAlive || isOver) return
            const lateMs = resumesAt() - clock.now()
            if (lateMs > 0) return wait(lateMs)
            end()
            touch()
            fire()
          })
        }
        this.#mostTimers = Math.max(this.#mostTimers, ++this.#timers)
        wait(ms)
        return {
          cancel: () => {
            if (isOver) return
            end()
            pending.cancel()
          },
        }
      },
    }
  }
}
