import { BUILT_IN_KINDS, collectionOf, kindsOfDefinition, type ServedKind } from './kinds.ts'
import { ObjectStore, type HistoryEntry, type StoredObject, type Written } from './object-store.ts'
import { applyPatch, jsonPatch, mergePatch, type JsonPatchOperation } from './patches.ts'
import { defaultIpMode, ServiceDefaults } from './service-defaults.ts'
import { pruneAndDefault, schemaProblems } from './structural.ts'

/** What the path of a request speaks of. */
export interface Target {
  readonly kind: ServedKind
  readonly namespace?: string
  readonly name?: string
  readonly subresource?: string
}

export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** The API server without its HTTP: kinds, objects, and the rules of writing them. */
export class ApiCore {
  readonly store: ObjectStore
  readonly #services = new ServiceDefaults()
  #names = 0

  constructor(store: ObjectStore = new ObjectStore()) {
    this.store = store
  }

  kinds(): readonly ServedKind[] {
    return [
      ...BUILT_IN_KINDS,
      ...this.store.list('customresourcedefinitions.apiextensions.k8s.io').flatMap(kindsOfDefinition),
    ]
  }

  /** The target of a path, or undefined when nothing is served there. */
  target(path: string): Target | undefined {
    const parts = path
      .split('/')
      .filter(part => part !== '')
      .map(decodeURIComponent)
    const isCore = parts[0] === 'api'
    if (!isCore && parts[0] !== 'apis') return undefined
    const [group, version] = isCore ? ['', parts[1]] : [parts[1], parts[2]]
    let rest = parts.slice(isCore ? 2 : 3)
    let namespace: string | undefined
    if (rest[0] === 'namespaces' && rest.length > 2) [namespace, rest] = [rest[1], rest.slice(2)]
    const kind = this.kinds().find(
      served => served.group === group && served.version === version && served.plural === rest[0],
    )
    if (kind === undefined || rest.length > 3) return undefined
    return {
      kind,
      ...(namespace !== undefined && { namespace }),
      ...(rest[1] !== undefined && { name: rest[1] }),
      ...(rest[2] !== undefined && { subresource: rest[2] }),
    }
  }

  get(target: Target): Answer {
    const object = this.store.get(collectionOf(target.kind), keyOf(target))
    return object === undefined ? notFound(target) : { status: 200, body: this.shown(target.kind, object) }
  }

