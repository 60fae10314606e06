import { failure, type Answer } from './answers.ts'
import type { ApiCore } from './api-core.ts'
import { collectionOf } from './kinds.ts'
import { selects } from './selectors.ts'
import type { Target } from './target.ts'

/** One page of a list, all pages of one snapshot. @param lag as the set was so many changes ago */
export function listPage(core: ApiCore, { kind, namespace }: Target, query: URLSearchParams, lag = 0): Answer {
  const { store } = core
  const asked = Number(query.get('resourceVersion') ?? 0)
  if (asked > store.revision) return tooLarge(asked)
  const [revision, start] = placeOf(query.get('continue')) ?? [Math.max(1, store.revision - lag), 0]
  const set = store.listAt(revision, collectionOf(kind), namespace)
  if (set === undefined)
    return failure(410, 'Expired', 'The provided continue parameter is too old to display a consistent list result.')
  const all = query.has('labelSelector') || query.has('fieldSelector') ? set.filter(it => selects(it, query)) : set
  const limit = Number(query.get('limit') ?? 0)
  const items = limit > 0 ? all.slice(start, start + limit) : all
  const isLast = start + items.length >= all.length
  const metadata = {
    resourceVersion: String(revision),
    ...(!isLast && { continue: `${revision}.${start + items.length}` }),
    ...(!isLast && all === set && { remainingItemCount: all.length - start - items.length }),
  }
  const apiVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`
  const head = JSON.stringify({ kind: `${kind.kind}List`, apiVersion, metadata }).slice(0, -1)
  const json = `${head},"items":[${items.map(object => core.text(kind, object)).join(',')}]}`
  return { status: 200, body: new Json(json) }
}

/** A body that is JSON already. */
export class Json {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

function placeOf(token: string | null): [revision: number, start: number] | undefined {
  if (token === null || token === '') return undefined
  const [, revision, start] = /^(\d+)\.(\d+)$/.exec(token) ?? []
  if (start === undefined) throw new RangeError(`continue key is not valid: ${token}`)
  return [Number(revision), Number(start)]
}

/** Of a list or a watch that asks for what has not happened yet. */
export function tooLarge(asked: number): Answer {
  const causes = [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }]
  return failure(504, 'Timeout', `Too large resource version: ${asked}`, { causes, retryAfterSeconds: 1 })
}
