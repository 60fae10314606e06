import type { KubeEvents } from './events.ts'
import type { Informer } from './informer.ts'

export interface Followed<T> {
  readonly key: string
  /** Undefined: it is gone. */
  readonly value: T | undefined
}

/** The part of an event bus that listening needs. */
export interface Listenable {
  subscribe<Name extends keyof KubeEvents>(
    name: Name,
    handler: (event: { readonly detail: KubeEvents[Name] }) => void,
  ): () => void
}

/** Tells everything that is there, once, and then whatever changes: whoever comes late knows as much as who was early. */
export function follow<T>(events: Listenable, informer: Informer<T>, tell: (change: Followed<T>) => void): () => void {
  const told = new Map<string, T>()
  for (const [key, value] of informer.entries()) {
    told.set(key, value)
    tell({ key, value })
  }
  return events.subscribe('kube:changed', ({ detail: { kind, key, initial } }) => {
    if (kind !== informer.resource.kind) return
    const value = informer.get(key)
    // The first set may be in the telling still.
    if (initial && told.get(key) === value) return
    if (!initial) told.clear()
    tell({ key, value })
  })
}
