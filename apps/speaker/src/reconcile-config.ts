import type { Publisher } from '@metallb-ts/event-bus'
import type { Speaker } from '@metallb-ts/bgp-fsm'
import {
  EMPTY_CONFIG,
  nodeFacts,
  nodePeers,
  readConfig,
  type Config,
  type ConfigProblem,
  type ConfigResources,
  type NodeFacts,
} from '@metallb-ts/policy'
import type { ConfigEvents } from './events.ts'

export interface ConfigParts {
  readonly resources: () => ConfigResources
  readonly bgp: Speaker
  readonly events: Publisher<ConfigEvents>
  /** Routes are told as about to go. */
  readonly isDraining: () => boolean
}

/** The configuration in force, and the nodes as decisions read them. */
export interface ConfigInForce {
  readonly config: Config
  readonly nodes: ReadonlyMap<string, NodeFacts>
  readonly problems: readonly ConfigProblem[]
  /** It was read at least once. */
  readonly isRead: boolean
  /** Reads everything anew, and gives the BGP speaker the peers of this node. */
  reconcile(): void
}

export function createConfigReconciler(
  { resources, bgp, events, isDraining }: ConfigParts,
  { node }: { readonly node: string },
): ConfigInForce {
  let config: Config = EMPTY_CONFIG
  let nodes: ReadonlyMap<string, NodeFacts> = new Map()
  let problems: readonly ConfigProblem[] = []
  let refused: ReadonlySet<string> = new Set()
  let isRead = false

  function applyPeers(here: NodeFacts | undefined): void {
    const { peers, refusals } = here === undefined ? { peers: [], refusals: [] } : nodePeers(config, here, isDraining())
    const wanted = new Set(peers.map(({ name }) => name))
    for (const name of [...bgp.peers.keys()]) if (!wanted.has(name)) void bgp.removePeer(name)
    for (const peer of peers) {
      if (bgp.peers.has(peer.name)) bgp.updatePeer(peer.name, peer)
      else bgp.addPeer(peer)
    }
    const now = refusals.filter(({ code }) => code !== 'node-not-selected')
    for (const refusal of now) if (!refused.has(refusal.peer)) events.publish('peer:refused', refusal)
    refused = new Set(now.map(({ peer }) => peer))
  }

  return {
    get config() {
      return config
    },
    get nodes() {
      return nodes
    },
    get problems() {
      return problems
    },
    get isRead() {
      return isRead
    },
    reconcile: () => {
      const all = resources()
      const reading = readConfig(all, config)
      config = reading.config
      isRead = true
      nodes = new Map(all.nodes.map(one => [one.metadata.name, nodeFacts(one)]))
      applyPeers(nodes.get(node))
      if (JSON.stringify(reading.problems) !== JSON.stringify(problems)) {
        problems = reading.problems
        events.publish('config:judged', { problems })
      }
      events.publish('config:applied', {
        peers: [...bgp.peers.keys()],
        pools: config.pools.map(({ name }) => name),
      })
    },
  }
}
