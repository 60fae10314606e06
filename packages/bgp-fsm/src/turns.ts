import type { Clock, Timer } from '@metallb-ts/runtime'

/** Does a little more of a piece of work and answers what that cost; undefined when there was nothing left. */
export type WorkStep = () => number | undefined

/**
 * Work in steps, so much and so long in a turn of the event loop, whoever it comes from: what is over the budget waits for
 * the next turn, in the order of its coming. A piece takes the place of the one of the same name.
 */
export class Turns {
  readonly #clock: Clock
  readonly #budget: number
  readonly #whenIdle: () => void
  readonly #mayWork: () => boolean
  readonly #waiting = new Map<unknown, WorkStep>()
  #left: number
  /** What this turn's work has taken, before it was last begun. */
  #spentMs = 0
  #begunMs = 0
  #timer: Timer | undefined

  constructor(clock: Clock, budget: number, { whenIdle = () => {}, mayWork = () => true }: TurnsInit = {}) {
    this.#clock = clock
    this.#budget = budget
    this.#left = budget
    this.#whenIdle = whenIdle
    this.#mayWork = mayWork
  }

  get isIdle(): boolean {
    return this.#waiting.size === 0
  }

  /** For a step that could go on: whether it should. */
  get hasTime(): boolean {
    return this.#spentMs + this.#clock.now() - this.#begunMs < MOST_MS_A_TURN
  }

  /** From this turn on, as far as its budget allows. */
  begin(name: unknown, step: WorkStep): void {
    this.later(name, step)
    this.#work()
  }

  /** From the next turn on. */
  later(name: unknown, step: WorkStep): void {
    this.#waiting.set(name, step)
    this.#nextTurn()
  }

  /** One step that cannot wait, on this turn's account. */
  once(step: () => void): void {
    this.#nextTurn()
    this.#timed(step)
  }

  cancel(name: unknown): void {
    if (this.#waiting.delete(name) && this.isIdle) this.#whenIdle()
  }

  #turn(): void {
    this.#timer = undefined
    this.#left = this.#budget
    this.#spentMs = 0
    if (this.#mayWork()) this.#work()
    if (!this.isIdle) this.#nextTurn()
  }

  #nextTurn(): void {
    if (this.#timer === undefined) this.#timer = this.#clock.setTimer(0, () => this.#turn())
  }

  #work(): void {
    if (this.isIdle) return
    this.#timed(() => this.#steps())
    if (this.isIdle) this.#whenIdle()
  }

  #timed(work: () => void): void {
    this.#begunMs = this.#clock.now()
    work()
    this.#spentMs += this.#clock.now() - this.#begunMs
  }

  #steps(): void {
    for (const [name, step] of this.#waiting) {
      while (this.#left > 0 && this.#waiting.get(name) === step) {
        const cost = step()
        if (cost !== undefined) this.#left -= cost
        else if (this.#waiting.get(name) === step) this.#waiting.delete(name)
        if (!this.hasTime) this.#left = 0
      }
      if (this.#left <= 0) break
    }
  }
}

interface TurnsInit {
  readonly whenIdle?: () => void
  /** What waits for the next turn waits until this is true. */
  readonly mayWork?: () => boolean
}

/** So that a cold or busy machine keeps nothing else waiting either. */
const MOST_MS_A_TURN = 4
