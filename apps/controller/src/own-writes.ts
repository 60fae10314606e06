import type { KubeObject } from '@metallb-ts/api'
import type { LateAnswer } from '@metallb-ts/k8s-watch'

/**
 * What we wrote and the watch has not brought back yet. Whoever decides reads through here, so that a decision made
 * right after a write does not see the object as it was before.
 */
export class OwnWrites<Resource extends KubeObject> {
  readonly #written = new Map<string, { readonly over: string | undefined; readonly answer: LateAnswer<Resource> }>()

  /** @param over the object that the write was based on */
  remember(key: string, over: Resource, answer: LateAnswer<Resource>): void {
    this.#written.set(key, { over: over.metadata.resourceVersion, answer })
  }

  /** Whether the store's object is the very one that our write made: the watch has brought it back. */
  isEcho(key: string, stored: Resource | undefined): boolean {
    const version = stored?.metadata.resourceVersion
    return version !== undefined && this.#written.get(key)?.answer.isVersion(version) === true
  }

  /** It has come back. */
  forget(key: string): void {
    this.#written.delete(key)
  }

  /** The store's object, or ours where the store still has the one that we wrote over. */
  latest(key: string, stored: Resource | undefined): Resource | undefined {
    const written = this.#written.get(key)
    if (written === undefined) return stored
    if (stored !== undefined && stored.metadata.resourceVersion === written.over) return written.answer.read()
    this.#written.delete(key)
    return stored
  }
}
