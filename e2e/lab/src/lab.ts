import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LAN, NODES, nodeHost, type NodeName } from './addresses.ts'
import { PROGRAM_FLAGS, programPath, startApi, type ApiKind, type LabApi } from './api-server.ts'
import { Clients } from './clients.ts'
import { Cluster, POD_PORT, SYSTEM } from './cluster.ts'
import { followServices } from './data-path.ts'
import { eventually, pause } from './eventually.ts'
import { Processes } from './processes.ts'
import { startBird, startFarBird, startFrr, type FrrRouter, type Router } from './routers.ts'
import { ipBatch, run, runQuietly } from './shell.ts'
import { buildTopology, namespacesOf, removeTopology, type Namespaces } from './topology.ts'

export interface LabInit {
  readonly api: ApiKind
  /** @default both */
  readonly routers?: readonly ('frr' | 'bird')[]
  /** FRR restarts gracefully. @default false */
  readonly restartsGracefully?: boolean
  /** What runs of controller and speaker: their sources, or what `nx run-many -t build` made of them. @default source */
  readonly programs?: 'source' | 'bundle'
  /** Without the definitions of our resources and our namespace, for tests of what installs them. @default false */
  readonly bare?: boolean
}

/** A laboratory: namespaces with three nodes, two routers and three clients, an API server, and the product under test. */
export class Lab {
  readonly id: string
  readonly folder: string
  readonly spaces: Namespaces
  readonly clients: Clients
  readonly processes: Processes
  readonly #init: LabInit
  #api: LabApi | undefined
  #cluster: Cluster | undefined
  #routers: { frr?: FrrRouter; bird?: Router } = {}
  #dataPath: { stop(): void } | undefined

  /** Builds everything but the product. What it made is removed when building fails, and when this process ends. */
  static async build(init: LabInit): Promise<Lab> {
    const lab = new Lab(init)
    LIVE.add(lab)
    try {
      await lab.#build()
      return lab
    } catch (error) {
      await lab.remove()
      throw error
    }
  }

  private constructor(init: LabInit) {
    this.#init = init
    this.id = `mts${randomBytes(2).toString('hex')}`
    this.folder = mkdtempSync(join(tmpdir(), `${this.id}-`))
    this.spaces = namespacesOf(this.id)
    this.clients = new Clients(this.spaces)
    this.processes = new Processes(this.folder)
  }

  get cluster(): Cluster {
    return this.#cluster!
  }

  get kubeconfig(): string {
    return this.#api!.kubeconfig
  }

  get account(): LabApi['account'] {
    return this.#api!.account
  }

  /** Folder of kubectl; empty with the embedded API server. */
  get binaries(): string {
    return this.#api!.binaries
  }

  router(name: 'frr'): FrrRouter
  router(name: 'frr' | 'bird'): Router
  router(name: 'frr' | 'bird'): Router {
    const router = this.#routers[name]
    if (router === undefined) throw new Error(`this lab has no ${name}`)
    return router
  }

  /** One more router, in the place of the client behind FRR. */
  startFarBird(): Promise<Router> {
    return startFarBird(this.spaces.farFrr, this.folder)
  }

