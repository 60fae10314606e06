import { SimNetwork } from '@metallb-ts/bgp-fsm/testing'
import { SimDatagrams } from '@metallb-ts/membership/testing'
import { address, formatAddress } from '@metallb-ts/netip'
import { SimRandom } from '@metallb-ts/runtime/testing'
import { SimApi } from './api/sim-api.ts'
import { Lan } from './network/lan.ts'
import { CLUSTER_ASN, Router, ROUTER_ASN, type RouterListeners } from './network/router.ts'
import { NODES_PATH, Objects, PEERS_PATH } from './objects.ts'
import { ControllerProgram } from './programs/controller-program.ts'
import type { ProgramSurroundings } from './programs/program.ts'
import type { LanWitness } from './programs/sim-lan.ts'
import { SpeakerProgram } from './programs/speaker-program.ts'
import type { Scenario } from './scenario.ts'
import type { World } from './world.ts'

export interface ClusterListeners
  extends
    Pick<ProgramSurroundings, 'fault' | 'onRequest' | 'onHeard' | 'onEvent' | 'onLog' | 'onStart' | 'plant'>,
    LanWitness,
    RouterListeners {}

/** For who looks at the cluster itself only. */
export const NO_LISTENERS: ClusterListeners = {
  plant: {},
  fault: () => undefined,
  onRequest: () => {},
  onHeard: () => {},
  onEvent: () => {},
  onLog: () => {},
  onStart: () => {},
  answers: () => {},
  announces: () => {},
  onRib: () => {},
  onRouterEvent: () => {},
}

/** A whole cluster in one process: API server, controllers, nodes with their speakers, a LAN, and routers outside. */
export class Cluster {
  readonly scenario: Scenario
  readonly world: World
  readonly api: SimApi
  readonly objects: Objects
  readonly lan: Lan
  readonly network: SimNetwork
  readonly datagrams: SimDatagrams
  readonly controllers: readonly ControllerProgram[]
  readonly speakers: readonly SpeakerProgram[]
  readonly routers: readonly Router[]

  constructor(scenario: Scenario, world: World, listeners: ClusterListeners) {
    this.scenario = scenario
    this.world = world
    const { seed, historyLimit, bgpLatencyMs, apiLatencyMs } = scenario
    const { clock } = world
    const chance = (which: number): SimRandom => new SimRandom(seed * 31 + which)
    this.api = new SimApi(world, { historyLimit })
    this.objects = new Objects(this.api)
    this.lan = new Lan(world, chance(1), scenario.frameLoss)
    this.network = new SimNetwork({ clock, random: chance(2), latencyMs: bgpLatencyMs })
    this.datagrams = new SimDatagrams({ clock, random: chance(3) }, scenario.datagrams)
    const surroundings = { ...listeners, world, api: this.api, seed, apiLatencyMs }
    const lease = scenario.controllers > 1 ? 'metallb-controller' : ''
    const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)
    this.controllers = numbers(scenario.controllers).map(i => new ControllerProgram(surroundings, i, lease))
    this.speakers = numbers(scenario.nodes).map(i => this.#speaker(i, surroundings, listeners))
    this.routers = numbers(scenario.routers).map(i => this.#router(i, listeners))
    this.#layNodes()
  }

  get programs(): readonly (ControllerProgram | SpeakerProgram)[] {
    return [...this.controllers, ...this.speakers]
  }

  start(): void {
    for (const program of this.programs) program.start()
  }

  /** The two ends of every session there may be. */
  pairs(): readonly { readonly speaker: SpeakerProgram; readonly router: Router }[] {
    return this.speakers.flatMap(speaker => this.routers.map(router => ({ speaker, router })))
  }

  #speaker(number: number, surroundings: ProgramSurroundings, witness: LanWitness): SpeakerProgram {
    const { members, routersConnect } = this.scenario
    const own = address(`10.0.${number >> 7}.${10 + (number & 127)}`)
    const machine = {
      node: `node-${number}`,
      address: own,
      lan: this.lan.node(number),
      host: this.network.host(own),
      datagrams: this.datagrams,
    }
    return new SpeakerProgram(
      surroundings,
      machine,
      { profile: members, bgpListenPort: routersConnect ? 179 : 0 },
      witness,
    )
  }

  #router(number: number, listeners: RouterListeners): Router {
    const { seed, holdSeconds, gracefulRestart, routersConnect } = this.scenario
    const nodes = this.speakers.map(({ machine }) => ({ name: machine.node, address: machine.address }))
    const init = {
      name: `router-${number}`,
      address: address(`10.0.255.${number}`),
      nodes,
      holdSeconds,
      helps: gracefulRestart,
      passive: !routersConnect,
    }
    return new Router(this.world, this.network, seed * 17 + number, init, listeners)
  }

  #layNodes(): void {
    for (const [i, { machine }] of this.speakers.entries()) {
      const addresses = [
        { type: 'InternalIP', address: formatAddress(machine.address) },
        { type: 'InternalIP', address: `fd00::${(1 + i).toString(16)}` },
      ]
      this.objects.create(NODES_PATH, { metadata: { name: machine.node, labels: { rack: `r${i % 2}` } } })
      this.objects.patch(`${NODES_PATH}/${machine.node}/status`, { status: { addresses } })
    }
    const { holdSeconds, gracefulRestart } = this.scenario
    for (const { name, init } of this.routers) {
      this.objects.create(PEERS_PATH, {
        metadata: { name },
        spec: {
          myASN: CLUSTER_ASN,
          peerASN: ROUTER_ASN,
          peerAddress: formatAddress(init.address),
          holdTime: `${holdSeconds}s`,
          connectTime: '5s',
          dualStackAddressFamily: true,
          ...(gracefulRestart && { enableGracefulRestart: true }),
        },
      })
    }
  }
}
