import type { Publisher } from '@metallb-ts/event-bus'
import { MachineRunner, type Clock, type Random } from '@metallb-ts/runtime'
import { PAGE_SIZE } from './client.ts'
import type { KubeEvents } from './events.ts'
import { asKubeFailure, failureOf, kubeFailure, statusFailure, type StatusObject } from './failure.ts'
import {
  stepReflector,
  type ReflectorEffect,
  type ReflectorInput,
  type ReflectorState,
  type ReflectorTimer,
} from './reflector.ts'
import { collectionPath, objectKey, type KubeObject, type Resource } from './resource.ts'
import { Store, type Indexes, type Lister, type Stored, type StoreChange } from './store.ts'
import type { KubeTransport } from './transport.ts'

export interface InformerComponents {
  readonly transport: KubeTransport
  readonly clock: Clock
  readonly random: Random
  readonly events: Publisher<KubeEvents>
}

export interface InformerInit<Raw extends KubeObject, T> {
  readonly resource: Resource
  /** One namespace only. @default all */
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  /** What is kept of an object, made as it is decoded; undefined leaves it out. @default the whole object */
  readonly project?: (raw: Raw) => T | undefined
  readonly indexes?: Indexes<T>
  /** A watch without a byte for this long is dead. @default 100000 */
  readonly idleMs?: number
}

/** A store that keeps itself equal to the server's. */
export interface Informer<T> extends Lister<T> {
  readonly resource: Resource
  start(): void
  /** Nothing is told afterwards. Safe to repeat. */
  stop(): void
  /** Undefined while all is well; else why the store may be behind. */
  readonly trouble: string | undefined
}

export function createInformer<Raw extends KubeObject, T = Raw>(
  components: InformerComponents,
  init: InformerInit<Raw, T>,
): Informer<T> {
  return new ReflectingInformer(components, init)
}

class ReflectingInformer<Raw extends KubeObject, T> implements Informer<T> {
  readonly #components: InformerComponents
  readonly #init: InformerInit<Raw, T>
  readonly #store: Store<T>
  readonly #runner: MachineRunner<ReflectorState, ReflectorInput, ReflectorEffect, ReflectorTimer>
  #request: AbortController | undefined
  #trouble: string | undefined

