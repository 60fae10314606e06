import { isDeepStrictEqual } from 'node:util'
import { IP_ADDRESS_POOLS, type IPAddressPool } from '@metallb-ts/api'
import type { Publisher } from '@metallb-ts/event-bus'
import {
  disjointPools,
  EMPTY_CONFIG,
  explainProblem,
  readConfig,
  type Config,
  type ConfigProblem,
  type RequestRules,
} from '@metallb-ts/policy'
import type { AddressBook } from './address-book.ts'
import type { ConfigEvents } from './events.ts'
import type { Stores } from './stores.ts'

export interface PoolParts {
  readonly stores: Pick<Stores, 'pools' | 'communities' | 'namespaces' | 'nodes' | 'services'>
  readonly book: AddressBook
  readonly events: Publisher<ConfigEvents>
}

export interface PoolReconciler {
  /** Reads the resources and puts what is good in force. */
  reconcile(): void
  readonly rules: RequestRules
  readonly problems: readonly ConfigProblem[]
}

export function createPoolReconciler(
  { stores, book, events }: PoolParts,
  init: { readonly loadBalancerClass: string },
): PoolReconciler {
  let config: Config | undefined
  let problems: readonly ConfigProblem[] = []
  let rules: RequestRules = { pools: [], brokenPools: new Map(), loadBalancerClass: init.loadBalancerClass }

  function reconcile(): void {
    const resources = stores.pools.list()
    const reading = readConfig(
      {
        ...NOTHING_ELSE,
        pools: resources,
        communities: stores.communities.list(),
        namespaces: stores.namespaces.list(),
        nodes: stores.nodes.list(),
      },
      config ?? EMPTY_CONFIG,
    )
    const isFirst = config === undefined
    if (isFirst || !isDeepStrictEqual(reading.problems, problems)) {
      problems = reading.problems
      events.publish('config:judged', { problems })
    }
    const { pools } = disjointPools(reading.config.pools, rules.pools)
    const brokenPools = broken(resources, pools, problems)
    const isSame = isDeepStrictEqual(pools, rules.pools) && isDeepStrictEqual(brokenPools, rules.brokenPools)
    config = reading.config
    if (isSame && !isFirst) return
    rules = { ...rules, pools, brokenPools }
    const lost = book.setPools(pools, stores.services.list(), rules)
    events.publish('config:applied', { pools: pools.map(({ name }) => name), lost })
  }

  return {
    reconcile,
    get rules() {
      return rules
    },
    get problems() {
      return problems
    },
  }
}

/** The controller looks at pools only; peers and advertisements are the speakers' business. */
const NOTHING_ELSE = { l2Advertisements: [], bgpAdvertisements: [], peers: [], bfdProfiles: [], secrets: [] }

function broken(
  resources: readonly IPAddressPool[],
  good: Config['pools'],
  problems: readonly ConfigProblem[],
): ReadonlyMap<string, string> {
  const usable = new Set(good.map(({ name }) => name))
  const names = resources.map(({ metadata }) => metadata.name).filter(name => !usable.has(name))
  const why = (name: string): string =>
    problems
      .filter(({ object }) => object.kind === IP_ADDRESS_POOLS.kind && object.name === name)
      .map(explainProblem)
      .join('; ')
  return new Map(names.map(name => [name, why(name)]))
}
