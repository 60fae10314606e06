import { kubeFailure, parse, statusFailure, type Flaw, type StatusObject } from './failure.ts'
import type { Failure } from '@metallb-ts/runtime'
import type { KubeFailure } from './failure.ts'
import type { KubeObject } from './resource.ts'

/** One event of a watch. */
export interface WatchEvent<Raw> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'
  readonly object: Raw
  readonly revision: string
}

/** Throws a failure for an ERROR, and for what is no event: that may have been a change, so the set has to be read anew. */
export function readEvent<Raw extends KubeObject>(line: string): WatchEvent<Raw> {
  const { type = '', object } = parse<{ type?: string; object?: Raw & StatusObject } | null>(line) ?? {}
  if (type === 'ERROR') throw kubeFailure(statusFailure(object?.code ?? 500, object ?? {}))
  if (!isKnown(type)) throw flawed('unknown-event', `an event of the type ${JSON.stringify(type)}`)
  if (typeof object !== 'object' || object === null) throw flawed('no-object', 'a watch event without an object')
  const revision = object.metadata?.resourceVersion
  if (type !== 'BOOKMARK') mustHaveMetadata(object)
  if (typeof revision !== 'string') throw flawed('no-metadata', 'a watch event without a version')
  return { type, object, revision }
}

/** Throws a failure for an object that could not be filed: nobody could say which it is. */
export function mustHaveMetadata(object: KubeObject): void {
  const metadata: unknown = (object as Partial<KubeObject> | null)?.metadata
  const { name } = (metadata ?? {}) as { readonly name?: unknown }
  if (typeof name !== 'string' || name === '') throw flawed('no-metadata', 'an object without a name')
}

function isKnown(type: string): type is WatchEvent<unknown>['type'] {
  return type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED' || type === 'BOOKMARK'
}

function flawed(flaw: Flaw, message: string): Failure<KubeFailure> {
  return kubeFailure({ code: 'bad-answer', status: 200, message, flaw })
}
