import { isPathFailure, pathKey, type BfdEvents, type SessionKey } from '@metallb-ts/bfd'
import type { Speaker as BgpSpeaker } from '@metallb-ts/bgp-fsm'
import type { EventBus } from '@metallb-ts/event-bus'
import type { BfdWatch } from '@metallb-ts/policy'

/** What BFD says of paths, passed on to the peers over them. */
export interface Paths {
  /** Replaces all. Of a peer that is not watched any more nothing is known. */
  setWatches(watches: readonly BfdWatch[]): void
}

export function createPaths(bus: Pick<EventBus<BfdEvents>, 'subscribe'>, bgp: Pick<BgpSpeaker, 'setPath'>): Paths {
  const up = new Set<SessionKey>()
  let watched = new Map<string, SessionKey>()

  function peersOver(session: SessionKey): readonly string[] {
    return [...watched].filter(([, key]) => key === session).map(([peer]) => peer)
  }

  bus.subscribe('bfd:up', ({ detail: { session } }) => {
    up.add(session)
    for (const peer of peersOver(session)) bgp.setPath(peer, 'up')
  })
  bus.subscribe('bfd:down', ({ detail: { session, cause } }) => {
    up.delete(session)
    for (const peer of peersOver(session)) bgp.setPath(peer, isPathFailure(cause) ? 'failed' : 'unknown')
  })

  return {
    setWatches: watches => {
      const before = watched
      watched = new Map(watches.map(({ peer, path }) => [peer, pathKey(path)]))
      for (const [peer, key] of before) if (watched.get(peer) !== key) bgp.setPath(peer, 'unknown')
      for (const [peer, key] of watched) if (before.get(peer) !== key && up.has(key)) bgp.setPath(peer, 'up')
    },
  }
}
