import {
  createBfd,
  explainSight,
  lastSight,
  pathKey,
  type Bfd,
  type BfdComponents,
  type BfdPath,
  type BfdProfile,
  type SessionHandle,
  type SessionKey,
} from '@metallb-ts/bfd'
import { formatAddress } from '@metallb-ts/netip'
import type { BfdWatch } from '@metallb-ts/policy'
import type { BfdView } from './lan.ts'

/** The BFD sessions of this node's peers, on the thread that nothing else holds up. */
export interface LanBfd {
  /** Replaces all. A profile that changes leaves its session up. */
  setWatches(watches: readonly BfdWatch[]): void
  sessions(): readonly BfdView[]
  /** Tells every peer that it is no failure, for as long as the peer takes to notice. */
  stop(): void
  /** Nothing is watched. */
  readonly isOver: boolean
}

export interface LanBfdInit {
  /** Our kernel passes IPv4 on, and so returns a router's echoes. */
  readonly forwards: () => boolean
  readonly onRefused: (peer: string, detail: string) => void
}

export function createLanBfd(components: BfdComponents, { forwards, onRefused }: LanBfdInit): LanBfd {
  const bfd: Bfd = createBfd(components)
  const held = new Map<string, Held>()

  function watch({ peer, path, profile: wanted }: BfdWatch): void {
    const key = pathKey(path)
    const profile = wanted.echoMode === true && forwards() ? { ...wanted, echoTarget: true } : wanted
    const before = held.get(peer)
    if (before?.key === key) {
      if (JSON.stringify(before.profile) !== JSON.stringify(profile)) before.handle.update(profile)
      held.set(peer, { ...before, profile })
      return
    }
    void before?.handle.close()
    held.delete(peer)
    const opened = bfd.open(path, profile)
    if (opened.ok) held.set(peer, { key, path, profile, handle: opened.value })
    else onRefused(peer, `${opened.error.code}: ${opened.error.detail}`)
  }

  return {
    setWatches: watches => {
      const wanted = new Set(watches.map(({ peer }) => peer))
      for (const [peer, { handle }] of held) {
        if (wanted.has(peer)) continue
        held.delete(peer)
        void handle.close()
      }
      for (const each of watches) watch(each)
    },
    sessions: () =>
      [...held].map(([peer, { handle, key, path }]) => {
        const { state, counters } = handle.session
        const seen = explainSight(lastSight(handle.session))
        return { peer, session: key, remote: formatAddress(path.remote), vrf: path.vrf ?? '', state, seen, counters }
      }),
    stop: () => void bfd.stop(),
    get isOver() {
      return bfd.sessions.size === 0
    },
  }
}

interface Held {
  readonly key: SessionKey
  readonly path: BfdPath
  readonly profile: BfdProfile
  readonly handle: SessionHandle
}
