import type { Publisher } from '@metallb-ts/event-bus'
import { MachineRunner, type Clock, type Random } from '@metallb-ts/runtime'
import { PAGE_SIZE } from './client.ts'
import type { KubeEvents } from './events.ts'
import { asKubeFailure, failureOf, kubeFailure, parse, statusFailure, type StatusObject } from './failure.ts'
import {
  INITIAL_REFLECTOR,
  stepReflector,
  type ReflectorEffect,
  type ReflectorInput,
  type ReflectorState,
  type ReflectorTimer,
} from './reflector.ts'
import { collectionPath, objectKey, type KubeObject, type Resource } from './resource.ts'
import { Store, type Indexes, type Lister, type Stored, type StoreChange } from './store.ts'
import { isNewer } from './revision.ts'
import { RevisionWaiters } from './revision-waiters.ts'
import type { KubeRequest, KubeResponse, KubeTransport } from './transport.ts'

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
  /** The newest resourceVersion that the store has seen of anything; empty before the first set. */
  readonly revision: string
  /** Resolves when the store is as new as this; rejects when the signal aborts. */
  waitFor(revision: string, signal?: AbortSignal): Promise<void>
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
  readonly #waiters = new RevisionWaiters()
  #isStreaming = false
  #staleLists = 0
  #request: AbortController | undefined
  #trouble: string | undefined

  constructor(components: InformerComponents, init: InformerInit<Raw, T>) {
    this.#components = components
    this.#init = init
    this.#store = new Store(init.indexes)
    const settings = { idleMs: init.idleMs ?? DEFAULT_IDLE_MS, initial: init.initial ?? 'stream' } as const
    this.#runner = new MachineRunner<ReflectorState, ReflectorInput, ReflectorEffect, ReflectorTimer>(components, {
      initial: INITIAL_REFLECTOR,
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

  get revision(): string {
    return this.#store.revision
  }

  waitFor(revision: string, signal?: AbortSignal): Promise<void> {
    return this.#waiters.wait(revision, this.#store.revision, signal)
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
        return this.#run(
          signal => (effect.how === 'stream' ? this.#stream(signal) : this.#list(signal)),
          effect.how === 'stream' ? () => (this.#isStreaming ? 'list-failed' : 'watch-failed') : () => 'list-failed',
        )
      case 'watch':
        return this.#run(
          signal => this.#watch(effect.revision, signal),
          () => 'watch-failed',
        )
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

  #run(work: (signal: AbortSignal) => Promise<void>, failed: () => 'list-failed' | 'watch-failed'): void {
    this.#request?.abort()
    const request = new AbortController()
    this.#request = request
    work(request.signal).catch((error: unknown) => {
      if (!request.signal.aborted) this.#runner.dispatch({ type: failed(), failure: asKubeFailure(error) })
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
      // Should pages differ, the first is what a watch must begin from: what is newer comes once more, and is nothing.
      if (revision === '') revision = page.metadata?.resourceVersion ?? ''
      next = page.metadata?.continue
      if (next === undefined || next === '') break
    }
    if (signal.aborted) return
    this.#replace(objects, revision)
    this.#runner.dispatch({ type: 'listed', revision })
  }

  /** The set as the first part of a watch (KEP-3157): shown only when it is whole. */
  async #stream(signal: AbortSignal): Promise<void> {
    this.#isStreaming = true
    const query = { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' }
    const response = await this.#openWatch(query, signal)
    const set = new Map<string, Stored<T>>()
    for await (const line of response.lines()) {
      if (signal.aborted) return
      if (line === '') continue
      if (!this.#isStreaming) this.#onLine(line)
      else if (this.#onInitialLine(line, set)) this.#isStreaming = false
    }
    if (signal.aborted) return
    if (this.#isStreaming)
      throw kubeFailure({ code: 'unreachable', status: 0, message: 'a streamed list was cut short' })
    this.#runner.dispatch({ type: 'watch-ended' })
  }

  /** True when the set is complete. */
  #onInitialLine(line: string, set: Map<string, Stored<T>>): boolean {
    const { type, object, revision } = readEvent<Raw>(line)
    this.#runner.dispatch({ type: 'heard' })
    if (type === 'BOOKMARK') {
      if (object.metadata.annotations?.[INITIAL_EVENTS_END] !== 'true') return false
      this.#replace([...set.values()], revision)
      this.#runner.dispatch({ type: 'listed', revision })
      return true
    }
    const stored = type === 'DELETED' ? undefined : this.#stored(object)
    if (stored === undefined) set.delete(objectKey(object))
    else set.set(stored.key, stored)
    return false
  }

  /** Never back in time: a set older than what is known comes from a server that is behind, or was restored. */
  #replace(objects: readonly Stored<T>[], revision: string): void {
    if (isNewer(this.#store.revision, revision) && this.#store.isSynced && this.#store.revision !== '') {
      if (++this.#staleLists <= MOST_STALE_LISTS) {
        const message = `a list of version ${revision}, when ${this.#store.revision} is known`
        throw kubeFailure({ code: 'too-large-resource-version', status: 0, message })
      }
      this.#store.forgetRevisions()
    }
    this.#staleLists = 0
    const isFirst = !this.#store.isSynced
    const changes = this.#store.replace(objects, revision)
    this.#tell(changes, isFirst)
    if (isFirst) this.#components.events.publish('kube:synced', { kind: this.#init.resource.kind })
    this.#waiters.reached(this.#store.revision)
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
    return parse<RawPage<Raw>>(await response.text())
  }

  async #watch(revision: string, signal: AbortSignal): Promise<void> {
    const response = await this.#openWatch({ resourceVersion: revision }, signal)
    this.#runner.dispatch({ type: 'opened' })
    for await (const line of response.lines()) {
      if (signal.aborted) return
      if (line !== '') this.#onLine(line)
    }
    if (!signal.aborted) this.#runner.dispatch({ type: 'watch-ended' })
  }

  async #openWatch(query: KubeRequest['query'], signal: AbortSignal): Promise<KubeResponse> {
    const { resource, namespace, labelSelector, fieldSelector, idleMs = DEFAULT_IDLE_MS } = this.#init
    const timeoutSeconds = String(Math.round(MIN_WATCH_SECONDS * (1 + this.#components.random.next())))
    const response = await this.#components.transport.request({
      method: 'GET',
      path: collectionPath(resource, namespace),
      query: { watch: '1', allowWatchBookmarks: 'true', timeoutSeconds, labelSelector, fieldSelector, ...query },
      signal,
      idleMs,
    })
    if (response.status !== 200) throw kubeFailure(await failureOf(response))
    return response
  }

  /** One watch event. */
  #onLine(line: string): void {
    const { type, object, revision } = readEvent<Raw>(line)
    if (type === 'BOOKMARK') this.#store.seen(revision)
    else if (type === 'ADDED' || type === 'MODIFIED') this.#applied(object)
    else if (type === 'DELETED') this.#deleted(object)
    this.#runner.dispatch({ type: 'advanced', revision })
    this.#waiters.reached(this.#store.revision)
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

/** Throws a failure for an ERROR, and for what is no event: that may have been a change, so the set has to be read anew. */
function readEvent<Raw extends KubeObject>(
  line: string,
): { readonly type: string; readonly object: Raw; readonly revision: string } {
  const { type = '', object } = parse<{ type?: string; object?: Raw & StatusObject } | null>(line) ?? {}
  if (type === 'ERROR') throw kubeFailure(statusFailure(object?.code ?? 500, object ?? {}))
  const revision = object?.metadata?.resourceVersion
  if (object === undefined || revision === undefined) {
    throw kubeFailure({ code: 'bad-answer', status: 200, message: 'a watch event without an object' })
  }
  return { type, object, revision }
}

interface RawPage<Raw> {
  readonly items?: readonly Raw[] | null
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string }
}

const DEFAULT_IDLE_MS = 100_000
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end'
const MOST_STALE_LISTS = 5 // then the server was restored from a backup, and is right
const MIN_WATCH_SECONDS = 300 // the server ends a watch after five to ten minutes, at random, so that they spread
