import { createBfd, type BfdEvents, type BfdProfile } from '@metallb-ts/bfd'
import { SimNetwork as BfdNetwork, type SimHost } from '@metallb-ts/bfd/testing'
import { createSpeaker, type BgpEvents, type Speaker } from '@metallb-ts/bgp-fsm'
import { SimNetwork as BgpNetwork } from '@metallb-ts/bgp-fsm/testing'
import { EventBus } from '@metallb-ts/event-bus'
import { address, prefix, type Address } from '@metallb-ts/netip'
import { SimClock, SimRandom } from '@metallb-ts/runtime/testing'
import { describe, expect, it } from 'vitest'
import { createLanBfd, type LanBfd } from './lan/bfd.ts'
import { createPaths, type Paths } from './paths.ts'

const US = address('192.0.2.10')
const ROUTER = address('192.0.2.1')
const PROFILE: BfdProfile = { receiveIntervalMs: 100, transmitIntervalMs: 100 }
const ROUTE = { prefix: prefix('198.51.100.1/32'), attributes: {} }

/** This node and a router, with BFD and BGP between them in virtual time; the two fail apart from each other. */
class Scene {
  readonly clock: SimClock = new SimClock()
  readonly random: SimRandom = new SimRandom(7)
  readonly bfdNetwork: BfdNetwork = new BfdNetwork(this)
  readonly hosts: readonly [SimHost, SimHost] = [this.bfdNetwork.host([US]), this.bfdNetwork.host([ROUTER])]
  readonly told: string[] = []
  readonly bgp: Speaker
  readonly routerBgp: Speaker
  readonly lan: LanBfd
  readonly paths: Paths
  readonly routerBfd: ReturnType<typeof createBfd>
  readonly #bgpNetwork: BgpNetwork

  constructor({ strict = false }: { strict?: boolean } = {}) {
    const { clock, random } = this
    this.#bgpNetwork = new BgpNetwork({ clock, random, latencyMs: [1, 2] })
    const bus = new EventBus<BgpEvents & BfdEvents>({
      now: () => clock.now(),
      onHandlerError: error => {
        throw error
      },
    })
    bus.subscribeAll(({ name, detail }) => void this.told.push(`${name} ${JSON.stringify(detail)}`))
    this.bgp = this.#speaker(US, ROUTER, 64_512, bus, strict)
    this.routerBgp = this.#speaker(ROUTER, US, 64_513, { publish: () => {} }, strict)
    this.bgp.setRoutes('test', [ROUTE])
    const components = { clock, random, transport: this.hosts[0].transport, events: bus }
    this.lan = createLanBfd(components, { forwards: () => false, onRefused: () => {} })
    this.paths = createPaths(bus, this.bgp)
    this.routerBfd = createBfd({ clock, random, transport: this.hosts[1].transport, events: { publish: () => {} } })
  }

  get session(): string {
    return this.bgp.peers.get('other')!.state
  }

  watch(...peers: readonly string[]): void {
    const watches = peers.map(peer => ({
      peer,
      path: { kind: 'single-hop', remote: ROUTER } as const,
      profile: PROFILE,
    }))
    this.paths.setWatches(watches)
    this.lan.setWatches(watches)
  }

  /** The router's end, and its operator's hand on it. */
  answer(): { disable(): void; enable(): void } {
    const opened = this.routerBfd.open({ kind: 'single-hop', remote: US }, PROFILE)
    if (!opened.ok) throw new Error(opened.error.detail)
    return opened.value.session
  }

  told6of10(): boolean {
    return this.told.some(line => line.startsWith('bgp:closed') && line.includes('"errorSubcode":10'))
  }

  #speaker(
    own: Address,
    remote: Address,
    asn: number,
    events: { publish: EventBus<BgpEvents>['publish'] },
    strictBfd: boolean,
  ): Speaker {
    const { clock, random } = this
    const transport = this.#bgpNetwork.host(own).transport
    const speaker = createSpeaker({ clock, random, transport, events }, { asn, routerId: own })
    void speaker.listen()
    speaker.addPeer({ name: 'other', remote, peerAsn: asn === 64_512 ? 64_513 : 64_512, strictBfd })
    return speaker
  }
}

