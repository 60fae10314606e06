import { failure, type Answer } from './answers.ts'
import { conflictAnswer } from './fields/conflict.ts'
import { applied, updated, type Writer } from './fields/ownership.ts'
import { BUILT_IN_KINDS, collectionOf, kindsOfDefinition, type ServedKind } from './kinds.ts'
import { ObjectStore, type StoredObject, type Written } from './object-store.ts'
import { jsonPatch, mergePatch, type JsonPatchOperation } from './patches.ts'
import { defaultIpMode, ServiceDefaults, withoutChoices } from './service-defaults.ts'
import { pruneAndDefault, schemaProblems } from './structural.ts'
import { byPlace, keyOf, targetOf, type Target } from './target.ts'

export interface AdmittedWrite {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE'
  readonly target: Target
  readonly object: StoredObject | undefined
  readonly oldObject: StoredObject | undefined
}

/** Why not; undefined lets it pass. */
export type AdmissionHook = (write: AdmittedWrite) => string | undefined

/** The API server without its HTTP: kinds, objects, and the rules of writing them. */
export class ApiCore {
  readonly store: ObjectStore
  /** Asked before every write; the first that answers with a message refuses it. */
  readonly admission: AdmissionHook[] = []
  readonly #services = new ServiceDefaults()
  #names = 0

  readonly #texts = new WeakMap<StoredObject, { readonly version: string; readonly text: string }>()
  readonly #builtIn: readonly ServedKind[]
  /** The list is another one when a definition has changed. */
  #served: Served | undefined

  constructor(store: ObjectStore = new ObjectStore(), builtIn: readonly ServedKind[] = BUILT_IN_KINDS) {
    this.store = store
    this.#builtIn = builtIn
  }

  kinds(): readonly ServedKind[] {
    return this.#serves().kinds
  }

  /** The target of a path, or undefined when nothing is served there. */
  target(path: string): Target | undefined {
    return targetOf(path, this.#serves().byPlace)
  }

  #serves(): Served {
    const definitions = this.store.list('customresourcedefinitions.apiextensions.k8s.io')
    if (definitions === this.#served?.definitions) return this.#served
    const kinds = [...this.#builtIn, ...definitions.flatMap(kindsOfDefinition)]
    this.#served = { definitions, kinds, byPlace: byPlace(kinds) }
    return this.#served
  }

  get(target: Target): Answer {
    const object = this.store.get(collectionOf(target.kind), keyOf(target))
    return object === undefined ? notFound(target) : this.#answerOf(target.kind, object, 200)
  }

  /** @param manager who writes, as fields are owned */
  create(target: Target, body: StoredObject, manager: string = UNKNOWN): Answer {
    return this.#create(target, body, manager)
  }

  /** @param manager who updates; undefined when the owners of fields are known already */
  #create(target: Target, body: StoredObject, manager?: string): Answer {
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
    const refused = this.#judged({ operation: 'CREATE', target, object: object.value, oldObject: undefined })
    if (refused !== undefined) return refused
    const owned = this.#owned(target, undefined, object.value, body, manager)
    return this.#answer(
      this.store.create(collectionOf(target.kind), keyOf({ ...target, name: metadata.name }), owned),
      target,
      201,
    )
  }

  replace(target: Target, body: StoredObject, manager: string = UNKNOWN): Answer {
    const before = this.store.get(collectionOf(target.kind), keyOf(target))
    if (before === undefined) return notFound(target)
    return this.#write(target, before, body, manager)
  }

  patch(target: Target, contentType: string, patch: unknown, manager: string = UNKNOWN): Answer {
    const before = this.store.get(collectionOf(target.kind), keyOf(target))
    if (before === undefined) return notFound(target)
    const version = (patch as { metadata?: { resourceVersion?: string } }).metadata?.resourceVersion
    if (version !== undefined && version !== before.metadata.resourceVersion) {
      return failure(409, 'Conflict', 'the object has been modified')
    }
    try {
      return this.#write(target, before, patched(before, contentType, patch) as StoredObject, manager)
    } catch (error) {
      return failure(422, 'Invalid', String(error))
    }
  }

