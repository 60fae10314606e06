import { delay, type Clock, type Random } from '@metallb-ts/runtime'
import type { KubeClient, Writable } from './client.ts'
import { isSameJson } from './equal.ts'
import { asKubeFailure, isCode } from './failure.ts'
import { objectKey, type KubeObject, type Resource } from './resource.ts'

export interface ObjectWrite<T extends KubeObject> {
  readonly resource: Resource
  readonly key: string
  readonly subresource?: string
  /** The object as a store has it; read from the server when there is none. */
  readonly known?: T
  /** What the object should be, seen this one; undefined leaves it as it is. Asked again after a conflict. */
  readonly decide: (object: T) => T | undefined
}

/** What became of a write: nothing is written when it is so already, and an object that is gone is no failure. */
export type Written<T> =
  { readonly outcome: 'written'; readonly object: T } | { readonly outcome: 'equal' | 'undecided' | 'gone' }

/** Replaces an object by what was decided from that very object. Rejects with a `Failure` when the server will not. */
export async function writeObject<T extends KubeObject>(
  client: KubeClient,
  { resource, key, subresource, known, decide }: ObjectWrite<T>,
): Promise<Written<T>> {
  try {
    let object = known ?? (await client.get<T>(resource, key))
    for (let tries = 1; ; tries++) {
      const wanted = decide(object)
      if (wanted === undefined) return { outcome: 'undecided' }
      if (isSameJson(object, wanted)) return { outcome: 'equal' }
      try {
        return { outcome: 'written', object: await client.replace<T>(resource, wanted, subresource) }
      } catch (error) {
        if (!isCode(error, 'conflict') || tries >= MOST_TRIES) throw error
        object = await client.get<T>(resource, key)
      }
    }
  } catch (error) {
    if (isCode(error, 'not-found')) return { outcome: 'gone' }
    throw error
  }
}

export interface CreateComponents {
  readonly client: KubeClient
  readonly clock: Clock
  readonly random: Random
}

/**
 * Creates an object, and never two: when an answer is lost the same name is tried again, and what is found under it then
 * is what the lost answer spoke of. With `generateName` the name is chosen here, for the server would choose another each
 * time. Rejects with a `Failure` when the server refuses it, or is out of reach for three tries.
 */
export async function createOnce<T extends KubeObject>(
  { client, clock, random }: CreateComponents,
  resource: Resource,
  object: Writable,
): Promise<T> {
  const { generateName, ...metadata } = object.metadata
  const name = metadata.name ?? `${generateName}${suffix(random)}`
  const named = { ...object, metadata: { ...metadata, name } }
  for (let tries = 1; ; tries++) {
    try {
      return await client.create<T>(resource, named)
    } catch (error) {
      const { code, retryAfterMs = RETRY_MS } = asKubeFailure(error)
      if (code === 'already-exists' && tries > 1) return client.get<T>(resource, objectKey(named))
      if ((code !== 'unreachable' && code !== 'server-error') || tries >= MOST_TRIES_TO_CREATE) throw error
      await delay(clock, retryAfterMs)
    }
  }
}

const MOST_TRIES = 5
const MOST_TRIES_TO_CREATE = 3
const RETRY_MS = 1_000

/** As the API server makes them: five characters that spell no word. */
function suffix(random: Random): string {
  return Array.from({ length: 5 }, () => ALPHABET[Math.floor(random.next() * ALPHABET.length)]).join('')
}

const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789'
