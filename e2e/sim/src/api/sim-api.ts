import { crds } from '@metallb-ts/api'
import {
  ApiCore,
  discovery,
  Json,
  listPage,
  ObjectStore,
  openWatch,
  type Answer,
  type StoredObject,
  type Target,
} from '@metallb-ts/k8s-watch/testing'
import type { KubeRequest } from '@metallb-ts/k8s-watch'
import type { World } from '../world.ts'

/** What the server says to a request: a status and a body, or lines for as long as somebody listens. */
export interface SimAnswer {
  readonly status: number
  readonly text: string
}

/** One watch as the server has it. */
export interface ServedWatch {
  readonly line: (text: string) => void
  /** The server ends it: in good order, or broken in the middle. */
  readonly end: (why: 'over' | 'broken') => void
}

/** The fake API server of k8s-watch in virtual time: the same objects, rules, lists and watches, without HTTP. */
export class SimApi {
  readonly core: ApiCore
  readonly #world: World
  readonly #watches = new Map<ServedWatch, () => void>()
  readonly #targets = new Map<string, Target | undefined>()
  #names = 0

  constructor(world: World, { historyLimit = 10_000 }: { readonly historyLimit?: number } = {}) {
    this.#world = world
    const { clock } = world
    const newUid = (): string => `uid-${++this.#names}`
    this.core = new ApiCore(new ObjectStore({ historyLimit, now: () => clock.wallTime(), newUid }))
    for (const definition of DEFINITIONS)
      this.core.create(this.target('/apis/apiextensions.k8s.io/v1/customresourcedefinitions')!, definition)
    this.#targets.clear()
  }

  get watches(): number {
    return this.#watches.size
  }

  target(path: string): Target | undefined {
    if (!this.#targets.has(path)) {
      if (this.#targets.size >= MOST_PATHS) this.#targets.clear()
      this.#targets.set(path, this.core.target(path))
    }
    return this.#targets.get(path)
  }

  /** Everything but a watch, done at once. */
  answer({ method, path, query, headers, body }: KubeRequest): SimAnswer {
    const target = this.target(path)
    if (target === undefined) return this.#page(path)
    const { status, body: answered } = this.#do(method, target, searchParams(query), headers, body)
    return { status, text: answered instanceof Json ? answered.text : JSON.stringify(answered) }
  }

  /** Opens a watch; undefined when there is nothing to watch. Returns what ends it without a word. */
  watch({ path, query }: KubeRequest, served: ServedWatch): (() => void) | undefined {
    const target = this.target(path)
    if (target === undefined) return undefined
    const close = openWatch({
      core: this.core,
      target,
      query: searchParams(query),
      bookmarkMs: BOOKMARK_MS,
      clock: this.#world.clock,
      write: text => served.line(text.trimEnd()),
      end: () => this.#end(served, 'over'),
    })
    const forget = (): void => {
      this.#watches.delete(served)
      close()
    }
    this.#watches.set(served, forget)
    return forget
  }

  /** As a server that restarts. */
  cutWatches(): void {
    for (const served of [...this.#watches.keys()]) this.#end(served, 'broken')
  }

  /** What is served, for who asks that first. */
  #page(path: string): SimAnswer {
    const page = discovery(path, this.core.kinds())
    return page === undefined
      ? { status: 404, text: '{"kind":"Status","code":404,"reason":"NotFound"}' }
      : { status: 200, text: JSON.stringify(page) }
  }

  #end(served: ServedWatch, why: 'over' | 'broken'): void {
    this.#watches.get(served)?.()
    served.end(why)
  }

  #do(
    method: KubeRequest['method'],
    target: Target,
    query: URLSearchParams,
    headers: KubeRequest['headers'],
    body: string | undefined,
  ): Answer {
    const object = (): StoredObject => JSON.parse(body ?? '{}') as StoredObject
    const manager = query.get('fieldManager') ?? undefined
    switch (method) {
      case 'GET':
        return target.name === undefined ? listPage(this.core, target, query) : this.core.get(target)
      case 'POST':
        return this.core.create(target, object(), manager)
      case 'PUT':
        return this.core.replace(target, object(), manager)
      case 'DELETE':
        return this.core.delete(target, (object() as { preconditions?: { uid?: string } }).preconditions)
      case 'PATCH': {
        const type = headers?.['content-type'] ?? ''
        if (!type.startsWith('application/apply-patch')) return this.core.patch(target, type, object(), manager)
        const options = { manager: query.get('fieldManager') ?? '', force: query.get('force') === 'true' }
        return this.core.apply(target, object(), options)
      }
    }
  }
}

const DEFINITIONS = crds() as unknown as readonly StoredObject[]
const BOOKMARK_MS = 60_000
const MOST_PATHS = 1_024

function searchParams(query: KubeRequest['query']): URLSearchParams {
  const given = Object.entries(query ?? {}).filter((pair): pair is [string, string] => pair[1] !== undefined)
  return new URLSearchParams(given)
}
