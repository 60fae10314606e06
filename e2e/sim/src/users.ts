import { EXCLUDE_NODE_LABEL, SERVICE_NAME_LABEL, type Service } from '@metallb-ts/api'
import { bgpAdvertisement, l2Advertisement, POOLS } from './configuration.ts'
import type { Cluster } from './cluster.ts'
import { Dice } from './dice.ts'
import {
  BGP_ADVERTISEMENTS_PATH,
  L2_ADVERTISEMENTS_PATH,
  NODES_PATH,
  POOLS_PATH,
  SERVICES_PATH,
  SLICES_PATH,
  type Objects,
} from './objects.ts'

/** Everybody who changes objects: users, operators, and the parts of Kubernetes that follow pods and nodes. */
export class Users {
  readonly #cluster: Cluster
  readonly #objects: Objects
  readonly #dice: Dice
  #serial = 0

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.#objects = cluster.objects
    this.#dice = new Dice(cluster.scenario.seed * 15_485_863 + 3)
  }

  /** One change; returns what it was. */
  act(): string {
    const [name, act] = this.#dice.pick(this.#actions())
    act()
    return name
  }

  createService(): void {
    const dice = this.#dice
    const name = `s${this.#serial++}`
    const isDual = dice.chance(0.3)
    const annotations = {
      ...(dice.chance(0.3) && { 'metallb.io/allow-shared-ip': dice.pick(['k', 'l']) }),
      ...(dice.chance(0.2) && { 'metallb.io/address-pool': dice.pick([...Object.keys(POOLS), 'dual']) }),
      ...(dice.chance(0.1) && { 'metallb.io/loadBalancerIPs': dice.pick(['198.51.100.1', '203.0.113.2']) }),
    }
    this.#objects.create(SERVICES_PATH, {
      metadata: { name, annotations },
      spec: {
        type: dice.chance(0.95) ? 'LoadBalancer' : 'ClusterIP',
        ports: [{ port: dice.pick([80, 81]) }],
        ...(isDual && { ipFamilyPolicy: dice.pick(['PreferDualStack', 'RequireDualStack']) }),
        ...(!isDual && dice.chance(0.1) && { ipFamilies: ['IPv6'] }),
        ...(dice.chance(0.3) && { externalTrafficPolicy: 'Local' }),
      },
    })
    this.#objects.create(SLICES_PATH, {
      metadata: { name: `${name}-1`, labels: { [SERVICE_NAME_LABEL]: name } },
      addressType: 'IPv4',
      endpoints: this.#endpoints(),
    })
  }

  /** What is broken is mended, and what is missing comes back: the settings of a cluster that somebody uses. */
  mend(): void {
    for (const [name, addresses] of Object.entries(POOLS)) {
      const pool = this.#objects.pools.find(({ metadata }) => metadata.name === name)
      if (pool === undefined) this.#objects.create(POOLS_PATH, { metadata: { name }, spec: { addresses } })
      else if (pool.spec.addresses[0] === BROKEN) this.#objects.patch(`${POOLS_PATH}/${name}`, { spec: { addresses } })
    }
  }

  #actions(): readonly (readonly [string, () => void])[] {
    const dice = this.#dice
    const { services, pools, l2Advertisements, bgpAdvertisements, slices } = this.#objects
    const service = services.length === 0 ? undefined : dice.pick(services)
    const ofService: readonly (readonly [string, () => void])[] =
      service === undefined
        ? []
        : [
            ['edit a Service', () => this.#editService(service)],
            ['edit a Service', () => this.#editService(service)],
            ['delete a Service', () => this.#deleteService(service)],
            ['move endpoints', () => this.#moveEndpoints(dice.pick(slices).metadata.name)],
            ['move endpoints', () => this.#moveEndpoints(dice.pick(slices).metadata.name)],
          ]
    return [
      ...(services.length < MOST_SERVICES
        ? ([
            ['create a Service', () => this.createService()],
            ['create a Service', () => this.createService()],
          ] as const)
        : []),
      ...ofService,
      ['edit a pool', () => this.#editPool(dice.pick(pools).metadata.name)],
      ['label a node', () => this.#labelNode()],
      ['take the network from a node', () => this.#networkOfNode()],
      [
        'change the layer 2 advertisement',
        () => this.#toggle(L2_ADVERTISEMENTS_PATH, l2Advertisements, l2Advertisement),
      ],
      [
        'change the BGP advertisement',
        () => this.#toggle(BGP_ADVERTISEMENTS_PATH, bgpAdvertisements, bgpAdvertisement),
      ],
    ]
  }

  #editService({ metadata, spec = {} }: Service): void {
    const dice = this.#dice
    const isLocal = spec.externalTrafficPolicy === 'Local'
    const isBalanced = spec.type === 'LoadBalancer'
    const edits: readonly object[] = [
      { spec: { type: isBalanced ? 'ClusterIP' : 'LoadBalancer', externalTrafficPolicy: null } },
      { metadata: { annotations: { 'metallb.io/allow-shared-ip': dice.pick(['k', 'l', null]) } } },
      { metadata: { annotations: { 'metallb.io/address-pool': dice.pick(['dual', 'small', null]) } } },
      { metadata: { labels: { tier: dice.pick(['a', 'b']) } } },
      { spec: { ports: [{ port: dice.pick([80, 81, 82]) }] } },
      ...(isBalanced ? [{ spec: { externalTrafficPolicy: isLocal ? 'Cluster' : 'Local' } }] : []),
    ]
    this.#objects.patch(`${SERVICES_PATH}/${metadata.name}`, dice.pick(edits))
  }

  #deleteService({ metadata: { name } }: Service): void {
    this.#objects.delete(`${SERVICES_PATH}/${name}`)
    this.#objects.delete(`${SLICES_PATH}/${name}-1`)
  }

  #moveEndpoints(name: string): void {
    this.#objects.patch(`${SLICES_PATH}/${name}`, { endpoints: this.#endpoints() })
  }

  #endpoints(): readonly object[] {
    const dice = this.#dice
    return this.#cluster.speakers
      .filter(() => dice.chance(0.6))
      .map(({ machine }, i) => ({
        addresses: [`10.244.0.${i + 1}`],
        nodeName: machine.node,
        conditions: { ready: dice.chance(0.9) },
      }))
  }

  #editPool(name: string): void {
    const dice = this.#dice
    const addresses = POOLS[name]!
    const shrunk = { small: ['198.51.100.0-198.51.100.1'], dual: ['203.0.113.0/31', '2001:db8::/127'] }[name]
    const grown = { small: ['198.51.100.0-198.51.100.6'], dual: ['203.0.113.0/29', '2001:db8::/125'] }[name]
    const edits: readonly object[] = [
      { spec: { addresses: shrunk } },
      { spec: { addresses: grown } },
      { spec: { addresses } },
      { spec: { addresses: [BROKEN] } },
      { spec: { autoAssign: dice.chance(0.5) } },
    ]
    if (dice.chance(0.1)) this.#objects.delete(`${POOLS_PATH}/${name}`)
    else this.#objects.patch(`${POOLS_PATH}/${name}`, dice.pick(edits))
    this.#keepOnePool()
  }

  /** The list of pools that actions choose from is never empty. */
  #keepOnePool(): void {
    if (this.#objects.pools.length === 0)
      this.#objects.create(POOLS_PATH, { metadata: { name: 'small' }, spec: { addresses: POOLS['small'] } })
  }

  #labelNode(): void {
    const { metadata } = this.#dice.pick(this.#objects.nodes)
    const isExcluded = metadata.labels?.[EXCLUDE_NODE_LABEL] !== undefined
    const labels = this.#dice.chance(0.5)
      ? { [EXCLUDE_NODE_LABEL]: isExcluded ? null : 'true' }
      : { rack: `r${this.#dice.below(2)}` }
    this.#objects.patch(`${NODES_PATH}/${metadata.name}`, { metadata: { labels } })
  }

  #networkOfNode(): void {
    const { metadata, status } = this.#dice.pick(this.#objects.nodes)
    const isAway = status?.conditions?.some(condition => condition.status === 'True') === true
    const conditions = [{ type: 'NetworkUnavailable', status: isAway ? 'False' : 'True' }]
    this.#objects.patch(`${NODES_PATH}/${metadata.name}/status`, { status: { conditions } })
  }

  #toggle(
    path: string,
    existing: readonly { readonly metadata: { readonly name: string } }[],
    make: (name: string, dice: Dice) => object,
  ): void {
    const found = existing.length === 0 ? undefined : this.#dice.pick(existing)
    if (found !== undefined) this.#objects.delete(`${path}/${found.metadata.name}`)
    if (found === undefined || this.#dice.chance(0.6))
      this.#objects.create(path, make(`ad-${this.#serial++}`, this.#dice))
  }
}

const MOST_SERVICES = 8
const BROKEN = '198.51.100.9-198.51.100.1'