  create(target: Target, body: StoredObject): Answer {
    const metadata = { ...body.metadata }
    if (target.namespace !== undefined) metadata.namespace = target.namespace
    if (metadata.name === undefined && typeof metadata['generateName'] === 'string') {
      metadata.name = `${metadata['generateName']}${(++this.#names).toString(36).padStart(5, '0')}`
    }
    if (typeof metadata.name !== 'string' || metadata.name === '')
      return failure(422, 'Invalid', 'metadata.name: Required value')
    delete metadata.resourceVersion
    const { status: _ignored, ...withoutStatus } = body
    const kept = target.kind.hasStatus && !isCore(target.kind) ? withoutStatus : body
    const object = this.#admitted(target.kind, { ...kept, metadata } as StoredObject)
    if ('problems' in object) return invalid(target.kind, metadata.name, object.problems)
    return this.#answer(
      this.store.create(collectionOf(target.kind), keyOf({ ...target, name: metadata.name }), object.value),
      target,
      201,
    )
  }

  replace(target: Target, body: StoredObject): Answer {
    const before = this.store.get(collectionOf(target.kind), keyOf(target))
    if (before === undefined) return notFound(target)
    return this.#write(target, before, body)
  }

  patch(target: Target, contentType: string, patch: unknown): Answer {
    const before = this.store.get(collectionOf(target.kind), keyOf(target))
    if (before === undefined) {
      if (!contentType.startsWith('application/apply-patch')) return notFound(target)
      const { name: _name, ...collection } = target
      return this.create(collection, {
        ...(patch as StoredObject),
        metadata: { ...(patch as StoredObject).metadata, name: target.name! },
      })
    }
    const version = (patch as { metadata?: { resourceVersion?: string } }).metadata?.resourceVersion
    if (version !== undefined && version !== before.metadata.resourceVersion) {
      return failure(409, 'Conflict', 'the object has been modified')
    }
    try {
      return this.#write(target, before, { ...(patched(before, contentType, patch) as StoredObject) })
    } catch (error) {
      return failure(422, 'Invalid', String(error))
    }
  }

  delete(target: Target, preconditions?: { uid?: string; resourceVersion?: string }): Answer {
    const collection = collectionOf(target.kind)
    const before = this.store.get(collection, keyOf(target))
    if (before === undefined) return notFound(target)
    for (const field of ['uid', 'resourceVersion'] as const) {
      if (preconditions?.[field] !== undefined && preconditions[field] !== before.metadata[field]) {
        return failure(409, 'Conflict', `the precondition on ${field} does not hold`)
      }
    }
    return { status: 200, body: this.shown(target.kind, this.store.delete(collection, keyOf(target))!) }
  }

  /** An object in the version that was asked for. */
  shown({ group, version, kind }: ServedKind, object: StoredObject): StoredObject {
    return { ...object, apiVersion: group === '' ? version : `${group}/${version}`, kind }
  }

  #write(target: Target, before: StoredObject, body: StoredObject): Answer {
    const { kind, subresource } = target
    const metadata = {
      ...body.metadata,
      name: before.metadata.name,
      ...(before.metadata.namespace !== undefined && { namespace: before.metadata.namespace }),
    }
    // Status has its own path. A Service's metadata may come by either, and nothing else does.
    const merged =
      subresource === 'status'
        ? {
            ...before,
            metadata: isCore(kind) ? metadata : { ...before.metadata, resourceVersion: metadata.resourceVersion! },
            status: body['status'],
          }
        : kind.hasStatus
          ? { ...body, metadata, status: before['status'] }
          : { ...body, metadata }
    const object = this.#admitted(kind, merged as StoredObject)
    if ('problems' in object) return invalid(kind, before.metadata.name, object.problems)
    return this.#answer(this.store.replace(collectionOf(kind), keyOf(target), object.value), target, 200)
  }

  #admitted(kind: ServedKind, object: StoredObject): { value: StoredObject } | { problems: readonly string[] } {
    if (kind.kind === 'Service') return { value: defaultIpMode(this.#services.apply(object)) }
    if (kind.schema === undefined) return { value: object }
    const value = pruneAndDefault(object, kind.schema) as StoredObject
    const problems = schemaProblems(value, kind.schema)
    return problems.length > 0 ? { problems } : { value }
  }

  #answer(written: Written, { kind }: Target, status: number): Answer {
    return written.ok
      ? { status, body: this.shown(kind, written.object) }
      : failure(written.code, written.reason, written.message)
  }
}

export function failure(code: number, reason: string, message: string, details?: object): Answer {
  return {
    status: code,
    body: {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      code,
      reason,
      message,
      ...(details !== undefined && { details }),
    },
  }
}

/** Whether the labels of an object satisfy `a=b,c!=d,e,!f`. */
export function matchesLabels(object: StoredObject, selector: string | null): boolean {
  if (selector === null || selector === '') return true
  const labels = (object.metadata['labels'] ?? {}) as Record<string, string>
  return selector.split(',').every(term => {
    const [, key = '', operator, value] = /^([^!=\s]+)\s*(==|=|!=)\s*(.*)$/.exec(term.trim()) ?? []
    if (operator === undefined)
      return term.startsWith('!') ? labels[term.slice(1)] === undefined : labels[term.trim()] !== undefined
    return operator === '!=' ? labels[key] !== value : labels[key] === value
  })
}

/** `metadata.name`, `metadata.namespace` and any other path of plain fields. */
export function matchesFields(object: StoredObject, selector: string | null): boolean {
  if (selector === null || selector === '') return true
  return selector.split(',').every(term => {
    const [path = '', value = ''] = term.split(/==?/)
    const found = path
      .split('.')
      .reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], object)
    return String(found ?? '') === value
  })
}

export type { HistoryEntry, StoredObject }

function patched(before: StoredObject, contentType: string, patch: unknown): unknown {
  if (contentType.startsWith('application/json-patch')) return jsonPatch(before, patch as JsonPatchOperation[])
  if (contentType.startsWith('application/apply-patch')) return applyPatch(before, patch)
  return mergePatch(before, patch)
}

function keyOf({ namespace, name = '' }: Pick<Target, 'namespace' | 'name'>): string {
  return namespace === undefined ? name : `${namespace}/${name}`
}

function isCore({ group }: ServedKind): boolean {
  return group === ''
}

function notFound({ kind, name = '' }: Target): Answer {
  return failure(404, 'NotFound', `${collectionOf(kind)} "${name}" not found`)
}

function invalid({ kind }: ServedKind, name: string, problems: readonly string[]): Answer {
  return failure(422, 'Invalid', `${kind} "${name}" is invalid: ${problems.join(', ')}`)
}
