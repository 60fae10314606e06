import type { Publisher } from '@metallb-ts/event-bus'
import { MachineRunner, type Clock, type Random } from '@metallb-ts/runtime'
import type { KubeEvents } from './events.ts'
import { asKubeFailure, type Flaw } from './failure.ts'
import { Intake } from './intake.ts'
import type { Unread } from './members.ts'
import { Pace } from './pace.ts'
import { Reachability } from './reachability.ts'
import { Reading } from './reading.ts'
import { stepReflector } from './reflector.ts'
import {
  INITIAL_REFLECTOR,
  type ReflectorEffect,
  type ReflectorInput,
  type ReflectorState,
  type ReflectorTimer,
} from './reflector-state.ts'
import type { KubeObject, Resource } from './resource.ts'
import { RevisionWaiters } from './revision-waiters.ts'
import type { OlderResource } from './served-choice.ts'
import { Source, type Selection } from './source.ts'
import type { Indexes, Lister } from './store.ts'
import type { KubeTransport } from './transport.ts'

export interface InformerComponents {
  readonly transport: KubeTransport
  readonly clock: Clock
  readonly random: Random
  readonly events: Publisher<KubeEvents>
}

export interface InformerInit<Raw extends KubeObject, T> extends Selection {
  readonly resource: Resource
  /**
   * What to read where the server's discovery does not name the resource: newest first, each made into what it should be.
   * Asked again when what is read is missing, and, while it is not the newest, before each watch.
   */
  readonly older?: readonly OlderResource<Raw>[]
  /**
   * What is kept of an object, made as it is decoded; undefined leaves it out. An object that it throws for is left out,
   * and told as `kube:object-unreadable`. @default the whole object
   */
  readonly project?: (raw: Raw) => T | undefined
  /** Members of an object that `project` does not look at: where a watch brings them, they are not decoded. */
  readonly unread?: Unread
  readonly indexes?: Indexes<T>
  /** Given what the store had of an object that it has no longer; must not throw. */
  readonly onDeleted?: (value: T) => void
  /** A watch without a byte for this long is dead. @default 100000 */
  readonly idleMs?: number
  /** How the whole set comes: as the first part of a watch, where the server can, or in pages. @default stream */
  readonly initial?: 'stream' | 'pages'
}

/** A store that keeps itself equal to the server's. */
export interface Informer<T> extends Lister<T> {
  readonly resource: Resource
  start(): void
  /** Nothing is told afterwards. Safe to repeat. */
  stop(): void
  /** Undefined while all is well; else why the store may be behind. */
  readonly trouble: string | undefined
  /** What it does now, and what it met since it was made. */
  readonly health: InformerHealth
  /** The newest resourceVersion that the store has seen of anything; empty before the first set. */
  readonly revision: string
  /** Resolves when the store is as new as this; rejects when the signal aborts. */
  waitFor(revision: string, signal?: AbortSignal): Promise<void>
}

export interface InformerHealth {
  readonly phase: ReflectorState['name']
  /** Whole sets that were shown. */
  readonly sets: number
  /** Watches that the server took. */
  readonly watches: number
  /** Changes that watches told. */
  readonly changes: number
  /** Objects that `project` threw for. */
  readonly unreadable: number
  /** What was wrong with what came, and how often. */
  readonly flaws: Readonly<Partial<Record<Flaw, number>>>
}

export function createInformer<Raw extends KubeObject, T = Raw>(
  components: InformerComponents,
  init: InformerInit<Raw, T>,
): Informer<T> {
  return new ReflectingInformer(components, init)
}

/** Does what the reflector decides. */
class ReflectingInformer<Raw extends KubeObject, T> implements Informer<T> {
  readonly resource: Resource
  readonly #events: Publisher<KubeEvents>
  readonly #intake: Intake<Raw, T>
  readonly #reading: Reading<Raw, T>
  readonly #runner: MachineRunner<ReflectorState, ReflectorInput, ReflectorEffect, ReflectorTimer>
  readonly #waiters = new RevisionWaiters()
  readonly #flaws: Partial<Record<Flaw, number>> = {}
  readonly #transport: KubeTransport
  #forget: (() => void) | undefined
  #sets = 0
  #request = new AbortController()
  #trouble: string | undefined

