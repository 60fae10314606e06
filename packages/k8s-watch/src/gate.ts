import type { Listenable } from './follow.ts'
import type { Informer } from './informer.ts'

/** Calls `open` once, when every one of these has its first whole set: no decision is made from half a picture. */
export function whenSynced(events: Listenable, informers: readonly Informer<unknown>[], open: () => void): void {
  const isOpen = (): boolean => informers.every(({ isSynced }) => isSynced)
  if (isOpen()) return open()
  const unsubscribe = events.subscribe('kube:synced', () => {
    if (!isOpen()) return
    unsubscribe()
    open()
  })
}
