import { parse } from './failure.ts'
import type { KubeObject } from './resource.ts'

/** The object that a write was answered with, for who seldom looks at it: read when it is asked for. */
export interface LateAnswer<T> {
  /** Whether the object has this resourceVersion. */
  isVersion(version: string): boolean
  /** Throws a `Failure` when the answer is no JSON. */
  read(): T
}

export function lateAnswer<T extends KubeObject>(text: string): LateAnswer<T> {
  let object: T | undefined
  const read = (): T => (object ??= parse<T>(text))
  return {
    read,
    isVersion: version =>
      // As the API server writes it. Within a string its quotes would be escaped.
      text.includes(`"resourceVersion":"${version}"`) || read().metadata.resourceVersion === version,
  }
}
