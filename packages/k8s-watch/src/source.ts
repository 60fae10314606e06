import type { Random } from '@metallb-ts/runtime'
import { failureOf, kubeFailure, type KubeFailure } from './failure.ts'
import type { Unread } from './members.ts'
import { Reachability } from './reachability.ts'
import { collectionPath, type KubeObject, type Resource } from './resource.ts'
import { ServedChoice, type OlderResource, type Served } from './served-choice.ts'
import type { KubeRequest, KubeResponse, KubeTransport } from './transport.ts'

/** What is read of a resource. */
export interface Selection {
  /** One namespace only. @default all */
  readonly namespace?: string
  /** One object only: the right to read it by name is enough. */
  readonly name?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
}

export interface SourceInit<Raw extends KubeObject> extends Selection {
  readonly resource: Resource
  readonly older?: readonly OlderResource<Raw>[]
  /** Of each object of the resource. */
  readonly unread?: Unread
  /** An answer, or a watch, without a byte for this long is given up; milliseconds. */
  readonly idleMs: number
  /** Another resource is read from here on: its versions have nothing to do with those that came before. */
  readonly onOther: () => void
}

/** Where a store is read from: the resource, or the newest of the older ones that the server serves in its place. */
export class Source<Raw extends KubeObject> {
  readonly #transport: KubeTransport
  readonly #random: Random
  readonly #init: SourceInit<Raw>
  readonly #choice: ServedChoice<Raw>

  constructor(
    { transport, random }: { readonly transport: KubeTransport; readonly random: Random },
    init: SourceInit<Raw>,
  ) {
    this.#transport = transport
    this.#random = random
    this.#init = init
    this.#choice = new ServedChoice(transport, init.resource, init.older)
  }

  /** An object of what is served, as one of what was asked for. */
  upgrade(raw: Raw): Raw {
    return this.#choice.chosen?.upgrade?.(raw) ?? raw
  }

  /** One page of the set, as text. Rejects with a `Failure` for any other answer. */
  async page(limit: number, next: string | undefined, signal: AbortSignal): Promise<string> {
    const response = await this.#ask({ limit: String(limit), continue: next }, signal)
    return response.text()
  }

  /** A watch that the server took. Rejects with a `Failure` when it did not. */
  watch(query: KubeRequest['query'], signal: AbortSignal): Promise<KubeResponse> {
    const timeoutSeconds = String(Math.round(MIN_WATCH_SECONDS * (1 + this.#random.next())))
    const watch = { watch: '1', allowWatchBookmarks: 'true', timeoutSeconds, ...query }
    return this.#ask(watch, signal, this.#init.idleMs)
  }

  async #ask(query: KubeRequest['query'], signal: AbortSignal, idleMs?: number): Promise<KubeResponse> {
    const isResumed = query?.['resourceVersion'] !== undefined
    const served = await this.#choose(query?.['continue'] !== undefined, isResumed, signal)
    const response = await this.#askOf(served, query, signal, idleMs)
    if (response.status === 200) return response
    const failure = await failureOf(response)
    const mayBeOther = response.status === 404 && this.#choice.missed()
    throw kubeFailure(mayBeOther && isResumed ? servedOtherwise(failure.message) : failure)
  }

  /** The pages of one set are of one resource. */
  async #choose(isNextPage: boolean, isResumed: boolean, signal: AbortSignal): Promise<Served<Raw>> {
    const before = this.#choice.chosen
    if (isNextPage && before !== undefined) return before
    const served = await this.#choice.choose(signal)
    if (before === undefined || served === before) return served
    this.#init.onOther()
    // Where the watch would go on from is a place in the other's history.
    if (isResumed) throw kubeFailure(servedOtherwise(`the server has ${collectionPath(served.resource)} now`))
    return served
  }

  async #askOf(
    { resource }: Served<Raw>,
    query: KubeRequest['query'],
    signal: AbortSignal,
    idleMs: number | undefined,
  ): Promise<KubeResponse> {
    const { namespace, name, labelSelector, fieldSelector, unread } = this.#init
    const byName = name === undefined ? undefined : `metadata.name=${name}`
    const fields = [byName, fieldSelector].filter(selector => selector !== undefined).join(',')
    const request: KubeRequest = {
      method: 'GET',
      path: collectionPath(resource, namespace),
      query: { ...query, labelSelector, fieldSelector: fields === '' ? undefined : fields },
      signal,
      ...(unread !== undefined && resource === this.#init.resource && { unread: { object: unread } }),
      ...(idleMs !== undefined && { idleMs }),
    }
    const reachability = Reachability.of(this.#transport)
    try {
      const response = await this.#transport.request(request)
      reachability.answered()
      return response
    } catch (error) {
      if (!signal.aborted) reachability.lost()
      throw error
    }
  }
}

function servedOtherwise(message: string): KubeFailure {
  return { code: 'gone', status: 404, message }
}

const MIN_WATCH_SECONDS = 300 // the server ends a watch after five to ten minutes, at random, so that they spread
