import type { OwnerReference } from '@metallb-ts/api'
import type { EventBus } from '@metallb-ts/event-bus'
import {
  createInformer,
  createWorkQueue,
  DONE,
  isSameJson,
  whenSynced,
  type Informer,
  type KubeClient,
  type KubeObject,
  type KubeTransport,
  type Outcome,
  type Resource,
  type Selection,
} from '@metallb-ts/k8s-watch'
import type { Clock, Logger, Random } from '@metallb-ts/runtime'
import type { SpeakerEvents } from './events.ts'
import { permitted } from './permissions.ts'

export interface OwnObjectParts {
  readonly client: KubeClient
  readonly transport: KubeTransport
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly events: EventBus<SpeakerEvents>
  readonly owner: () => Promise<readonly OwnerReference[]>
}

/** Objects of one kind that this speaker alone writes; a key is what one of them tells about. */
export interface OwnKind<T extends OwnObject = OwnObject> {
  readonly resource: Resource
  /** Which of them are ours. */
  readonly selection: Pick<Selection, 'labelSelector' | 'fieldSelector'>
  /** Whose object this is; undefined where that cannot be told, and nobody's is removed. */
  readonly keyOf: (object: T) => string | undefined
  /** One name for a key, always. */
  readonly nameOf: (key: string) => string
  /** They tell the objects of a key from the others. */
  readonly labelsOf: (key: string) => Readonly<Record<string, string>>
  /** @param known what stands in the cluster */
  readonly wanted: (key: string, known: T['status'] | undefined) => Wanted<NonNullable<T['status']>>
  /** After a write; `isFirst` where there was no object before. */
  readonly onWritten?: (key: string, isFirst: boolean) => void
  /** @default as they come */
  readonly project?: (object: T) => T
}

export type OwnObject = KubeObject & { readonly status?: object }

/** The status of an object, that there should be none, or that nothing can be said now or before some time has passed. */
export type Wanted<Status> = { readonly status: Status } | 'nothing' | 'undecided' | { readonly laterMs: number }

export interface OwnObjects {
  start(): void
  add(key: string): void
  /** As there is time for it; one walk of a source at a time. */
  addEvery(source: string, keys: Iterable<string>): void
  /** The keys of all that stand in the cluster are looked at again. */
  addKnown(): void
  /** Keys that are worked on, or wait for that. */
  readonly length: number
  /** Leaves the objects: those of a pod that is deleted go with it, and a process that comes back finds them true. */
  stop(): Promise<void>
}

/** Keeps the objects that only this speaker writes as they are wanted: what differs is applied, what is not wanted goes. */
export function createOwnObjects<T extends OwnObject>(
  { client, transport, clock, random, logger, events, owner }: OwnObjectParts,
  init: {
    readonly name: string
    readonly namespace: string
    readonly kinds: readonly OwnKind<T>[]
    /** Keys that are worked on at the same time. @default 1 */
    readonly concurrency?: number
    /** What stands there is known. */
    readonly onSynced?: () => void
  },
): OwnObjects {
  const { name: what, namespace, kinds, concurrency = 1, onSynced } = init
  const followed = kinds.map(kind => ({ kind, informer: follow(kind) }))
  const informers = followed.map(({ informer }) => informer)
  const queue = createWorkQueue(
    { clock, random },
    {
      name: what,
      urgency: 'backlog',
      concurrency,
      reconcile: permitted({ clock, logger }, reconcile),
      onOutcome: (key, outcome) => {
        if (outcome.kind === 'retry') logger.debug(`${what}-retried`, { key, error: String(outcome.error) })
      },
      backoff: { baseMs: 200, maxMs: 60_000 },
    },
  )

  function follow({ resource, selection, keyOf, labelsOf, project }: OwnKind<T>): Informer<T> {
    const names = Object.keys(labelsOf(''))
    return createInformer<T>(
      { transport, clock, random, events },
      {
        resource,
        namespace,
        ...selection,
        ...(project && { project }),
        indexes: { labels: object => [identity(labels(object), names)] },
        onDeleted: object => {
          const key = keyOf(object)
          if (key !== undefined) queue.add(key)
        },
      },
    )
  }

  /** What there is to do is found at once, of every kind: what comes after an `await`, the queue's pace does not see. */
  async function reconcile(key: string): Promise<Outcome> {
    const kept = await Promise.allSettled(followed.map(({ kind, informer }) => keep(kind, informer, key)))
    let later: Outcome = DONE
    for (const one of kept) {
      if (one.status === 'rejected') throw one.reason
      if (one.value.kind !== 'done') later = one.value
    }
    return later
  }

  async function keep(kind: OwnKind<T>, informer: Informer<T>, key: string): Promise<Outcome> {
    const { resource, wanted, nameOf, labelsOf, onWritten } = kind
    const own = labelsOf(key)
    const [first, ...twins] = informer.by('labels', identity(own, Object.keys(own)))
    const want = wanted(key, first?.status)
    if (want === 'undecided') return DONE
    for (const object of want === 'nothing' && first !== undefined ? [first, ...twins] : twins)
      await remove(kind, object)
    if (want === 'nothing') return DONE
    if ('laterMs' in want) return { kind: 'later', ms: want.laterMs }
    if (isSameJson(first?.status, want.status)) return DONE
    const name = first?.metadata.name ?? nameOf(key)
    const path = `${namespace}/${name}`
    if (first === undefined) {
      const metadata = { name, namespace, labels: own, ownerReferences: await owner() }
      await client.patch(resource, path, { metadata }, APPLY)
    }
    await client.patch(resource, path, { metadata: { name, namespace }, status: want.status }, APPLY_STATUS)
    onWritten?.(key, first === undefined)
    return DONE
  }

  function remove({ resource }: OwnKind<T>, { metadata }: T): Promise<unknown> {
    return client.remove(resource, `${namespace}/${metadata.name}`)
  }

  /** What is nobody's goes as it is met. */
  function* known({ kind, informer }: (typeof followed)[number]): Generator<string> {
    for (const object of informer.list()) {
      const key = kind.keyOf(object)
      if (key !== undefined) yield key
      else void remove(kind, object).catch(() => {})
    }
  }

  return {
    start: () => {
      for (const informer of informers) informer.start()
      whenSynced(events, informers, () => {
        queue.start()
        onSynced?.()
      })
    },
    add: key => queue.add(key),
    addEvery: (source, keys) => queue.addEvery(source, keys),
    addKnown: () => {
      for (const each of followed) queue.addEvery(each.kind.resource.kind, known(each))
    },
    get length() {
      return queue.length
    },
    stop: async () => {
      for (const informer of informers) informer.stop()
      await queue.stop()
    },
  }
}

const APPLY = { type: 'apply', fieldManager: 'metallb-speaker', force: true } as const
const APPLY_STATUS = { ...APPLY, subresource: 'status' } as const

function identity(values: Readonly<Record<string, string>>, names: readonly string[]): string {
  return names.map(name => values[name] ?? '').join(' ') // a label holds no space
}

export function labels({ metadata }: KubeObject): Readonly<Record<string, string>> {
  return (metadata as { readonly labels?: Readonly<Record<string, string>> }).labels ?? {}
}
