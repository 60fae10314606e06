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
import type { ObjectSet } from './object-set.ts'
import { isNewer } from './revision.ts'
import { RevisionWaiters } from './revision-waiters.ts'
import { Store, type Indexes, type Lister, type Stored, type StoreChange } from './store.ts'
import type { KubeRequest, KubeResponse, KubeTransport } from './transport.ts'

export interface InformerComponents {
  readonly transport: KubeTransport
  readonly clock: Clock
  readonly random: Random
  readonly events: Publisher<KubeEvents>
}

export interface InformerInit<Raw extends KubeObject, T> {
  readonly resource: Resource
  /** What to read where the server does not serve the resource: newest first, each made into what it should be. */
  readonly older?: readonly OlderResource<Raw>[]
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

export interface OlderResource<Raw extends KubeObject> {
  readonly resource: Resource
  readonly upgrade: (object: KubeObject) => Raw
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
  readonly #sources: readonly Source<Raw>[]
  #source: Source<Raw>
  #isStreaming = false
  #isStopped = false
  #heardAt = -Infinity
  #staleLists = 0
  #request: AbortController | undefined
  #trouble: string | undefined

  constructor(components: InformerComponents, init: InformerInit<Raw, T>) {
    this.#components = components
    this.#init = init
    this.#store = new Store(init.indexes)
    this.#source = { resource: init.resource }
    this.#sources = [this.#source, ...(init.older ?? [])]
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

  entries(): Iterable<readonly [key: string, value: T]> {
    return this.#store.entries()
  }

  by(index: string, term: string): readonly T[] {
    return this.#store.by(index, term)
  }

  start(): void {
    this.#isStopped = false
    this.#runner.dispatch({ type: 'start' })
  }

  stop(): void {
    this.#isStopped = true
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
    const draft = this.#store.draft()
    let revision = ''
    for (let next: string | undefined; ;) {
      const page: RawPage<Raw> = await this.#page(next, signal)
      for (const raw of page.items ?? []) {
        const stored = this.#stored(raw)
        if (stored !== undefined) draft.put(this.#store.newest(stored))
      }
      // Should pages differ, the first is what a watch must begin from: what is newer comes once more, and is nothing.
      if (revision === '') revision = page.metadata?.resourceVersion ?? ''
      next = page.metadata?.continue
      if (next === undefined || next === '') break
    }
    if (signal.aborted) return
    await this.#replace(draft, revision)
    if (!signal.aborted) this.#runner.dispatch({ type: 'listed', revision })
  }

  /** The set as the first part of a watch (KEP-3157): shown only when it is whole. */
  async #stream(signal: AbortSignal): Promise<void> {
    this.#isStreaming = true
    const query = { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' }
    const response = await this.#openWatch(query, signal)
    const draft = this.#store.draft()
    for await (const line of response.lines()) {
      if (signal.aborted) return
      if (line === '') continue
      if (!this.#isStreaming) {
        this.#onLine(line)
        continue
      }
      const revision = this.#onInitialLine(line, draft)
      if (revision === undefined) continue
      await this.#replace(draft, revision)
      if (signal.aborted) return
      this.#isStreaming = false
      this.#runner.dispatch({ type: 'listed', revision })
    }
    if (signal.aborted) return
    if (this.#isStreaming)
      throw kubeFailure({ code: 'unreachable', status: 0, message: 'a streamed list was cut short' })
    this.#runner.dispatch({ type: 'watch-ended' })
  }

  /** The revision of the set, when this line says that it is complete. */
  #onInitialLine(line: string, draft: ObjectSet<T>): string | undefined {
    const { type, object, revision } = readEvent<Raw>(line)
    this.#heard()
    if (type === 'BOOKMARK') return object.metadata.annotations?.[INITIAL_EVENTS_END] === 'true' ? revision : undefined
    const stored = type === 'DELETED' ? undefined : this.#stored(object)
    if (stored === undefined) draft.drop(objectKey(object))
    else draft.put(this.#store.newest(stored))
    return undefined
  }

  /** Tens of thousands of lines are one sign of life. */
  #heard(): void {
    const now = this.#components.clock.now()
    if (!this.#isStreaming || now - this.#heardAt < HEARD_MS) return
    this.#heardAt = now
    this.#runner.dispatch({ type: 'heard' })
  }

  /** Never back in time: a set older than what is known comes from a server that is behind, or was restored. */
  async #replace(draft: ObjectSet<T>, revision: string): Promise<void> {
    const known = this.#store.revision
    if (this.#store.isSynced && known !== '' && isNewer(known, revision)) {
      if (++this.#staleLists >= MOST_STALE_LISTS) this.#store.forgetRevisions()
      const message = `a list of version ${revision}, when ${known} is known`
      throw kubeFailure({ code: 'too-large-resource-version', status: 0, message })
    }
    this.#staleLists = 0
    const isFirst = !this.#store.isSynced
    await this.#tellInSlices(this.#store.swap(draft, revision), isFirst)
    if (this.#isStopped) return
    if (isFirst) this.#components.events.publish('kube:synced', { kind: this.#init.resource.kind })
    this.#waiters.reached(this.#store.revision)
  }

  async #page(next: string | undefined, signal: AbortSignal): Promise<RawPage<Raw>> {
    const response = await this.#read({ limit: String(PAGE_SIZE), continue: next }, signal)
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
    const timeoutSeconds = String(Math.round(MIN_WATCH_SECONDS * (1 + this.#components.random.next())))
    const watch = { watch: '1', allowWatchBookmarks: 'true', timeoutSeconds, ...query }
    const response = await this.#read(watch, signal, this.#init.idleMs ?? DEFAULT_IDLE_MS)
    if (response.status !== 200) throw kubeFailure(await failureOf(response))
    return response
  }

  /** Asks for the resource, or for the first older one that is served when it is not. */
  async #read(query: KubeRequest['query'], signal: AbortSignal, idleMs?: number): Promise<KubeResponse> {
    const { namespace, labelSelector, fieldSelector } = this.#init
    const ask = ({ resource }: Source<Raw>): Promise<KubeResponse> =>
      this.#components.transport.request({
        method: 'GET',
        path: collectionPath(resource, namespace),
        query: { ...query, labelSelector, fieldSelector },
        signal,
        ...(idleMs !== undefined && { idleMs }),
      })
    const first = await ask(this.#source)
    if (first.status !== 404) return first
    for (const other of this.#sources.filter(source => source !== this.#source)) {
      const response = await ask(other)
      if (response.status === 404) continue
      this.#source = other
      if (query?.['resourceVersion'] === undefined) return response
      // Where the watch would go on from is a place in the other's history.
      throw kubeFailure({ code: 'gone', status: 404, message: 'the resource is served in another version now' })
    }
    return first
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
    const upgraded = this.#source.upgrade?.(raw) ?? raw
    const value = this.#init.project === undefined ? (upgraded as unknown as T) : this.#init.project(upgraded)
    if (value === undefined) return undefined
    const { uid = '', resourceVersion = '' } = raw.metadata
    return { key: objectKey(raw), uid, resourceVersion, value }
  }

  /** A set may be large: others have their turn in between, and no later change overtakes it. */
  async #tellInSlices(changes: Iterable<StoreChange<T>>, initial: boolean): Promise<void> {
    const { clock } = this.#components
    let since = clock.now()
    for (const change of changes) {
      if (this.#isStopped) return
      this.#tell([change], initial)
      if (clock.now() - since < SLICE_MS) continue
      await new Promise<void>(resolve => clock.setTimer(0, resolve))
      this.#heard()
      since = clock.now()
    }
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

type Source<Raw extends KubeObject> = Pick<OlderResource<Raw>, 'resource'> & Partial<OlderResource<Raw>>

interface RawPage<Raw> {
  readonly items?: readonly Raw[] | null
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string }
}

const DEFAULT_IDLE_MS = 100_000
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end'
const MOST_STALE_LISTS = 5 // then the server was restored from a backup, and is right
const SLICE_MS = 8
const HEARD_MS = 1_000
const MIN_WATCH_SECONDS = 300 // the server ends a watch after five to ten minutes, at random, so that they spread