describe('BFD beside BGP', () => {
  it('[F-BGP-01] the path fails: BGP ends with Cease/BFD down within the detection time, and comes back with the path', () => {
    const { scene, clock, hosts, bfdNetwork } = begun()
    clock.advance(5_000)
    expect([scene.session, scene.lan.sessions()[0]?.state]).toEqual(['established', 'up'])
    bfdNetwork.cut(hosts[1], hosts[0])
    clock.advance(301)
    expect(scene.told6of10()).toBe(true)
    expect(scene.routerBgp.peers.get('other')!.lastError).toMatchObject({
      code: 'notification-received',
      error: { errorCode: 6, errorSubcode: 10 },
    })
    bfdNetwork.heal()
    clock.advance(30_000)
    expect(scene.session).toBe('established')
    expect(scene.bgp.peers.get('other')!.prefixes.advertised).toBe(1)
  })

  it('[F-BGP-02] an operator takes BFD down, there or here: BGP stays, and it is told', () => {
    const { scene, clock, router } = begun()
    clock.advance(5_000)
    router.disable()
    clock.advance(5_000)
    expect(scene.lan.sessions()[0]?.state).toBe('down')
    expect(scene.session).toBe('established')
    expect(scene.told.some(line => line.includes('peer-admin-down'))).toBe(true)
    router.enable()
    clock.advance(5_000)
    scene.watch()
    clock.advance(5_000)
    expect([scene.session, scene.lan.isOver, scene.told6of10()]).toEqual(['established', true, false])
  })

  it('[F-BGP-03] the router has no BFD: BGP comes up, and stays', () => {
    const scene = new Scene()
    scene.watch('other')
    scene.clock.advance(60_000)
    expect([scene.session, scene.lan.sessions()[0]?.state]).toEqual(['established', 'down'])
    expect(scene.lan.sessions()[0]?.seen).toContain('no packet of the peer was accepted yet')
  })

  it('strict on both sides: BGP waits for BFD', () => {
    const scene = new Scene({ strict: true })
    scene.watch('other')
    scene.clock.advance(20_000)
    expect(scene.session).not.toBe('established')
    scene.answer()
    // The router of this scene hears of its own BFD as we do of ours.
    scene.clock.advance(3_000)
    scene.routerBgp.setPath('other', 'up')
    scene.clock.advance(10_000)
    expect(scene.session).toBe('established')
  })

  it('[F-BGP-05] a peer that joins a path which is up finds that said, and one that leaves finds it unsaid', () => {
    const said: string[] = []
    const bus = new EventBus<BfdEvents>({ now: () => 0, onHandlerError: () => {} })
    const paths = createPaths(bus, { setPath: (peer, state) => void said.push(`${peer} ${state}`) })
    const path = { kind: 'single-hop', remote: ROUTER } as const
    const watches = (...peers: string[]): void => paths.setWatches(peers.map(peer => ({ peer, path, profile: {} })))
    watches('a')
    bus.publish('bfd:up', { session: '192.0.2.1' })
    watches('a', 'b')
    watches('b')
    bus.publish('bfd:down', { session: '192.0.2.1', cause: 'detection-expired', diagnostic: 1 })
    expect(said).toEqual(['a up', 'b up', 'a unknown', 'b failed'])
  })

  it('[F-BGP-06] another profile: by Poll, and neither goes down', () => {
    const { scene, clock } = begun()
    clock.advance(5_000)
    const path = { kind: 'single-hop', remote: ROUTER } as const
    scene.lan.setWatches([{ peer: 'other', path, profile: { receiveIntervalMs: 400, transmitIntervalMs: 300 } }])
    clock.advance(10_000)
    const heard = [...scene.routerBfd.sessions.values()][0]!.remote
    expect(heard).toMatchObject({ desiredMinTxUs: 300_000, requiredMinRxUs: 400_000 })
    expect([scene.session, scene.lan.sessions()[0]?.counters.downEvents]).toEqual(['established', 0])
  })
})

function begun(): {
  scene: Scene
  clock: SimClock
  hosts: Scene['hosts']
  bfdNetwork: BfdNetwork
  router: ReturnType<Scene['answer']>
} {
  const scene = new Scene()
  scene.watch('other')
  const router = scene.answer()
  return { scene, router, clock: scene.clock, hosts: scene.hosts, bfdNetwork: scene.bfdNetwork }
}
