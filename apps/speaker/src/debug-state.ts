import type { Speaker as BgpSpeaker } from '@metallb-ts/bgp-fsm'
import { explainSilence } from '@metallb-ts/policy'
import { errorOf, type AnnouncedTracker } from './announced-here.ts'
import type { Drain } from './drain-node.ts'
import type { Lan } from './lan/lan.ts'
import type { ConfigInForce } from './reconcile-config.ts'
import type { Startup } from './startup.ts'

export interface StateParts {
  readonly init: { readonly node: string; readonly hasMembership: boolean }
  readonly members: ReadonlySet<string>
  readonly lan: Lan | undefined
  readonly config: ConfigInForce
  readonly bgp: BgpSpeaker
  readonly announced: AnnouncedTracker
  readonly drain: Drain
  readonly start: Startup
}

/** What is true of this speaker now, for `/debug/state`. */
export function stateOf({ init, members, lan, config, bgp, announced, drain, start }: StateParts): unknown {
  return {
    node: init.node,
    isReady: start.readyAt !== undefined,
    troubles: start.troubles(),
    drain: drain.finding() ?? 'not drained',
    members: init.hasMembership ? [...members].sort() : 'all nodes',
    links: lan?.links() ?? [],
    problems: config.problems,
    peers: [...bgp.peers.values()].map(peer => ({
      peer: peer.init.name,
      state: peer.state,
      prefixes: peer.prefixes,
      counters: peer.counters,
      lastError: errorOf(peer),
    })),
    bfd: lan?.counters().bfd.map(({ peer, session, state, seen }) => ({ peer, session, state, seen })) ?? [],
    services: Object.fromEntries(
      [...announced.entries()].map(([service, { silences, ...now }]) => [
        service,
        { ...now, silences: silences.map(explainSilence) },
      ]),
    ),
  }
}
