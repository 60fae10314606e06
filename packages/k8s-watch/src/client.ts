import type { Clock } from '@metallb-ts/runtime'
import { asKubeFailure, failureOf, isCode, kubeFailure, parse } from './failure.ts'
import { lateAnswer, type LateAnswer } from './late-answer.ts'
import { PageSize, readPage } from './paging.ts'
import { apiVersion, collectionPath, objectPath, type KubeObject, type Resource } from './resource.ts'
import type { KubeRequest, KubeTransport } from './transport.ts'
import { WriteGate } from './write-gate.ts'

export interface ListOptions {
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  readonly signal?: AbortSignal
}

export interface Page<Item> {
  readonly items: readonly Item[]
  readonly resourceVersion: string
}

export interface PatchOptions {
  readonly type: 'merge' | 'json' | 'apply'
  readonly subresource?: string
  /** Who owns the fields; required for apply. */
  readonly fieldManager?: string
  /** Take fields from other owners, for apply. @default false */
  readonly force?: boolean
}

/** The API server's verbs. A call that fails rejects with a `Failure` that carries a KubeFailure. */
export interface KubeClient {
  readonly transport: KubeTransport
  get<T extends KubeObject>(resource: Resource, key: string): Promise<T>
  /** Every object, read in pages. */
  list<T extends KubeObject>(resource: Resource, options?: ListOptions): Promise<Page<T>>
  create<T extends KubeObject>(resource: Resource, object: Writable): Promise<T>
  /** PUT: send the object as it was received, resourceVersion and unknown fields included. */
  replace<T extends KubeObject>(resource: Resource, object: KubeObject, subresource?: string): Promise<T>
  patch<T extends KubeObject>(resource: Resource, key: string, body: unknown, options: PatchOptions): Promise<T>
  /** The same, without reading the answer before somebody asks for it. */
  patchLate<T extends KubeObject>(
    resource: Resource,
    key: string,
    body: unknown,
    options: PatchOptions,
  ): Promise<LateAnswer<T>>
  /** Gone already counts as done. */
  remove(
    resource: Resource,
    key: string,
    preconditions?: { readonly uid?: string; readonly resourceVersion?: string },
  ): Promise<void>
}

/** An object to create: its name may be left to the server. */
export interface Writable {
  readonly metadata: { readonly name?: string; readonly generateName?: string; readonly namespace?: string }
}

export interface ClientInit {
  /** Most writes under way at once. @default 16 */
  readonly writesInFlight?: number
  /** Asked right before each write; false refuses it with `not-leading`. @default always */
  readonly mayWrite?: () => boolean
  /** Waits when the server asks for it (429 with Retry-After), all writes together. @default who called hears of it */
  readonly clock?: Clock
}

export function createClient(
  transport: KubeTransport,
  { writesInFlight = 16, mayWrite = () => true, clock }: ClientInit = {},
): KubeClient {
  const writes = new WriteGate(writesInFlight, clock)
  const readText = async (request: KubeRequest): Promise<string> => {
    try {
      const response = await transport.request(request)
      if (response.status >= 200 && response.status < 300) return await response.text()
      throw kubeFailure(await failureOf(response))
    } catch (error) {
      throw kubeFailure(asKubeFailure(error))
    }
  }
  const read = async <T>(request: KubeRequest): Promise<T> => parse<T>(await readText(request))
  const writeText = (request: KubeRequest): Promise<string> =>
    writes.run(() => {
      if (mayWrite()) return readText(request)
      throw kubeFailure({ code: 'not-leading', status: 0, message: 'another has the lease' })
    })
  const write = async <T>(request: KubeRequest): Promise<T> => parse<T>(await writeText(request))
  return {
    transport,
    get: (resource, key) => read({ method: 'GET', path: objectPath(resource, key) }),
    list: (resource, options) => listAll(readText, resource, options),
    create: (resource, object) =>
      write({
        method: 'POST',
        path: collectionPath(resource, object.metadata.namespace),
        ...json({ apiVersion: apiVersion(resource), kind: resource.kind, ...object }),
      }),
    replace: (resource, object, subresource) =>
      write({
        method: 'PUT',
        path: objectPath(resource, keyOf(object), subresource),
        ...json({ apiVersion: apiVersion(resource), kind: resource.kind, ...object }),
      }),
    patch: (resource, key, body, options) => write(patchRequest(resource, key, body, options)),
    patchLate: async (resource, key, body, options) =>
      lateAnswer(await writeText(patchRequest(resource, key, body, options))),
    remove: async (resource, key, preconditions) => {
      const body = preconditions === undefined ? {} : json({ kind: 'DeleteOptions', apiVersion: 'v1', preconditions })
      await write({ method: 'DELETE', path: objectPath(resource, key), ...body }).catch((error: unknown) => {
        if (asKubeFailure(error).code !== 'not-found') throw error
      })
    },
  }
}

function patchRequest(
  resource: Resource,
  key: string,
  body: unknown,
  { type, subresource, fieldManager, force }: PatchOptions,
): KubeRequest {
  return {
    method: 'PATCH',
    path: objectPath(resource, key, subresource),
    query: { fieldManager, force: type === 'apply' && force === true ? 'true' : undefined },
    headers: { 'content-type': PATCH_TYPES[type] },
    body: JSON.stringify(
      type === 'apply' ? { apiVersion: apiVersion(resource), kind: resource.kind, ...(body as object) } : body,
    ),
  }
}

const PATCH_TYPES = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
} as const

/** One consistent set: when its pages can be had no longer, it is begun anew. */
async function listAll<T>(
  readText: (request: KubeRequest) => Promise<string>,
  resource: Resource,
  options: ListOptions = {},
): Promise<Page<T>> {
  for (let tries = 1; ; tries++) {
    try {
      return await listOnce(readText, resource, options)
    } catch (error) {
      if (!isCode(error, 'gone') || tries >= MOST_LIST_TRIES) throw error
    }
  }
}

const MOST_LIST_TRIES = 3

async function listOnce<T>(
  readText: (request: KubeRequest) => Promise<string>,
  resource: Resource,
  { namespace, labelSelector, fieldSelector, signal }: ListOptions,
): Promise<Page<T>> {
  const items: T[] = []
  const size = new PageSize()
  for (let next: string | undefined; ;) {
    const text = await readText({
      method: 'GET',
      path: collectionPath(resource, namespace),
      query: { limit: String(size.limit), labelSelector, fieldSelector, continue: next },
      ...(signal !== undefined && { signal }),
    })
    const page = readPage<T>(text)
    for (const item of page.items) items.push(item)
    size.learn(page.items.length, text.length)
    next = page.next
    if (next === undefined) return { items, resourceVersion: page.revision }
  }
}

function json(body: unknown): Pick<KubeRequest, 'headers' | 'body'> {
  return { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

function keyOf({ metadata: { namespace, name } }: KubeObject): string {
  return namespace === undefined ? name : `${namespace}/${name}`
}
