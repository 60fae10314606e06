import { isDeepStrictEqual } from 'node:util'
import type { Community, IPAddressPool, Namespace, Node, Service } from '@metallb-ts/api'
import type { Publisher } from '@metallb-ts/event-bus'
import {
  disjointPools,
  EMPTY_CONFIG,
  readConfig,
  type Config,
  type ConfigProblem,
  type RequestRules,
} from '@metallb-ts/policy'
import type { AddressBook } from './address-book.ts'
import type { ConfigEvents } from './events.ts'

export interface PoolParts {
  readonly pools: () => readonly IPAddressPool[]
  readonly communities: () => readonly Community[]
  readonly namespaces: () => readonly Namespace[]
  readonly nodes: () => readonly Node[]
  readonly services: () => Iterable<Service>
  readonly book: AddressBook
  readonly events: Publisher<ConfigEvents>
}

export interface PoolReconciler {
  /** Reads the resources and puts what is good in force. */
  reconcile(): void
  readonly rules: RequestRules
  readonly problems: readonly ConfigProblem[]
}

export function createPoolReconciler(parts: PoolParts, init: { readonly loadBalancerClass: string }): PoolReconciler {
  let config: Config | undefined
  let problems: readonly ConfigProblem[] = []
  let rules: RequestRules = { pools: [], brokenPools: new Set(), loadBalancerClass: init.loadBalancerClass }

  function reconcile(): void {
    const resources = parts.pools()
    const reading = readConfig({ ...NOTHING_ELSE, ...read(parts), pools: resources }, config ?? EMPTY_CONFIG)
    const isFirst = config === undefined
    if (isFirst || !isDeepStrictEqual(reading.problems, problems)) {
      problems = reading.problems
      parts.events.publish('config:judged', { problems })
    }
    const { pools } = disjointPools(reading.config.pools, rules.pools)
    const brokenPools = broken(resources, pools)
    const isSame = isDeepStrictEqual(pools, rules.pools) && isDeepStrictEqual(brokenPools, rules.brokenPools)
    config = reading.config
    if (isSame && !isFirst) return
    rules = { ...rules, pools, brokenPools }
    const lost = parts.book.setPools(pools, parts.services(), rules)
    parts.events.publish('config:applied', { pools: pools.map(({ name }) => name), lost })
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

function read(parts: PoolParts): {
  communities: readonly Community[]
  namespaces: readonly Namespace[]
  nodes: readonly Node[]
} {
  return { communities: parts.communities(), namespaces: parts.namespaces(), nodes: parts.nodes() }
}

function broken(resources: readonly IPAddressPool[], good: Config['pools']): ReadonlySet<string> {
  const usable = new Set(good.map(({ name }) => name))
  return new Set(resources.flatMap(({ metadata }) => (usable.has(metadata.name) ? [] : [metadata.name])))
}