  constructor(components: InformerComponents, init: InformerInit<Raw, T>) {
    this.#components = components
    this.#init = init
    this.#store = new Store(init.indexes)
    const settings = { idleMs: init.idleMs ?? DEFAULT_IDLE_MS }
    this.#runner = new MachineRunner<ReflectorState, ReflectorInput, ReflectorEffect, ReflectorTimer>(components, {
      initial: { name: 'stopped' },
      step: (state, input, now) => stepReflector(settings, state, input, now),
      perform: effect => this.#perform(effect),
      expired: timer => ({ type: 'expired', timer }),
    })
  }

  get resource(): Resource {
    return this.#init.resource
  }

  get size(): number {
    return this.#store.size
  }

  get isSynced(): boolean {
    return this.#store.isSynced
  }

  get trouble(): string | undefined {
    return this.#trouble
  }

  get(key: string): T | undefined {
    return this.#store.get(key)
  }

  list(): readonly T[] {
    return this.#store.list()
  }

  by(index: string, term: string): readonly T[] {
    return this.#store.by(index, term)
  }

  start(): void {
    this.#runner.dispatch({ type: 'start' })
  }

  stop(): void {
    this.#runner.dispatch({ type: 'stop' })
    this.#runner.stop()
    this.#request?.abort()
  }

  #perform(effect: ReflectorEffect): void {
    const { kind } = this.#init.resource
    switch (effect.type) {
      case 'list':
        return this.#run(signal => this.#list(signal), 'list-failed')
      case 'watch':
        return this.#run(signal => this.#watch(effect.revision, signal), 'watch-failed')
      case 'abort':
        return this.#request?.abort()
      case 'lost':
        this.#trouble = effect.reason
        return this.#components.events.publish('kube:watch-lost', { kind, reason: effect.reason })
      case 'resumed':
        this.#trouble = undefined
        return this.#components.events.publish('kube:watch-resumed', { kind })
    }
  }

  #run(work: (signal: AbortSignal) => Promise<void>, failed: 'list-failed' | 'watch-failed'): void {
    this.#request?.abort()
    const request = new AbortController()
    this.#request = request
    work(request.signal).catch((error: unknown) => {
      if (!request.signal.aborted) this.#runner.dispatch({ type: failed, failure: asKubeFailure(error) })
    })
  }

  async #list(signal: AbortSignal): Promise<void> {
    const objects: Stored<T>[] = []
    let revision = ''
    for (let next: string | undefined; ;) {
      const page: RawPage<Raw> = await this.#page(next, signal)
      for (const raw of page.items ?? []) {
        const stored = this.#stored(raw)
        if (stored !== undefined) objects.push(stored)
      }
      revision = page.metadata?.resourceVersion ?? revision
      next = page.metadata?.continue
      if (next === undefined || next === '') break
    }
    if (signal.aborted) return
    const isFirst = !this.#store.isSynced
    const changes = this.#store.replace(objects, revision)
    this.#tell(changes, isFirst)
    if (isFirst) this.#components.events.publish('kube:synced', { kind: this.#init.resource.kind })
    this.#runner.dispatch({ type: 'listed', revision })
  }

  async #page(next: string | undefined, signal: AbortSignal): Promise<RawPage<Raw>> {
    const { resource, namespace, labelSelector, fieldSelector } = this.#init
    const response = await this.#components.transport.request({
      method: 'GET',
      path: collectionPath(resource, namespace),
      query: { limit: String(PAGE_SIZE), continue: next, labelSelector, fieldSelector },
      signal,
    })
    if (response.status !== 200) throw kubeFailure(await failureOf(response))
    return JSON.parse(await response.text()) as RawPage<Raw>
  }

  async #watch(revision: string, signal: AbortSignal): Promise<void> {
    const { resource, namespace, labelSelector, fieldSelector, idleMs = DEFAULT_IDLE_MS } = this.#init
    const timeoutSeconds = String(Math.round(MIN_WATCH_SECONDS * (1 + this.#components.random.next())))
    const response = await this.#components.transport.request({
      method: 'GET',
      path: collectionPath(resource, namespace),
      query: {
        watch: '1',
        resourceVersion: revision,
        allowWatchBookmarks: 'true',
        timeoutSeconds,
        labelSelector,
        fieldSelector,
      },
      signal,
      idleMs,
    })
    if (response.status !== 200) throw kubeFailure(await failureOf(response))
    if (this.#trouble !== undefined) this.#runner.dispatch({ type: 'advanced', revision })
    for await (const line of response.lines()) {
      if (signal.aborted) return
      if (line !== '') this.#onLine(line)
    }
    if (!signal.aborted) this.#runner.dispatch({ type: 'watch-ended' })
  }

  /** One watch event. A line that is none ends the watch, which resumes from the last good one: nothing is lost. */
  #onLine(line: string): void {
    const event = JSON.parse(line) as { type?: string; object?: Raw & StatusObject }
    const { type, object } = event
    if (type === 'ERROR') throw kubeFailure(statusFailure(object?.code ?? 500, object ?? {}))
    const revision = object?.metadata?.resourceVersion
    if (object === undefined || revision === undefined) throw new SyntaxError('a watch event without an object')
    if (type === 'BOOKMARK') this.#store.seen(revision)
    else if (type === 'ADDED' || type === 'MODIFIED') this.#applied(object)
    else if (type === 'DELETED') this.#deleted(object)
    this.#runner.dispatch({ type: 'advanced', revision })
  }

  #applied(raw: Raw): void {
    const stored = this.#stored(raw)
    if (stored === undefined) this.#deleted(raw)
    else this.#tell(this.#store.apply(stored), false)
  }

  #deleted(raw: Raw): void {
    const { uid = '', resourceVersion = '' } = raw.metadata
    this.#tell(this.#store.delete({ key: objectKey(raw), uid, resourceVersion }), false)
  }

  #stored(raw: Raw): Stored<T> | undefined {
    const value = this.#init.project === undefined ? (raw as unknown as T) : this.#init.project(raw)
    if (value === undefined) return undefined
    const { uid = '', resourceVersion = '' } = raw.metadata
    return { key: objectKey(raw), uid, resourceVersion, value }
  }

  #tell(changes: readonly StoreChange<T>[], initial: boolean): void {
    const { kind } = this.#init.resource
    for (const { key, change } of changes)
      this.#components.events.publish('kube:changed', { kind, key, change, initial })
  }
}

interface RawPage<Raw> {
  readonly items?: readonly Raw[] | null
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string }
}

const DEFAULT_IDLE_MS = 100_000
const MIN_WATCH_SECONDS = 300 // the server ends a watch after five to ten minutes, at random, so that they spread
