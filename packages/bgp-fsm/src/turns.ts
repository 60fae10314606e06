import type { Clock, Timer } from '@metallb-ts/runtime'

/** Work in small steps, so many in a turn, each piece of it by a name; a newer one of the same name takes its place. */
export class Turns {
  readonly #clock: Clock
  readonly #whenDone: () => void
  readonly #running = new Map<string, Piece>()

  constructor(clock: Clock, whenDone: () => void) {
    this.#clock = clock
    this.#whenDone = whenDone
  }

  get isIdle(): boolean {
    return this.#running.size === 0
  }

  /** Begins at once; `mostAtOnce` is asked anew every turn. */
  begin<Step>(name: string, steps: Iterator<Step>, take: (step: Step) => void, mostAtOnce: () => number): void {
    this.#drop(name)
    const piece: Piece = { timer: undefined, stop: () => void steps.return?.() }
    this.#running.set(name, piece)
    const turn = (): void => {
      for (let left = Math.max(1, mostAtOnce()); left > 0; left--) {
        const next = steps.next()
        if (next.done === true) return this.#end(name)
        take(next.value)
      }
      piece.timer = this.#clock.setTimer(0, turn)
    }
    turn()
  }

  cancel(name: string): void {
    if (this.#drop(name) && this.isIdle) this.#whenDone()
  }

  #drop(name: string): boolean {
    const piece = this.#running.get(name)
    piece?.timer?.cancel()
    piece?.stop()
    return this.#running.delete(name)
  }

  #end(name: string): void {
    this.#running.delete(name)
    if (this.isIdle) this.#whenDone()
  }
}

interface Piece {
  timer: Timer | undefined
  readonly stop: () => void
}
