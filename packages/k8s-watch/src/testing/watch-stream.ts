import type { Clock, Timer } from '@metallb-ts/runtime'
import { REAL_CLOCK } from '@metallb-ts/runtime/node'
import { failure } from './answers.ts'
import type { ApiCore } from './api-core.ts'
import { collectionOf } from './kinds.ts'
import type { HistoryEntry, StoredObject } from './object-store.ts'
import { selects } from './selectors.ts'
import type { Target } from './target.ts'

export interface WatchStreamInit {
  readonly core: ApiCore
  readonly target: Target
  readonly query: URLSearchParams
  readonly bookmarkMs: number
  /** Takes one line. */
  readonly write: (line: string) => void
  readonly end: () => void
  /** @default real time */
  readonly clock?: Pick<Clock, 'setTimer'>
}

/** One watch: what was, what is, and what will be. Returns what ends it. */
export function openWatch({
  core,
  target,
  query,
  bookmarkMs,
  write,
  end,
  clock = REAL_CLOCK,
}: WatchStreamInit): () => void {
  const { kind, namespace } = target
  const collection = collectionOf(kind)
  const asked = query.get('resourceVersion') ?? ''
  const isFresh = asked === '' || asked === '0'
  const send = (type: string, object: unknown): void => write(`${JSON.stringify({ type, object })}\n`)
  const show = (type: string, object: StoredObject): void =>
    write(`{"type":"${type}","object":${core.text(kind, object)}}\n`)
  const past = isFresh ? [] : core.store.since(Number(asked), collection)
  if (past === undefined) {
    send('ERROR', failure(410, 'Expired', `too old resource version: ${asked} (${core.store.revision})`).body)
    end()
    return () => {}
  }
  const bookmark = (revision: number, annotations?: object): void => {
    const { apiVersion } = core.shown(kind, { metadata: { name: '' } })
    const metadata = { resourceVersion: String(revision), ...(annotations && { annotations }) }
    send('BOOKMARK', { kind: kind.kind, apiVersion, metadata })
  }
  const tell = (entry: HistoryEntry): void => {
    if (entry.collection !== collection) return
    if (namespace !== undefined && entry.object.metadata.namespace !== namespace) return
    const type = typeFor(entry, query)
    if (type !== undefined) show(type, entry.object)
  }
  for (const entry of past) tell(entry)

  /** Changes that came while the set was told, which is as it was when the watch began. */
  let held: HistoryEntry[] | undefined = []
  let more: Timer | undefined
  const set = isFresh ? core.store.list(collection, namespace).values() : [].values()
  const { revision } = core.store
  const goOn = (): void => {
    for (let told = 0; told < OBJECTS_A_TURN; told++) {
      const { done, value: object } = set.next()
      if (done === true) return setIsTold()
      if (selects(object, query)) show('ADDED', object)
    }
    more = clock.setTimer(0, goOn)
  }
  const setIsTold = (): void => {
    if (query.get('sendInitialEvents') === 'true') bookmark(revision, { 'k8s.io/initial-events-end': 'true' })
    const meanwhile = held ?? []
    held = undefined
    for (const entry of meanwhile) tell(entry)
  }
  const unlisten = core.store.listen(entry => {
    if (held === undefined) tell(entry)
    else held.push(entry)
  })
  goOn()

  const again = (): Timer =>
    clock.setTimer(bookmarkMs, () => {
      if (held === undefined) bookmark(core.store.revision)
      bookmarks = again()
    })
  let bookmarks = query.get('allowWatchBookmarks') === 'true' ? again() : undefined
  const timeout = clock.setTimer(Number(query.get('timeoutSeconds') ?? DEFAULT_SECONDS) * 1_000, end)
  return () => {
    unlisten()
    more?.cancel()
    bookmarks?.cancel()
    timeout.cancel()
  }
}

const DEFAULT_SECONDS = 1_800
/** A set of any size is told over turns of the event loop, so that the first of it arrives before the last is written. */
const OBJECTS_A_TURN = 500

/** Who selects sees an object come and go by whether it matches. */
function typeFor({ type, object, previous }: HistoryEntry, query: URLSearchParams): string | undefined {
  const did = previous !== undefined && selects(previous, query)
  if (type === 'DELETED') return did ? 'DELETED' : undefined
  if (selects(object, query)) return did ? 'MODIFIED' : 'ADDED'
  return did ? 'DELETED' : undefined
}
