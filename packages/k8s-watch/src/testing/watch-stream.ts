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
  if (isFresh) {
    for (const object of core.store.list(collection, namespace)) if (selects(object, query)) show('ADDED', object)
  }
  const bookmark = (annotations?: object): void => {
    const { apiVersion } = core.shown(kind, { metadata: { name: '' } })
    const metadata = { resourceVersion: String(core.store.revision), ...(annotations && { annotations }) }
    send('BOOKMARK', { kind: kind.kind, apiVersion, metadata })
  }
  if (query.get('sendInitialEvents') === 'true') bookmark({ 'k8s.io/initial-events-end': 'true' })
  const tell = (entry: HistoryEntry): void => {
    if (entry.collection !== collection) return
    if (namespace !== undefined && entry.object.metadata.namespace !== namespace) return
    const type = typeFor(entry, query)
    if (type !== undefined) show(type, entry.object)
  }
  for (const entry of past) tell(entry)
  const unlisten = core.store.listen(tell)
  const again = (): Timer =>
    clock.setTimer(bookmarkMs, () => {
      bookmark()
      bookmarks = again()
    })
  let bookmarks = query.get('allowWatchBookmarks') === 'true' ? again() : undefined
  const timeout = clock.setTimer(Number(query.get('timeoutSeconds') ?? DEFAULT_SECONDS) * 1_000, end)
  return () => {
    unlisten()
    bookmarks?.cancel()
    timeout.cancel()
  }
}

const DEFAULT_SECONDS = 1_800

/** Who selects sees an object come and go by whether it matches. */
function typeFor({ type, object, previous }: HistoryEntry, query: URLSearchParams): string | undefined {
  const did = previous !== undefined && selects(previous, query)
  if (type === 'DELETED') return did ? 'DELETED' : undefined
  if (selects(object, query)) return did ? 'MODIFIED' : 'ADDED'
  return did ? 'DELETED' : undefined
}
