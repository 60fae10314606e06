import { BGP_SESSION_STATES, type BGPSessionState, type OwnerReference } from '@metallb-ts/api'
import type { Speaker as BgpSpeaker } from '@metallb-ts/bgp-fsm'
import type { EventBus } from '@metallb-ts/event-bus'
import {
  createInformer,
  createWorkQueue,
  DONE,
  isSameJson,
  whenSynced,
  type KubeClient,
  type KubeTransport,
  type Outcome,
} from '@metallb-ts/k8s-watch'
import { sessionStatus, timestamp } from '@metallb-ts/policy'
import type { Clock, Logger, Random } from '@metallb-ts/runtime'
import { errorOf } from './announced-here.ts'
import type { SpeakerEvents } from './events.ts'
import type { BfdView } from './lan/lan.ts'
import { permitted } from './permissions.ts'
import { stableName } from './stable-name.ts'

export interface SessionStateParts {
  readonly client: KubeClient
  readonly transport: KubeTransport
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly events: EventBus<SpeakerEvents>
  readonly bgp: BgpSpeaker
  /** The path to a peer that BFD watches. */
  readonly bfd: (peer: string) => Pick<BfdView, 'state' | 'seen'> | undefined
  readonly owner: () => Promise<readonly OwnerReference[]>
}

export interface SessionStateWriter {
  start(): void
  everything(): void
  stop(): Promise<void>
}

/** Keeps one BGPSessionState per peer of this node. What changes all the time is written from time to time. */
export function createSessionStateWriter(
  parts: SessionStateParts,
  { node, namespace }: { readonly node: string; readonly namespace: string },
): SessionStateWriter {
  const { client, transport, clock, random, logger, events, bgp, bfd, owner } = parts
  const states = createInformer<BGPSessionState>(
    { transport, clock, random, events },
    {
      resource: BGP_SESSION_STATES,
      namespace,
      labelSelector: `metallb.io/node=${node}`,
      indexes: { peer: ({ metadata }) => [metadata.labels?.[PEER_LABEL] ?? ''] },
    },
  )
  const counted = new Map<string, number>()
  const queue = createWorkQueue(
    { clock, random },
    {
      name: 'sessions',
      reconcile: permitted({ clock, logger }, reconcile),
      onOutcome: (peer, outcome: Outcome) => {
        if (outcome.kind === 'retry') logger.debug('session-state-retried', { peer, error: String(outcome.error) })
      },
      backoff: { baseMs: 200, maxMs: 60_000 },
    },
  )

  async function reconcile(peer: string): Promise<Outcome> {
    const label = labelOf(peer)
    const [first, ...twins] = states.by('peer', label)
    const status = stateOf(peer, first)
    for (const object of status === undefined ? states.by('peer', label) : twins)
      await client.remove(BGP_SESSION_STATES, `${namespace}/${object.metadata.name}`)
    if (status === undefined || status === 'undecided') return DONE
    if (isSameJson(first?.status, status)) return DONE
    const wait = onlyCountsDiffer(first?.status, status) ? (counted.get(peer) ?? 0) + COUNT_EVERY_MS - clock.now() : 0
    if (wait > 0) return { kind: 'later', ms: wait }
    counted.set(peer, clock.now())
    const name = first?.metadata.name ?? stableName([node, peer], [node, peer])
    if (first === undefined) {
      const labels = { 'metallb.io/node': node, [PEER_LABEL]: label }
      const metadata = { name, namespace, labels, ownerReferences: await owner() }
      await client.patch(BGP_SESSION_STATES, `${namespace}/${name}`, { metadata, spec: {} }, APPLY)
    }
    const body = { metadata: { name, namespace }, status }
    await client.patch(BGP_SESSION_STATES, `${namespace}/${name}`, body, { ...APPLY, subresource: 'status' })
    return DONE
  }

  /** Undefined: there is no such peer. A session that was not tried yet has nothing to say. */
  function stateOf(name: string, known: BGPSessionState | undefined): Status | 'undecided' | undefined {
    const peer = bgp.peers.get(name)
    if (peer === undefined) return undefined
    const lastError = errorOf(peer)
    if (peer.state !== 'established' && lastError === undefined) return 'undecided'
    const path = bfd(name)
    const status = sessionStatus({
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
    const before = known?.status
    return {
      ...status,
      ...(status.lastError === undefined && before?.lastError !== undefined && { lastError: before.lastError }),
      ...(before?.since !== undefined && before.bgpStatus === status.bgpStatus && { since: before.since }),
    }
  }

  function later(peer: string): void {
    if (!delayed.has(peer)) {
      delayed.add(peer)
      clock.setTimer(SETTLE_MS, () => {
        delayed.delete(peer)
        queue.add(peer)
      })
    }
  }
  const delayed = new Set<string>()

  function everything(): void {
    for (const peer of bgp.peers.keys()) queue.add(peer)
    for (const { metadata, status } of states.list()) {
      if (status?.peer !== undefined) queue.add(status.peer)
      else void client.remove(BGP_SESSION_STATES, `${namespace}/${metadata.name}`).catch(() => {})
    }
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
  events.subscribe('config:applied', () => everything())
  events.subscribe('kube:changed', ({ detail: { kind, change, initial } }) => {
    if (kind === BGP_SESSION_STATES.kind && change === 'deleted' && !initial) everything()
  })

  return {
    start: () => {
      states.start()
      whenSynced(events, [states], () => {
        queue.start()
        everything()
      })
    },
    everything,
    stop: async () => {
      states.stop()
      await queue.stop()
    },
  }
}

type Status = NonNullable<BGPSessionState['status']>

const PEER_LABEL = 'metallb.io/peer'
const SETTLE_MS = 500
/** Of numbers of prefixes: a thousand nodes with two peers are seventy writes a second at the most. */
const COUNT_EVERY_MS = 30_000
const MOST_LABEL = 63
const APPLY = { type: 'apply', fieldManager: 'metallb-speaker', force: true } as const

function onlyCountsDiffer(before: Status | undefined, after: Status): boolean {
  return before !== undefined && isSameJson({ ...before, prefixes: undefined }, { ...after, prefixes: undefined })
}

/** The name of a BGPPeer may be longer than a label. */
function labelOf(peer: string): string {
  return peer.length <= MOST_LABEL ? peer : stableName([peer.slice(0, 40)], [peer]).slice(0, MOST_LABEL)
}
