import { BGP_SESSION_STATES, type BGPSessionState } from '@metallb-ts/api'
import type { Speaker as BgpSpeaker } from '@metallb-ts/bgp-fsm'
import { isSameJson } from '@metallb-ts/k8s-watch'
import { sessionStatus, timestamp } from '@metallb-ts/policy'
import { errorOf } from './announced-here.ts'
import type { BfdView } from './lan/lan.ts'
import { createOwnObjects, type OwnObjectParts, type Wanted } from './own-objects.ts'
import { stableName } from './stable-name.ts'

export interface SessionStateParts extends OwnObjectParts {
  readonly bgp: BgpSpeaker
  /** The path to a peer that BFD watches. */
  readonly bfd: (peer: string) => Pick<BfdView, 'state' | 'seen'> | undefined
}

export interface SessionStateWriter {
  start(): void
  stop(): Promise<void>
}

/** Keeps one BGPSessionState per peer of this node. What changes all the time is written from time to time. */
export function createSessionStateWriter(
  parts: SessionStateParts,
  { node, namespace }: { readonly node: string; readonly namespace: string },
): SessionStateWriter {
  const { clock, events, bgp, bfd } = parts
  const startedAt = clock.now()
  const counted = new Map<string, number>()
  const delayed = new Set<string>()
  const objects = createOwnObjects<BGPSessionState>(parts, {
    name: 'session-states',
    namespace,
    kinds: [
      {
        resource: BGP_SESSION_STATES,
        selection: { labelSelector: `${NODE_LABEL}=${node}` },
        keyOf: ({ status }) => status?.peer,
        nameOf: peer => stableName([node, peer], [node, peer]),
        labelsOf: peer => ({ [NODE_LABEL]: node, [PEER_LABEL]: labelOf(peer) }),
        wanted,
        onWritten: peer => void counted.set(peer, clock.now()),
      },
    ],
    onSynced: everything,
  })

  function wanted(name: string, before: Status | undefined): Wanted<Status> {
    const peer = bgp.peers.get(name)
    if (peer === undefined) return 'nothing'
    const lastError = errorOf(peer)
    if (peer.state !== 'established' && lastError === undefined) return 'undecided' // it was not tried yet
    const path = bfd(name)
    const now = sessionStatus({
      node,
      peer: name,
      address: peer.remote,
      ...(peer.init.interface !== undefined && { interface: peer.init.interface }),
      ...(peer.init.device !== undefined && { vrf: peer.init.device }),
      state: peer.state,
      since: timestamp(clock.wallTime()),
      lastError: peer.remote === undefined && peer.state === 'established' ? undefined : lastError,
      negotiated: peer.negotiated,
      prefixes: peer.prefixes,
      heldBack: [...new Set(peer.pending().map(({ reason }) => reason))],
      ...(path !== undefined && { bfd: path }),
    })
    const status = {
      ...now,
      ...(now.lastError === undefined && before?.lastError !== undefined && { lastError: before.lastError }),
      ...(before?.since !== undefined && before.bgpStatus === now.bgpStatus && { since: before.since }),
    }
    const laterMs = (counted.get(name) ?? startedAt) + COUNT_EVERY_MS - clock.now()
    return laterMs > 0 && onlyCountsDiffer(before, status) ? { laterMs } : { status }
  }

  function later(peer: string): void {
    if (delayed.has(peer)) return
    delayed.add(peer)
    clock.setTimer(SETTLE_MS, () => {
      delayed.delete(peer)
      objects.add(peer)
    })
  }

  function everything(): void {
    for (const peer of bgp.peers.keys()) objects.add(peer)
    objects.addKnown()
  }

  for (const name of [
    'bgp:established',
    'bgp:closed',
    'bgp:attempt-failed',
    'bgp:advertised',
    'bgp:withdrawn',
  ] as const)
    events.subscribe(name, ({ detail: { peer } }) => later(peer))
  for (const name of ['bfd:state-changed', 'bfd:closed'] as const)
    events.subscribe(name, () => {
      for (const peer of bgp.peers.keys()) later(peer)
    })
  events.subscribe('config:applied', everything)

  return { start: () => objects.start(), stop: () => objects.stop() }
}

type Status = NonNullable<BGPSessionState['status']>

const NODE_LABEL = 'metallb.io/node'
const PEER_LABEL = 'metallb.io/peer'
const SETTLE_MS = 500
/**
 * Of numbers of prefixes, which a restart brings back to what they were: a thousand nodes with two peers are seventy writes
 * a second at the most.
 */
const COUNT_EVERY_MS = 30_000
const MOST_LABEL = 63

function onlyCountsDiffer(before: Status | undefined, after: Status): boolean {
  if (before === undefined || isSameJson(before, after)) return false
  return isSameJson({ ...before, prefixes: undefined }, { ...after, prefixes: undefined })
}

/** The name of a BGPPeer may be longer than a label. */
function labelOf(peer: string): string {
  return peer.length <= MOST_LABEL ? peer : stableName([peer.slice(0, 40)], [peer]).slice(0, MOST_LABEL)
}
