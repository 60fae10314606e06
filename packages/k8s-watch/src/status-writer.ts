import { isSameJson } from './equal.ts'
import type { KubeClient } from './client.ts'
import { asKubeFailure, isCode } from './failure.ts'
import type { KubeObject, Resource } from './resource.ts'

export interface StatusWrite<T extends KubeObject, Status> {
  readonly resource: Resource
  readonly key: string
  /** The object as a store has it; read from the server when there is none. */
  readonly known?: T
  /** What the status should be, seen this object; undefined leaves it as it is. Asked again after a conflict. */
  readonly decide: (object: T) => Status | undefined
}

/** What became of a status: nothing is written when it is so already, and an object that is gone is no failure. */
export type StatusWritten<T> =
  { readonly outcome: 'written'; readonly object: T } | { readonly outcome: 'equal' | 'undecided' | 'gone' }

/** Writes a status that was decided from the very object that it is written to. Rejects with a `Failure` when the server will not. */
export async function writeStatus<T extends KubeObject & { readonly status?: unknown }, Status>(
  client: KubeClient,
  { resource, key, known, decide }: StatusWrite<T, Status>,
): Promise<StatusWritten<T>> {
  try {
    let object = known ?? (await client.get<T>(resource, key))
    for (let tries = 1; ; tries++) {
      const status = decide(object)
      if (status === undefined) return { outcome: 'undecided' }
      if (isSameJson(object.status, status)) return { outcome: 'equal' }
      try {
        return { outcome: 'written', object: await client.replace<T>(resource, { ...object, status }, 'status') }
      } catch (error) {
        if (!isCode(error, 'conflict') || tries >= MOST_TRIES) throw error
        object = await client.get<T>(resource, key)
      }
    }
  } catch (error) {
    if (asKubeFailure(error).code === 'not-found') return { outcome: 'gone' }
    throw error
  }
}

const MOST_TRIES = 5
