import type { KubeClient } from './client.ts'
import { writeObject, type Written } from './object-writer.ts'
import type { KubeObject, Resource } from './resource.ts'

export interface StatusWrite<T extends KubeObject, Status> {
  readonly resource: Resource
  readonly key: string
  /** The object as a store has it; read from the server when there is none. */
  readonly known?: T
  /** What the status should be, seen this object; undefined leaves it as it is. Asked again after a conflict. */
  readonly decide: (object: T) => Status | undefined
}

/** Writes a status that was decided from the very object that it is written to. Rejects with a `Failure` when the server will not. */
export function writeStatus<T extends KubeObject & { readonly status?: unknown }, Status>(
  client: KubeClient,
  { decide, ...write }: StatusWrite<T, Status>,
): Promise<Written<T>> {
  const withStatus = (object: T): T | undefined => {
    const status = decide(object)
    return status === undefined ? undefined : { ...object, status }
  }
  return writeObject<T>(client, { ...write, subresource: 'status', decide: withStatus })
}
