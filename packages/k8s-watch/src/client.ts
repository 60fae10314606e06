import { asKubeFailure, failureOf, kubeFailure, parse } from './failure.ts'
import { apiVersion, collectionPath, objectPath, type KubeObject, type Resource } from './resource.ts'
import { Semaphore } from './semaphore.ts'
import type { KubeRequest, KubeResponse, KubeTransport } from './transport.ts'

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
}

export function createClient(
  transport: KubeTransport,
  { writesInFlight = 16, mayWrite = () => true }: ClientInit = {},
): KubeClient {
  const writes = new Semaphore(writesInFlight)
  const call = async (request: KubeRequest): Promise<KubeResponse> => {
    const response = await transport.request(request).catch((error: unknown) => {
      throw kubeFailure(asKubeFailure(error))
    })
    if (response.status >= 200 && response.status < 300) return response
    throw kubeFailure(await failureOf(response))
  }
  const read = async <T>(request: KubeRequest): Promise<T> => parse<T>(await (await call(request)).text())
  const write = <T>(request: KubeRequest): Promise<T> =>
    writes.run(() => {
      if (mayWrite()) return read<T>(request)
      throw kubeFailure({ code: 'not-leading', status: 0, message: 'another has the lease' })
    })
  return {
    transport,
    get: (resource, key) => read({ method: 'GET', path: objectPath(resource, key) }),
    list: (resource, options) => listAll(read, resource, options),
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
    patch: (resource, key, body, { type, subresource, fieldManager, force }) =>
      write({
        method: 'PATCH',
        path: objectPath(resource, key, subresource),
        query: { fieldManager, force: type === 'apply' && force === true ? 'true' : undefined },
        headers: { 'content-type': PATCH_TYPES[type] },
        body: JSON.stringify(
          type === 'apply' ? { apiVersion: apiVersion(resource), kind: resource.kind, ...(body as object) } : body,
        ),
      }),
    remove: async (resource, key, preconditions) => {
      const body = preconditions === undefined ? {} : json({ kind: 'DeleteOptions', apiVersion: 'v1', preconditions })
      await write({ method: 'DELETE', path: objectPath(resource, key), ...body }).catch((error: unknown) => {
        if (asKubeFailure(error).code !== 'not-found') throw error
      })
    },
  }
}

/** Items asked for at once: one page decodes in a few milliseconds. */
export const PAGE_SIZE = 500

const PATCH_TYPES = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
} as const

async function listAll<T>(
  read: <R>(request: KubeRequest) => Promise<R>,
  resource: Resource,
  options: ListOptions = {},
): Promise<Page<T>> {
  const { namespace, labelSelector, fieldSelector, signal } = options
  const items: T[] = []
  for (let next: string | undefined = ''; ;) {
    const page: RawList<T> = await read({
      method: 'GET',
      path: collectionPath(resource, namespace),
      query: { limit: String(PAGE_SIZE), labelSelector, fieldSelector, continue: next === '' ? undefined : next },
      ...(signal !== undefined && { signal }),
    })
    for (const item of page.items ?? []) items.push(item)
    next = page.metadata?.continue
    if (next === undefined || next === '') return { items, resourceVersion: page.metadata?.resourceVersion ?? '' }
  }
}

interface RawList<T> {
  readonly items?: readonly T[] | null
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string }
}

function json(body: unknown): Pick<KubeRequest, 'headers' | 'body'> {
  return { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

function keyOf({ metadata: { namespace, name } }: KubeObject): string {
  return namespace === undefined ? name : `${namespace}/${name}`
}
