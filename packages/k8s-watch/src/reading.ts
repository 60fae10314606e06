import { kubeFailure } from './failure.ts'
import type { Intake } from './intake.ts'
import type { ObjectSet } from './object-set.ts'
import type { Pace } from './pace.ts'
import { PageSize, readPage } from './paging.ts'
import type { ReflectorInput } from './reflector-state.ts'
import { objectKey, type KubeObject } from './resource.ts'
import type { Source } from './source.ts'
import { mustHaveMetadata, readEvent } from './watch-event.ts'

export interface ReadingParts<Raw extends KubeObject, T> {
  readonly source: Source<Raw>
  readonly intake: Intake<Raw, T>
  readonly pace: Pace
  /** Tells the reflector how it goes. */
  readonly report: (input: ReflectorInput) => void
  /** A whole set is shown, and everything in it was told. */
  readonly onSet: () => void
}

/** Reads sets and watches into the store, a little at a time. Each call rejects with what ended it too early. */
export class Reading<Raw extends KubeObject, T> {
  /** Watches that the server took. */
  watches = 0
  readonly #parts: ReadingParts<Raw, T>

  constructor(parts: ReadingParts<Raw, T>) {
    this.#parts = parts
  }

  /** The set in pages. */
  async list(signal: AbortSignal): Promise<void> {
    const { source, intake, pace } = this.#parts
    const draft = intake.store.draft()
    const size = new PageSize()
    let [revision, next]: (string | undefined)[] = []
    do {
      const text = await source.page(size.limit, next, signal)
      const page = await pace.run(() => readPage<Raw>(text))
      size.learn(page.items.length, text.length)
      await this.#inPieces(page.items, signal, raw => {
        mustHaveMetadata(raw)
        intake.file(draft, raw)
      })
      // Should pages differ, the first is what a watch must begin from: what is newer comes once more, and is nothing.
      revision ??= page.revision
      next = page.next
    } while (next !== undefined && !signal.aborted)
    await this.#show(draft, revision, signal)
  }

  /** The set as the first part of a watch (KEP-3157), shown only when it is whole; then the watch. */
  async stream(signal: AbortSignal): Promise<void> {
    const { source, intake, pace, report } = this.#parts
    const query = { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' }
    const response = await source.watch(query, signal)
    this.watches++
    report({ type: 'heard' })
    const draft = intake.store.draft()
    let isWhole = false
    for await (const lines of response.lines()) {
      if (signal.aborted) return
      if (isWhole) await this.#take(lines, signal)
      else {
        const { revision, read, objects } = await pace.run(() => this.#fill(draft, lines))
        if (objects > 0) report({ type: 'heard' })
        if (revision === undefined) continue
        isWhole = true
        await this.#show(draft, revision, signal)
        await this.#take(lines.slice(read), signal)
      }
    }
    if (signal.aborted) return
    if (!isWhole) throw kubeFailure({ code: 'unreachable', status: 0, message: 'a streamed list ended', flaw: 'cut' })
    report({ type: 'watch-ended' })
  }

  /** What changes from a version on. */
  async watch(revision: string, signal: AbortSignal): Promise<void> {
    const { source, report } = this.#parts
    const response = await source.watch({ resourceVersion: revision }, signal)
    this.watches++
    report({ type: 'opened' })
    for await (const lines of response.lines()) await this.#take(lines, signal)
    if (!signal.aborted) report({ type: 'watch-ended' })
  }

  /** Files initial events. Says how many lines it read, and the version of the set once one says that it is whole. */
  #fill(draft: ObjectSet<T>, lines: readonly string[]): Filled {
    const { intake } = this.#parts
    let objects = 0
    for (const [i, line] of lines.entries()) {
      if (line === '') continue
      const { type, object, revision } = readEvent<Raw>(line)
      if (type === 'DELETED') draft.drop(objectKey(object))
      else if (type !== 'BOOKMARK') intake.file(draft, object)
      if (type !== 'BOOKMARK') objects++
      else if (object.metadata.annotations?.[INITIAL_EVENTS_END] === 'true') return { revision, objects, read: i + 1 }
    }
    return { objects, read: lines.length }
  }

  /** Lines of a watch, in order. One that is no event ends it, after those before it have counted. */
  #take(lines: readonly string[], signal: AbortSignal): Promise<void> {
    const { intake, pace, report } = this.#parts
    return pace.run(() => {
      let [events, revision] = [0, '']
      try {
        for (const line of lines) {
          if (signal.aborted) return
          if (line === '') continue
          const event = readEvent<Raw>(line)
          intake.apply(event)
          revision = event.revision
          events++
        }
      } finally {
        if (events > 0 && !signal.aborted) report({ type: 'advanced', revision, events })
      }
    }, 'live')
  }

  /** A set may be large: others have their turn in between, and no later change overtakes it. */
  async #show(draft: ObjectSet<T>, revision: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const { intake, report, onSet } = this.#parts
    const isFirst = !intake.store.isSynced
    await this.#inPieces(intake.show(draft, revision), signal, change => intake.tell(change, isFirst))
    if (signal.aborted) return
    onSet()
    report({ type: 'listed', revision })
  }

  async #inPieces<Item>(items: Iterable<Item>, signal: AbortSignal, each: (item: Item) => void): Promise<void> {
    const { pace, report } = this.#parts
    const rest = items[Symbol.iterator]()
    const piece = (): boolean => {
      for (let i = 0; i < PIECE && !signal.aborted; i++) {
        const next = rest.next()
        if (next.done === true) return false
        each(next.value)
      }
      return !signal.aborted
    }
    while (await pace.run(piece)) report({ type: 'heard' })
  }
}

/** Bookmarks do not count as objects: a server that streams no lists sends them, too. */
interface Filled {
  readonly revision?: string
  readonly read: number
  readonly objects: number
}

const INITIAL_EVENTS_END = 'k8s.io/initial-events-end'
const PIECE = 32 // objects: a fraction of a millisecond
