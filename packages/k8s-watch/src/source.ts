import type { Random } from '@metallb-ts/runtime'
import { failureOf, kubeFailure } from './failure.ts'
import { collectionPath, type KubeObject, type Resource } from './resource.ts'
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

/** Another kind, or version, that tells the same. */
export interface OlderResource<Raw extends KubeObject> {
  readonly resource: Resource
  readonly upgrade: (object: KubeObject) => Raw
}

export interface SourceInit<Raw extends KubeObject> extends Selection {
  readonly resource: Resource
  readonly older?: readonly OlderResource<Raw>[]
  /** An answer, or a watch, without a byte for this long is given up; milliseconds. */
  readonly idleMs: number
}

/** Where a store is read from: the resource, or the first older one that the server serves in its place. */
export class Source<Raw extends KubeObject> {
  readonly #transport: KubeTransport
  readonly #random: Random
  readonly #init: SourceInit<Raw>
  readonly #all: readonly Served<Raw>[]
  #served: Served<Raw>

  constructor(
    { transport, random }: { readonly transport: KubeTransport; readonly random: Random },
    init: SourceInit<Raw>,
  ) {
    this.#transport = transport
    this.#random = random
    this.#init = init
    this.#served = { resource: init.resource }
    this.#all = [this.#served, ...(init.older ?? [])]
  }

  /** An object of what is served, as one of what was asked for. */
  upgrade(raw: Raw): Raw {
    return this.#served.upgrade?.(raw) ?? raw
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
    const first = await this.#askOf(this.#served, query, signal, idleMs)
    if (first.status === 200) return first
    if (first.status !== 404) throw kubeFailure(await failureOf(first))
    for (const other of this.#all.filter(served => served !== this.#served)) {
      const response = await this.#askOf(other, query, signal, idleMs)
      if (response.status === 404) continue
      this.#served = other
      if (response.status !== 200) throw kubeFailure(await failureOf(response))
      if (query?.['resourceVersion'] === undefined) return response
      // Where the watch would go on from is a place in the other's history.
      throw kubeFailure({ code: 'gone', status: 404, message: 'the resource is served in another version now' })
    }
    throw kubeFailure(await failureOf(first))
  }

  #askOf(
    { resource }: Served<Raw>,
    query: KubeRequest['query'],
    signal: AbortSignal,
    idleMs: number | undefined,
  ): Promise<KubeResponse> {
    const { namespace, name, labelSelector, fieldSelector } = this.#init
    const byName = name === undefined ? undefined : `metadata.name=${name}`
    const fields = [byName, fieldSelector].filter(selector => selector !== undefined).join(',')
    return this.#transport.request({
      method: 'GET',
      path: collectionPath(resource, namespace),
      query: { ...query, labelSelector, fieldSelector: fields === '' ? undefined : fields },
      signal,
      ...(idleMs !== undefined && { idleMs }),
    })
  }
}

type Served<Raw extends KubeObject> = Pick<OlderResource<Raw>, 'resource'> & Partial<OlderResource<Raw>>

const MIN_WATCH_SECONDS = 300 // the server ends a watch after five to ten minutes, at random, so that they spread
