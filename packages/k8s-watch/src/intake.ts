import type { Publisher } from '@metallb-ts/event-bus'
import type { KubeEvents } from './events.ts'
import { kubeFailure } from './failure.ts'
import type { ObjectSet } from './object-set.ts'
import { objectKey, type KubeObject } from './resource.ts'
import { isNewer } from './revision.ts'
import { Store, type Indexes, type Stored, type StoreChange } from './store.ts'
import type { WatchEvent } from './watch-event.ts'

export interface IntakeInit<Raw extends KubeObject, T> {
  readonly kind: string
  readonly events: Publisher<KubeEvents>
  readonly indexes: Indexes<T> | undefined
  /** Given what the store had of an object that it has no longer. */
  readonly onDeleted: ((value: T) => void) | undefined
  /** What is kept of an object; undefined leaves it out. */
  readonly project: (raw: Raw) => T | undefined
}

/** What is read goes into the store, and then everybody is told. */
export class Intake<Raw extends KubeObject, T> {
  readonly store: Store<T>
  /** Changes that were taken. */
  changes = 0
  /** Objects that could not be projected. */
  unreadable = 0
  readonly #init: IntakeInit<Raw, T>
  #staleSets = 0

  constructor(init: IntakeInit<Raw, T>) {
    this.#init = init
    this.store = new Store(init.indexes)
  }

  /** Takes an event of a watch. */
  apply({ type, object, revision }: WatchEvent<Raw>): void {
    if (type === 'BOOKMARK') return this.store.seen(revision)
    this.changes++
    const stored = type === 'DELETED' ? undefined : this.#stored(object)
    const { uid = '' } = object.metadata
    const changes =
      stored === undefined
        ? this.store.delete({ key: objectKey(object), uid, resourceVersion: revision })
        : this.store.apply(stored)
    for (const change of changes) this.tell(change, false)
  }

  /** Puts an object of a set that is not shown yet where it belongs. */
  file(draft: ObjectSet<T>, raw: Raw): void {
    const stored = this.#stored(raw)
    if (stored === undefined) draft.drop(objectKey(raw))
    else draft.put(this.store.newest(stored))
  }

  /**
   * Shows a whole set; what changed by it is to be told. Never back in time: throws a failure for a set older than what
   * is known, which comes from a server that is behind, or was restored.
   */
  show(draft: ObjectSet<T>, revision: string): Iterable<StoreChange<T>> {
    const { store } = this
    if (store.isSynced && store.revision !== '' && isNewer(store.revision, revision)) {
      const message = `a list of version ${revision}, when ${store.revision} is known`
      if (++this.#staleSets >= MOST_STALE_SETS) store.forgetRevisions()
      throw kubeFailure({ code: 'too-large-resource-version', status: 0, message })
    }
    this.#staleSets = 0
    return store.swap(draft, revision)
  }

  tell({ key, change, value }: StoreChange<T>, initial: boolean): void {
    const { kind, events, onDeleted } = this.#init
    if (change === 'deleted') onDeleted?.(value)
    events.publish('kube:changed', { kind, key, change, initial })
  }

  #stored(raw: Raw): Stored<T> | undefined {
    const value = this.#projected(raw)
    if (value === undefined) return undefined
    const { uid = '', resourceVersion = '' } = raw.metadata
    return { key: objectKey(raw), uid, resourceVersion, value }
  }

  /** An object that cannot be read harms no other. */
  #projected(raw: Raw): T | undefined {
    const { kind, events, project } = this.#init
    try {
      return project(raw)
    } catch (error) {
      this.unreadable++
      events.publish('kube:object-unreadable', { kind, key: objectKey(raw), reason: String(error) })
      return undefined
    }
  }
}

const MOST_STALE_SETS = 5 // then the server was restored from a backup, and is right