  /** Server-side apply: creates what is not there, but never by its status. */
  apply(
    target: Target,
    config: StoredObject,
    { manager, force }: { readonly manager: string; readonly force: boolean },
  ): Answer {
    if (manager === '') return failure(422, 'Invalid', NO_MANAGER)
    const before = this.store.get(collectionOf(target.kind), keyOf(target))
    if (before === undefined && target.subresource !== undefined) return notFound(target)
    const result = applied(target.kind, before, config, { ...this.#writer(target, manager), force })
    if (!result.ok) return conflictAnswer(result.conflicts)
    if (before !== undefined) return this.#write(target, before, result.object)
    const { name, ...collection } = target
    return this.#create(collection, { ...result.object, metadata: { ...result.object.metadata, name: name! } })
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
    const refused = this.#judged({ operation: 'DELETE', target, object: undefined, oldObject: before })
    if (refused !== undefined) return refused
    if (!hasFinalizers(before)) return this.#answerOf(target.kind, this.store.delete(collection, keyOf(target))!, 200)
    // It stays until whoever put the finalizers there has taken them off.
    const deletionTimestamp = before.metadata['deletionTimestamp'] ?? this.store.time
    const metadata = { ...before.metadata, deletionTimestamp, deletionGracePeriodSeconds: 0 }
    return this.#answer(this.store.replace(collection, keyOf(target), { ...before, metadata }), target, 200)
  }

  /** An object in the version that was asked for. */
  shown({ group, version, kind }: ServedKind, object: StoredObject): StoredObject {
    return { ...object, apiVersion: group === '' ? version : `${group}/${version}`, kind }
  }

  /** The same as text, made once for all who read it. */
  text(kind: ServedKind, object: StoredObject): string {
    const known = this.#texts.get(object)
    if (known?.version === kind.version) return known.text
    const text = JSON.stringify(this.shown(kind, object))
    this.#texts.set(object, { version: kind.version, text })
    return text
  }

  /** @param manager who updates; undefined when the owners of fields are known already */
  #write(target: Target, before: StoredObject, body: StoredObject, manager?: string): Answer {
    const { kind, subresource } = target
    const metadata: StoredObject['metadata'] = {
      ...body.metadata,
      name: before.metadata.name,
      ...(before.metadata['deletionTimestamp'] !== undefined && {
        deletionTimestamp: before.metadata['deletionTimestamp'],
        deletionGracePeriodSeconds: before.metadata['deletionGracePeriodSeconds'],
      }),
      ...(before.metadata.namespace !== undefined && { namespace: before.metadata.namespace }),
    }
    // Status has its own path. A Service's metadata may come by either, and nothing else does.
    const merged =
      subresource === 'status'
        ? {
            ...before,
            metadata: isCore(kind)
              ? metadata
              : {
                  ...before.metadata,
                  ...(metadata['managedFields'] !== undefined && { managedFields: metadata['managedFields'] }),
                  ...(metadata.resourceVersion !== undefined && { resourceVersion: metadata.resourceVersion }),
                },
            status: body['status'],
          }
        : kind.hasStatus
          ? { ...body, metadata, status: before['status'] }
          : { ...body, metadata }
    const admitted = this.#admitted(kind, merged as StoredObject, subresource)
    if ('problems' in admitted) return invalid(kind, before.metadata.name, admitted.problems)
    const refused = this.#judged({ operation: 'UPDATE', target, object: admitted.value, oldObject: before })
    if (refused !== undefined) return refused
    const object = this.#owned(target, before, admitted.value, body, manager)
    const isGoing = before.metadata['deletionTimestamp'] !== undefined
    const written =
      isGoing && !hasFinalizers(object)
        ? this.store.finish(collectionOf(kind), keyOf(target), object)
        : this.store.replace(collectionOf(kind), keyOf(target), object)
    return this.#answer(written, target, 200)
  }

  /** The object with the owners of its fields. What the server chose itself is nobody's. */
  #owned(
    target: Target,
    before: StoredObject | undefined,
    object: StoredObject,
    sent: StoredObject,
    manager: string | undefined,
  ): StoredObject {
    if (manager === undefined) return object
    const hasChoices = target.kind.kind === 'Service' && target.subresource === undefined
    const written = hasChoices ? withoutChoices(object, sent) : object
    const { metadata } = updated(target.kind, before, written, sent, this.#writer(target, manager))
    return { ...object, metadata }
  }

  #writer({ subresource }: Target, manager: string): Writer {
    return { manager, time: this.store.time, ...(subresource !== undefined && { subresource }) }
  }

  #admitted(
    kind: ServedKind,
    object: StoredObject,
    subresource?: string,
  ): { value: StoredObject } | { problems: readonly string[] } {
    if (kind.kind === 'Service')
      return { value: defaultIpMode(subresource === 'status' ? object : this.#services.apply(object)) }
    if (kind.schema === undefined) return { value: object }
    const value = pruneAndDefault(object, kind.schema) as StoredObject
    const problems = schemaProblems(value, kind.schema)
    return problems.length > 0 ? { problems } : { value }
  }

  /** What stands in the way of a write. */
  #judged(write: AdmittedWrite): Answer | undefined {
    for (const hook of this.admission) {
      const message = hook(write)
      if (message !== undefined) return failure(403, 'Forbidden', message)
    }
    return undefined
  }

  #answer(written: Written, { kind }: Target, status: number): Answer {
    return written.ok
      ? this.#answerOf(kind, written.object, status)
      : failure(written.code, written.reason, written.message)
  }

  #answerOf(kind: ServedKind, object: StoredObject, status: number): Answer {
    return { status, body: this.shown(kind, object), text: () => this.text(kind, object) }
  }
}

interface Served {
  readonly definitions: readonly StoredObject[]
  readonly kinds: readonly ServedKind[]
  readonly byPlace: ReadonlyMap<string, ServedKind>
}

/** Whoever says nothing of itself. */
const UNKNOWN = 'unknown'
const NO_MANAGER = 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'

function patched(before: StoredObject, contentType: string, patch: unknown): unknown {
  if (contentType.startsWith('application/json-patch')) return jsonPatch(before, patch as JsonPatchOperation[])
  return mergePatch(before, patch)
}

function hasFinalizers({ metadata }: StoredObject): boolean {
  return ((metadata['finalizers'] as readonly string[] | undefined) ?? []).length > 0
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