  constructor(components: InformerComponents, init: InformerInit<Raw, T>) {
    const { idleMs = DEFAULT_IDLE_MS, initial = 'stream', resource, indexes, onDeleted } = init
    const { project = (raw: Raw) => raw as unknown as T } = init
    this.resource = resource
    this.#events = components.events
    this.#transport = components.transport
    const source = new Source(components, { ...init, idleMs, onOther: () => this.#intake.store.forgetRevisions() })
    this.#intake = new Intake<Raw, T>({
      kind: resource.kind,
      events: components.events,
      indexes,
      onDeleted,
      project: raw => project(source.upgrade(raw)),
    })
    this.#reading = new Reading({
      source,
      intake: this.#intake,
      pace: Pace.of(components.clock),
      report: input => this.#reported(input),
      onSet: () => this.#hasSet(),
    })
    this.#runner = new MachineRunner<ReflectorState, ReflectorInput, ReflectorEffect, ReflectorTimer>(components, {
      initial: INITIAL_REFLECTOR,
      step: (state, input, now) => stepReflector({ idleMs, initial }, state, input, now),
      perform: effect => this.#perform(effect),
      expired: timer => ({ type: 'expired', timer }),
    })
  }

  get size(): number {
    return this.#intake.store.size
  }

  get isSynced(): boolean {
    return this.#intake.store.isSynced
  }

  get revision(): string {
    return this.#intake.store.revision
  }

  get trouble(): string | undefined {
    return this.#trouble
  }

  get health(): InformerHealth {
    const { changes, unreadable } = this.#intake
    const { watches } = this.#reading
    const phase = this.#runner.state.name
    return { phase, sets: this.#sets, watches, changes, unreadable, flaws: { ...this.#flaws } }
  }

  waitFor(revision: string, signal?: AbortSignal): Promise<void> {
    return this.#waiters.wait(revision, this.revision, signal)
  }

  get(key: string): T | undefined {
    return this.#intake.store.get(key)
  }

  list(): readonly T[] {
    return this.#intake.store.list()
  }

  entries(): Iterable<readonly [key: string, value: T]> {
    return this.#intake.store.entries()
  }

  by(index: string, term: string): readonly T[] {
    return this.#intake.store.by(index, term)
  }

  start(): void {
    this.#forget ??= Reachability.of(this.#transport).onAnswer(() => this.#runner.dispatch({ type: 'answered' }))
    this.#runner.dispatch({ type: 'start' })
  }

  stop(): void {
    this.#forget?.()
    this.#runner.dispatch({ type: 'stop' })
    this.#runner.stop()
    this.#request.abort()
  }

  #perform(effect: ReflectorEffect): void {
    const { kind } = this.resource
    switch (effect.type) {
      case 'list':
        return this.#run(signal =>
          effect.how === 'stream' ? this.#reading.stream(signal) : this.#reading.list(signal),
        )
      case 'watch':
        return this.#run(signal => this.#reading.watch(effect.revision, signal))
      case 'abort':
        return this.#request.abort()
      case 'lost':
        this.#trouble = effect.reason
        return this.#events.publish('kube:watch-lost', { kind, reason: effect.reason })
      case 'resumed':
        this.#trouble = undefined
        return this.#events.publish('kube:watch-resumed', { kind })
    }
  }

  /** One request at a time: what it ends with counts only while it is the last. */
  #run(read: (signal: AbortSignal) => Promise<void>): void {
    this.#request.abort()
    this.#request = new AbortController()
    const { signal } = this.#request
    read(signal).catch((error: unknown) => {
      if (signal.aborted) return
      const failure = asKubeFailure(error)
      if (failure.flaw !== undefined) this.#met(failure.flaw, failure.message)
      const type = this.#runner.state.name === 'listing' ? 'list-failed' : 'watch-failed'
      this.#runner.dispatch({ type, failure })
    })
  }

  #reported(input: ReflectorInput): void {
    this.#runner.dispatch(input)
    if (input.type === 'advanced') this.#waiters.reached(this.revision)
  }

  #hasSet(): void {
    if (this.#sets++ === 0) this.#events.publish('kube:synced', { kind: this.resource.kind })
    this.#waiters.reached(this.revision)
  }

  #met(flaw: Flaw, reason: string): void {
    this.#flaws[flaw] = (this.#flaws[flaw] ?? 0) + 1
    this.#events.publish('kube:answer-flawed', { kind: this.resource.kind, flaw, reason })
  }
}

const DEFAULT_IDLE_MS = 100_000