  /** Removes everything, and waits until it is gone. Safe to repeat. */
  async remove(): Promise<void> {
    LIVE.delete(this)
    this.#dataPath?.stop()
    this.processes.killAll()
    await this.#api?.stop().catch(() => {})
    await removeTopology(this.spaces)
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 })
  }

  /** The same when there is no time to wait: this process ends now. */
  removeNow(): void {
    this.processes.killAll()
    for (const name of this.spaces.all) {
      runQuietly('sh', ['-c', `ip netns pids ${name} | xargs -r kill -9`])
      runQuietly('ip', ['netns', 'delete', name])
    }
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** @param name of the process, for more than one */
  startController(flags: readonly string[] = [], name = 'controller'): void {
    const own = ['--health-probe-port=17471', '--port=0', '--ml-secret-name=memberlist', '--deployment=controller']
    this.#program(this.spaces.control, name, 'controller', [...own, ...flags], {})
  }

  startSpeaker(node: NodeName, flags: readonly string[] = []): void {
    const env = this.speakerEnvironment(node)
    this.#program(this.spaces.node(node), `speaker-${node}`, 'speaker', ['--port=0', ...flags], env)
  }

  /** What the chart tells a speaker's container of its node. */
  speakerEnvironment(node: NodeName): Record<string, string> {
    const secret = join(this.folder, 'secret')
    mkdirSync(secret, { recursive: true })
    writeFileSync(join(secret, 'secretkey'), 'the-secret-of-this-lab')
    return {
      METALLB_NODE_NAME: node,
      METALLB_ML_BIND_ADDR: LAN.ipv4(nodeHost(node)),
      METALLB_ML_LABELS: 'app=metallb,component=speaker',
      METALLB_ML_SECRET_KEY_PATH: secret,
    }
  }

  startSpeakers(flags: readonly string[] = []): void {
    for (const node of NODES) this.startSpeaker(node, flags)
  }

  /** The wire of a host goes dead: its link loses carrier, and so does the switch's port. */
  cutLink(port: NodeName | 'ctl'): void {
    ipBatch([`link set ${port} down`], this.spaces.switch)
  }

  restoreLink(port: NodeName | 'ctl'): void {
    ipBatch([`link set ${port} up`], this.spaces.switch)
  }

  /** Frames between two ports are lost, and nobody sees a link go down. */
  partition(a: NodeName | 'frr' | 'bird', b: NodeName | 'frr' | 'bird'): void {
    const rules = [
      'add table bridge lab',
      'add chain bridge lab forward { type filter hook forward priority 0; }',
      `add rule bridge lab forward iifname ${a} oifname ${b} drop`,
      `add rule bridge lab forward iifname ${b} oifname ${a} drop`,
    ]
    runQuietly('ip', ['netns', 'exec', this.spaces.switch, 'nft', rules.join('; ')])
  }

  heal(): void {
    runQuietly('ip', ['netns', 'exec', this.spaces.switch, 'nft', 'delete table bridge lab'])
  }

  /** An interface of a node goes down and up. */
  async flap(node: NodeName, downMs: number): Promise<void> {
    ipBatch(['link set eth0 down'], this.spaces.node(node))
    await pause(downMs)
    const address = `${LAN.ipv6(nodeHost(node))}/${LAN.ipv6Length}`
    ipBatch(['link set eth0 up', `address replace ${address} dev eth0 nodad`], this.spaces.node(node))
  }

  /** An interface of a node is gone for good. */
  deleteInterface(node: NodeName): void {
    ipBatch(['link delete eth0'], this.spaces.node(node))
  }

  /** One more wire, from a node to a router, with link-local addresses alone; answers with the names of its ends. */
  connect(node: NodeName, router: 'frr' | 'bird'): { readonly node: string; readonly router: string } {
    const ends = { node: `to-${router}`, router: `to-${node}` }
    const peer = `peer name ${ends.router} netns ${this.spaces[router]}`
    ipBatch([`link add ${ends.node} type veth ${peer}`, `link set ${ends.node} up`], this.spaces.node(node))
    ipBatch([`link set ${ends.router} up`], this.spaces[router])
    return ends
  }

  /** The link-local address of an interface of a node. */
  linkLocal(node: NodeName, device: string): Promise<string> {
    return eventually(`a link-local address of ${device}`, async () => {
      const args = ['-n', this.spaces.node(node), '-j', '-6', 'address', 'show', 'dev', device, 'scope', 'link']
      const [link] = JSON.parse(await run('ip', args)) as readonly { addr_info?: readonly { local: string }[] }[]
      return link?.addr_info?.[0]?.local
    })
  }

  /** A router loses one of its addresses on the LAN. */
  dropAddress(router: 'frr' | 'bird', address: string, length: number): void {
    ipBatch([`address delete ${address}/${length} dev eth0`], this.spaces[router])
  }

  async #build(): Promise<void> {
    const { api: kind, routers = ['frr', 'bird'], bare = false } = this.#init
    await buildTopology(this.spaces)
    if (routers.includes('frr')) this.#routers.frr = await startFrr(this.spaces.frr, this.folder, this.#init)
    if (routers.includes('bird')) this.#routers.bird = await startBird(this.spaces.bird, this.folder)
    const api = (this.#api = await startApi(kind, this.spaces, join(this.folder, 'api')))
    const cluster = (this.#cluster = new Cluster(api.client, kind))
    for (const node of NODES) {
      const args = [...PROGRAM_FLAGS, programPath('pod-server'), node, String(POD_PORT)]
      this.processes.start(this.spaces.pod(node), `pod-${node}`, process.execPath, args)
    }
    if (!bare) await cluster.define()
    await cluster.prepare()
    if (kind === 'real') this.#startKubeProxies()
    else this.#dataPath = followServices(api.client, this.spaces)
  }

  #startKubeProxies(): void {
    for (const node of NODES) {
      this.processes.start(this.spaces.node(node), `kube-proxy-${node}`, join(this.binaries, 'kube-proxy'), [
        `--kubeconfig=${this.kubeconfig}`,
        '--proxy-mode=nftables',
        `--hostname-override=${node}`,
        '--conntrack-max-per-core=0',
        '--conntrack-tcp-timeout-established=0',
        '--conntrack-tcp-timeout-close-wait=0',
        '--cluster-cidr=10.244.0.0/16,fd44::/16',
        '--nodeport-addresses=primary',
      ])
    }
  }

  #program(namespace: string, name: string, app: string, flags: readonly string[], env: Record<string, string>): void {
    const common = [`--kubeconfig=${this.kubeconfig}`, `--namespace=${SYSTEM}`, '--log-level=debug']
    const main =
      this.#init.programs === 'bundle'
        ? [join(APPS, app, 'dist/main.js')]
        : [...PROGRAM_FLAGS, join(APPS, app, 'src/main.ts')]
    const args = [...main, ...common, ...flags]
    this.processes.start(namespace, name, process.execPath, args, env)
  }
}

const APPS = fileURLToPath(new URL('../../../apps/', import.meta.url))

const LIVE = new Set<Lab>()
process.on('exit', () => {
  for (const lab of LIVE) lab.removeNow()
})
