import type { Clock, Timer } from './clock.ts'
import { InvariantError } from './failure.ts'
import { jittered, type Random } from './random.ts'

/** What a machine answers to an input: what it is now, and what should happen. */
export interface Step<State, Effect> {
  readonly state: State
  readonly effects: readonly Effect[]
}

/** Decides, and does nothing: no clock, no I/O, no memory of its own. `now` is the clock's milliseconds. */
export type Stepper<State, Input, Effect> = (state: State, input: Input, now: number) => Step<State, Effect>

/** Timers are effects with names, as the RFCs speak of them. Starting a running one restarts it. */
export type TimerEffect<TimerName extends string> =
  | {
      readonly type: 'start-timer'
      readonly timer: TimerName
      readonly ms: number
      /** Fraction by which the delay may move either way; drawn here so that the step stays pure. @default 0 */
      readonly jitter?: number
    }
  | { readonly type: 'stop-timer'; readonly timer: TimerName }

export interface MachineComponents {
  readonly clock: Clock
  readonly random: Random
}

export interface MachineInit<State, Input, Effect, TimerName extends string> {
  readonly initial: State
  readonly step: Stepper<State, Input, Effect | TimerEffect<TimerName>>
  /** Does one effect. It may dispatch: the input waits until the effects before it are done. */
  readonly perform: (effect: Effect) => void
  /** The input that an expired timer becomes. */
  readonly expired: (timer: TimerName) => Input
  /** After every step, when the new state is readable and before its effects. */
  readonly onStep?: (before: State, after: State, input: Input) => void
  /** Most inputs waiting at once; past it something feeds itself. @default 10000 */
  readonly pendingLimit?: number
}

/** Runs one machine: inputs in order of arrival, effects in order of the step, timers owned here so that none leaks. */
export class MachineRunner<State, Input, Effect, TimerName extends string = never> {
  readonly #components: MachineComponents
  readonly #init: MachineInit<State, Input, Effect, TimerName>
  readonly #timers = new Map<TimerName, RunningTimer>()
  readonly #pending: Input[] = []
  #state: State
  #running = false
  #stopped = false

  constructor(components: MachineComponents, init: MachineInit<State, Input, Effect, TimerName>) {
    this.#components = components
    this.#init = init
    this.#state = init.initial
  }

  get state(): State {
    return this.#state
  }

  /** Names of the timers that run now. */
  get timers(): readonly TimerName[] {
    return [...this.#timers.keys()]
  }

  /** Ignored after `stop`. */
  dispatch(input: Input): void {
    if (this.#stopped) return
    if (this.#pending.length >= (this.#init.pendingLimit ?? DEFAULT_PENDING_LIMIT)) {
      throw new InvariantError('a machine feeds itself', { waiting: this.#pending.length, input })
    }
    this.#pending.push(input)
    if (!this.#running) this.#drain()
  }

  /** Cancels every timer and ends dispatching; effects under way finish. */
  stop(): void {
    this.#stopped = true
    this.#pending.length = 0
    for (const { armed } of this.#timers.values()) armed.cancel()
    this.#timers.clear()
  }

  #drain(): void {
    this.#running = true
    try {
      for (let input = this.#pending.shift(); input !== undefined; input = this.#pending.shift()) this.#advance(input)
    } finally {
      this.#running = false
    }
  }

  #advance(input: Input): void {
    const before = this.#state
    const { state, effects } = this.#init.step(before, input, this.#components.clock.now())
    this.#state = state
    this.#init.onStep?.(before, state, input)
    for (const effect of effects) {
      if (this.#stopped) return
      if (isTimerEffect<Effect, TimerName>(effect)) this.#setTimer(effect)
      else this.#init.perform(effect)
    }
  }

  #setTimer(effect: TimerEffect<TimerName>): void {
    const { clock, random } = this.#components
    const running = this.#timers.get(effect.timer)
    if (effect.type === 'stop-timer') {
      running?.armed.cancel()
      this.#timers.delete(effect.timer)
      return
    }
    const ms = jittered(random, effect.ms, effect.jitter ?? 0)
    const dueAt = clock.now() + ms
    if (running !== undefined && dueAt >= running.firesAt) return void (running.dueAt = dueAt)
    running?.armed.cancel()
    this.#timers.set(effect.timer, { armed: this.#arm(effect.timer, ms), firesAt: dueAt, dueAt })
  }

  #arm(name: TimerName, ms: number): Timer {
    return this.#components.clock.setTimer(ms, () => this.#fired(name, this.#timers.get(name)!))
  }

  #fired(name: TimerName, running: RunningTimer): void {
    const left = running.dueAt - this.#components.clock.now()
    if (running.dueAt > running.firesAt && left > 0) {
      running.firesAt = running.dueAt
      running.armed = this.#arm(name, left)
      return
    }
    this.#timers.delete(name)
    this.dispatch(this.#init.expired(name))
  }
}

/** One that is put off fires all the same, and is then armed for what is left: being put off is what happens to most, often. */
interface RunningTimer {
  armed: Timer
  /** When `armed` fires. */
  firesAt: number
  /** When it is to expire, then or later. */
  dueAt: number
}

function isTimerEffect<Effect, TimerName extends string>(
  effect: Effect | TimerEffect<TimerName>,
): effect is TimerEffect<TimerName> {
  const { type } = effect as { type?: unknown }
  return type === 'start-timer' || type === 'stop-timer'
}

const DEFAULT_PENDING_LIMIT = 10_000
