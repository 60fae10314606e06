import type { SourcedRoute } from '@metallb-ts/bgp-fsm'
import { formatAddress } from '@metallb-ts/netip'
import type { Silence } from './silence.ts'

/** One session of this node, as far as it decides whether a router knows a route. */
export interface SessionView {
  readonly peer: string
  /** The router's address, or the interface it is looked for on. */
  readonly router: string
  readonly isEstablished: boolean
  /** Why the last attempt or session ended, a sentence; absent before the first has. */
  readonly lastError?: string
  /** The router was told this prefix. */
  readonly isTold: (prefix: string) => boolean
  /** Why it was not, where the session is established. */
  readonly whyNotTold: (prefix: string) => string | undefined
}

/** What became of routes on the wire. */
export interface RoutesOnTheWire {
  /** Peers that were told at least one of them, sorted. */
  readonly peers: readonly string[]
  readonly silences: readonly Silence[]
}

/** Whom the routes of a Service reached, and for every other session that they are meant for why not. */
export function routesOnTheWire(
  routes: readonly SourcedRoute[],
  sessions: readonly SessionView[],
  node: string,
): RoutesOnTheWire {
  const peers: string[] = []
  const silences: Silence[] = []
  for (const session of sessions) {
    const meant = routes
      .filter(({ peers: named }) => named === undefined || named.includes(session.peer))
      .map(prefixText)
    if (meant.length === 0) continue
    if (meant.some(session.isTold)) peers.push(session.peer)
    else silences.push(silenceOf(session, meant, node))
  }
  return { peers: peers.sort(), silences }
}

/** Canonical text of the prefix. */
export function prefixText({ prefix }: Pick<SourcedRoute, 'prefix'>): string {
  return `${formatAddress(prefix.address)}/${prefix.length}`
}

function silenceOf(session: SessionView, prefixes: readonly string[], node: string): Silence {
  const { peer, router, isEstablished, lastError, whyNotTold } = session
  const common = { protocol: 'bgp' as const, objects: [{ kind: 'BGPPeer', name: peer }] }
  if (!isEstablished) {
    return lastError === undefined
      ? { ...common, code: 'session-starting', facts: { node } }
      : { ...common, code: 'session-down', facts: { node, router, why: lastError } }
  }
  const why = prefixes.map(whyNotTold).find(reason => reason !== undefined)
  return why === undefined
    ? { ...common, code: 'session-starting', facts: { node } }
    : { ...common, code: 'not-told', facts: { node, why } }
}
