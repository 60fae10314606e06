import { randomBytes } from 'node:crypto'
import { createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ChildProcess } from 'node:child_process'
import { crds, type EndpointSlice, type Service } from '@metallb-ts/api'
import {
  ENDPOINT_SLICES,
  isCode,
  NAMESPACES,
  NODES as NODE_RESOURCE,
  PODS,
  SERVICES,
  type KubeClient,
  type KubeObject,
  type Resource,
} from '@metallb-ts/k8s-watch'
import { LAN, NODES, nodeHost, podAddress, type NodeName } from './addresses.ts'
import { PROGRAM_FLAGS, programPath, startApi, type ApiKind, type LabApi } from './api-server.ts'
import { writeDataPath, type VirtualAddress } from './data-path.ts'
import { startBird, startFrr, type Router } from './routers.ts'
import { ipBatch, run, runQuietly, start } from './shell.ts'
import { buildTopology, namespacesOf, removeTopology, type Namespaces } from './topology.ts'

export interface LabInit {
  readonly api: ApiKind
  /** @default every one that is installed */
  readonly routers?: readonly ('frr' | 'bird')[]
}

/** Whoever asks from the lab's network. */
export type ClientName = 'lan' | 'behind-frr' | 'behind-bird'

export interface GapReport {
  readonly longestMs: number
  readonly answers: number
  /** Nodes that answered, in order of first answer. */
  readonly nodes: readonly string[]
}

const APPS = fileURLToPath(new URL('../../../apps/', import.meta.url))
const SYSTEM = 'metallb-system'
const POD_PORT = 8080

/** A laboratory: namespaces with three nodes, two routers and three clients, an API server, and the product under test. */
export class Lab {
  readonly id: string
  readonly folder: string
  readonly spaces: Namespaces
  readonly #init: LabInit
  readonly #processes = new Map<string, ChildProcess>()
  #api: LabApi | undefined
  #routers: Partial<Record<'frr' | 'bird', Router>> = {}
  #dataPath: NodeJS.Timeout | undefined
  #written = ''

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
  }

  get client(): KubeClient {
    return this.#api!.client
  }

  get kubeconfig(): string {
    return this.#api!.kubeconfig
  }

  /** Folder of kubectl; empty with the embedded API server. */
  get binaries(): string {
    return this.#api!.binaries
  }

  router(name: 'frr' | 'bird'): Router {
    const router = this.#routers[name]
    if (router === undefined) throw new Error(`this lab has no ${name}`)
    return router
  }

  /** Removes everything, and waits until it is gone. Safe to repeat. */
  async remove(): Promise<void> {
    LIVE.delete(this)
    clearInterval(this.#dataPath)
    for (const child of this.#processes.values()) child.kill('SIGKILL')
    await this.#api?.stop().catch(() => {})
    await removeTopology(this.spaces)
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 })
  }

  /** The same when there is no time to wait: this process ends now. */
  removeNow(): void {
    for (const child of this.#processes.values()) child.kill('SIGKILL')
    for (const name of this.spaces.all) {
      runQuietly('sh', ['-c', `ip netns pids ${name} | xargs -r kill -9`])
      runQuietly('ip', ['netns', 'delete', name])
    }
    rmSync(this.folder, { recursive: true, force: true })
  }

  // What a user of the cluster does.

  async apply(resource: Resource, object: object): Promise<KubeObject> {
    for (let i = 0; ; i++) {
      try {
        return await this.client.create(resource, object as never)
      } catch (error) {
        // Cluster addresses come from objects that the API server makes shortly after its start.
        if (i >= APPLY_TRIES || !isCode(error, 'server-error', 'invalid', 'not-found')) throw error
        await pause(APPLY_PAUSE_MS)
      }
    }
  }

  /** A Service in front of the pods, one on each node named. */
  async service(
    name: string,
    spec: Record<string, unknown> = {},
    { pods = NODES, ...metadata }: { pods?: readonly NodeName[]; annotations?: object } = {},
  ): Promise<void> {
    await this.apply(SERVICES, {
      metadata: { name, namespace: 'default', ...metadata },
      spec: {
        type: 'LoadBalancer',
        selector: { app: name },
        ports: [
          { name: 'http', port: 80, targetPort: POD_PORT, protocol: 'TCP' },
          { name: 'echo', port: 80, targetPort: POD_PORT, protocol: 'UDP' },
        ],
        ...spec,
      },
    })
    for (const node of pods) await this.#pod(name, node)
    if (this.#init.api === 'embedded') await this.#slices(name, pods)
  }

  async removeService(name: string): Promise<void> {
    await this.client.remove(SERVICES, `default/${name}`)
    if (this.#init.api === 'embedded')
      for (const family of FAMILIES)
        await this.client.remove(ENDPOINT_SLICES, `default/${name}-${family.toLowerCase()}`)
  }

  /** Addresses in the status, once there are as many as expected. */
  async addresses(name: string, count = 1): Promise<readonly string[]> {
    return this.eventually(`an address for ${name}`, async () => {
      const { status } = await this.client.get<Service>(SERVICES, `default/${name}`)
      const found = (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (ip === undefined ? [] : [ip]))
      return found.length >= count ? found : undefined
    })
  }

  // What an operator does.

  startController(flags: readonly string[] = []): void {
    const args = ['--health-probe-port=17471', '--port=0', '--ml-secret-name=memberlist', '--deployment=controller']
    this.#node(this.spaces.control, 'controller', 'controller/src/main.ts', [...args, ...flags], {})
  }

  startSpeaker(node: NodeName, flags: readonly string[] = []): void {
    const secret = join(this.folder, 'secret')
    mkdirSync(secret, { recursive: true })
    writeFileSync(join(secret, 'secretkey'), 'the-secret-of-this-lab')
    const env = {
      METALLB_NODE_NAME: node,
      METALLB_ML_BIND_ADDR: LAN.ipv4(nodeHost(node)),
      METALLB_ML_LABELS: 'app=metallb,component=speaker',
      METALLB_ML_SECRET_KEY_PATH: secret,
    }
    this.#node(this.spaces.node(node), `speaker-${node}`, 'speaker/src/main.ts', ['--port=0', ...flags], env)
  }

  startSpeakers(flags: readonly string[] = []): void {
    for (const node of NODES) this.startSpeaker(node, flags)
  }

  /** SIGTERM, and waits for the process to end. */
  async stop(name: string): Promise<void> {
    const child = this.#processes.get(name)
    if (child === undefined) return
    const ended = new Promise(resolve => child.once('exit', resolve))
    child.kill('SIGTERM')
    await ended
    this.#processes.delete(name)
  }

  /** SIGKILL. */
  kill(name: string): void {
    this.#processes.get(name)?.kill('SIGKILL')
    this.#processes.delete(name)
  }

  /** Suspends or resumes a process. */
  signal(name: string, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#processes.get(name)?.kill(signal)
  }

  /** The log of a process, as JSON lines. */
  log(name: string): readonly Record<string, unknown>[] {
    const lines = readFileSync(join(this.folder, `${name}.log`), 'utf8').split('\n')
    return lines.flatMap(line => {
      try {
        return [JSON.parse(line) as Record<string, unknown>]
      } catch {
        return []
      }
    })
  }

  rawLog(name: string): string {
    return readFileSync(join(this.folder, `${name}.log`), 'utf8')
  }

  // What happens to a network.

  /** The wire of a host goes dead: its link loses carrier, and so does the switch's port. */
  cutLink(port: string): void {
    ipBatch([`link set ${port} down`], this.spaces.switch)
  }

  restoreLink(port: string): void {
    ipBatch([`link set ${port} up`], this.spaces.switch)
  }

  /** Frames between two ports are lost, and nobody sees a link go down. */
  partition(a: string, b: string): void {
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
    ipBatch(
      ['link set eth0 up', `address replace ${LAN.ipv6(nodeHost(node))}/64 dev eth0 nodad`],
      this.spaces.node(node),
    )
  }

  // What a client sees.

  /** The answer to one HTTP request, or undefined when there was none in time. */
  async get(
    client: ClientName,
    address: string,
    timeoutMs = 1_000,
  ): Promise<{ readonly node: string; readonly client: string } | undefined> {
    const host = address.includes(':') ? `[${address}]` : address
    const args = [
      'netns',
      'exec',
      this.#clientSpace(client),
      'curl',
      '-sf',
      '--noproxy',
      '*',
      '-m',
      String(timeoutMs / 1_000),
      `http://${host}/`,
    ]
    const answer = await run('ip', args, { timeoutMs: timeoutMs + 5_000 }).catch(() => undefined)
    return answer === undefined || answer === '' ? undefined : (JSON.parse(answer) as { node: string; client: string })
  }

  /** The hardware address that a client has for an address of the LAN. */
  async neighbour(address: string): Promise<string | undefined> {
    const entries = JSON.parse(
      (await run('ip', ['-n', this.spaces.client, '-j', 'neigh', 'show', address])) || '[]',
    ) as { lladdr?: string }[]
    return entries[0]?.lladdr
  }

  /** Forgets what the LAN client knows of its neighbours. */
  forgetNeighbours(): void {
    runQuietly('ip', ['-n', this.spaces.client, 'neigh', 'flush', 'all'])
    runQuietly('ip', ['-n', this.spaces.client, '-6', 'neigh', 'flush', 'all'])
  }

  /** The node whose hardware address the LAN client has for an address, asking for it when it has none. */
  async owner(address: string): Promise<NodeName | undefined> {
    await this.get('lan', address)
    const mac = await this.neighbour(address)
    for (const node of NODES) if (mac !== undefined && (await this.mac(node)) === mac) return node
    return undefined
  }

  async mac(node: NodeName): Promise<string> {
    const [link] = JSON.parse(await run('ip', ['-n', this.spaces.node(node), '-j', 'link', 'show', 'eth0'])) as [
      { address: string },
    ]
    return link.address
  }

  /** Who answers an ARP request or a neighbor solicitation for an address, by hardware address. */
  async askWho(address: string): Promise<readonly string[]> {
    const args = address.includes(':')
      ? ['ndisc6', '-m', '-w', '500', address, 'eth0']
      : ['arping', '-c', '2', '-w', '1', '-I', 'eth0', address]
    const output = await run('ip', ['netns', 'exec', this.spaces.client, ...args]).catch(
      (error: { stdout?: string }) => error.stdout ?? '',
    )
    return [
      ...new Set([...output.matchAll(/([0-9a-f]{2}(?::[0-9a-f]{2}){5})/gi)].map(([mac]) => mac.toLowerCase())),
    ].sort()
  }

  /** One datagram a millisecond from a client, while something happens. */
  async gapDuring(
    client: ClientName,
    address: string,
    seconds: number,
    happen: () => Promise<void> | void,
  ): Promise<GapReport> {
    const child = start(
      this.#clientSpace(client),
      process.execPath,
      [...PROGRAM_FLAGS, programPath('gap'), address, '80', String(seconds)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    let output = ''
    const ended = new Promise(resolve => child.once('exit', resolve))
    const begun = new Promise<void>(resolve =>
      child.stdout!.on('data', (chunk: Buffer) => {
        output += chunk.toString()
        if (output.includes('started')) resolve()
      }),
    )
    await begun
    await pause(500)
    await happen()
    await ended
    return JSON.parse(output.split('\n')[1] ?? '{}') as GapReport
  }

  /** Captures on an interface of a namespace until stopped; answers with what tshark makes of it. */
  capture(namespace: string, device: string, filter: string): { stop(): Promise<string> } {
    const path = join(this.folder, `${namespace}-${Date.now()}.pcap`)
    const child = start(namespace, 'tcpdump', ['-U', '-i', device, '-w', path, filter])
    return {
      stop: async () => {
        await pause(300)
        const ended = new Promise(resolve => child.once('exit', resolve))
        child.kill('SIGINT')
        await ended
        return run('tshark', ['-r', path]).catch(() => '')
      },
    }
  }

  /** Looks until it finds; rejects with what it waited for. */
  async eventually<T>(
    what: string,
    look: () => Promise<T | undefined> | T | undefined,
    timeoutMs = 20_000,
  ): Promise<T> {
    const deadline = Date.now() + timeoutMs
    let problem: unknown
    while (Date.now() < deadline) {
      try {
        const found = await look()
        if (found !== undefined && found !== false) return found
      } catch (error) {
        problem = error
      }
      await pause(50)
    }
    throw new Error(`waited ${timeoutMs} ms for ${what}${problem === undefined ? '' : `: ${String(problem)}`}`)
  }

  async #build(): Promise<void> {
    await buildTopology(this.spaces)
    const { routers = ['frr', 'bird'] } = this.#init
    if (routers.includes('frr')) this.#routers.frr = await startFrr(this.spaces.frr, this.folder)
    if (routers.includes('bird')) this.#routers.bird = await startBird(this.spaces.bird, this.folder)
    this.#api = await startApi(this.#init.api, this.spaces, join(this.folder, 'api'))
    for (const node of NODES) {
      this.#processes.set(
        `pod-${node}`,
        start(this.spaces.pod(node), process.execPath, [
          ...PROGRAM_FLAGS,
          programPath('pod-server'),
          node,
          String(POD_PORT),
        ]),
      )
    }
    for (const crd of crds()) await this.apply(CRD_RESOURCE, crd)
    if (this.#init.api === 'embedded') await this.apply(NAMESPACES, { metadata: { name: 'default' } })
    await this.apply(NAMESPACES, { metadata: { name: SYSTEM } })
    for (const node of NODES) await this.#nodeObject(node)
    if (this.#init.api === 'real') this.#startKubeProxies()
    else this.#dataPath = setInterval(() => void this.#refreshDataPath().catch(() => {}), DATA_PATH_MS)
  }

  async #nodeObject(node: NodeName): Promise<void> {
    const addresses = [
      { type: 'Hostname', address: node },
      { type: 'InternalIP', address: LAN.ipv4(nodeHost(node)) },
      { type: 'InternalIP', address: LAN.ipv6(nodeHost(node)) },
    ]
    const conditions = [
      {
        type: 'Ready',
        status: 'True',
        reason: 'Lab',
        message: 'lab',
        lastHeartbeatTime: now(),
        lastTransitionTime: now(),
      },
    ]
    await this.apply(NODE_RESOURCE, { metadata: { name: node, labels: { 'kubernetes.io/hostname': node } } })
    await this.client.patch(
      NODE_RESOURCE,
      node,
      { status: { addresses, conditions } },
      { type: 'merge', subresource: 'status' },
    )
  }

  async #pod(app: string, node: NodeName): Promise<void> {
    const name = `${app}-${node}`
    const { ipv4, ipv6 } = podAddress(node)
    await this.apply(PODS, {
      metadata: { name, namespace: 'default', labels: { app } },
      spec: { nodeName: node, containers: [{ name: 'server', image: 'lab', ports: [{ containerPort: POD_PORT }] }] },
    })
    const status = {
      phase: 'Running',
      podIP: ipv4,
      podIPs: [{ ip: ipv4 }, { ip: ipv6 }],
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: now() }],
    }
    await this.client.patch(PODS, `default/${name}`, { status }, { type: 'merge', subresource: 'status' })
  }

  /** What the controller manager makes of pods, for the API server that has none. */
  async #slices(app: string, pods: readonly NodeName[]): Promise<void> {
    for (const family of FAMILIES) {
      await this.apply(ENDPOINT_SLICES, {
        metadata: {
          name: `${app}-${family.toLowerCase()}`,
          namespace: 'default',
          labels: { 'kubernetes.io/service-name': app },
        },
        addressType: family,
        ports: [{ name: 'http', port: POD_PORT, protocol: 'TCP' }],
        endpoints: pods.map(node => ({
          nodeName: node,
          addresses: [podAddress(node)[family === 'IPv4' ? 'ipv4' : 'ipv6']],
          conditions: { ready: true, serving: true, terminating: false },
        })),
      })
    }
  }

  async #refreshDataPath(): Promise<void> {
    const [services, slices] = await Promise.all([
      this.client.list<Service>(SERVICES),
      this.client.list<EndpointSlice>(ENDPOINT_SLICES),
    ])
    const addresses = services.items.flatMap(service => virtualAddresses(service, slices.items))
    const text = JSON.stringify(addresses)
    if (text === this.#written) return
    writeDataPath(this.spaces, addresses)
    this.#written = text
  }

  #startKubeProxies(): void {
    for (const node of NODES) {
      this.#start(this.spaces.node(node), `kube-proxy-${node}`, join(this.binaries, 'kube-proxy'), [
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

  #node(namespace: string, name: string, main: string, flags: readonly string[], env: Record<string, string>): void {
    const common = [`--kubeconfig=${this.kubeconfig}`, `--namespace=${SYSTEM}`, '--log-level=debug']
    this.#start(namespace, name, process.execPath, [...PROGRAM_FLAGS, join(APPS, main), ...common, ...flags], env)
  }

  #start(
    namespace: string,
    name: string,
    program: string,
    args: readonly string[],
    env: Record<string, string> = {},
  ): void {
    const child = start(namespace, program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    const log = createWriteStream(join(this.folder, `${name}.log`), { flags: 'a' })
    child.stdout!.pipe(log, { end: false })
    child.stderr!.pipe(log, { end: false })
    this.#processes.set(name, child)
  }

  #clientSpace(client: ClientName): string {
    return client === 'lan' ? this.spaces.client : client === 'behind-frr' ? this.spaces.farFrr : this.spaces.farBird
  }
}

const LIVE = new Set<Lab>()
process.on('exit', () => {
  for (const lab of LIVE) lab.removeNow()
})

const FAMILIES = ['IPv4', 'IPv6'] as const
const DATA_PATH_MS = 200
const APPLY_TRIES = 60
const APPLY_PAUSE_MS = 250

const CRD_RESOURCE: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}

function virtualAddresses({ metadata, spec, status }: Service, slices: readonly EndpointSlice[]): VirtualAddress[] {
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => {
    if (ip === undefined) return []
    const family = ip.includes(':') ? 'IPv6' : 'IPv4'
    const own = slices.filter(
      slice => slice.addressType === family && slice.metadata.labels?.['kubernetes.io/service-name'] === metadata.name,
    )
    const endpoints = own
      .flatMap(slice => slice.endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready !== false)
    return [
      {
        address: ip,
        isLocal: spec?.externalTrafficPolicy === 'Local',
        ports: (spec?.ports ?? []).map(({ port, protocol, targetPort }) => ({
          protocol: protocol === 'UDP' ? 'udp' : 'tcp',
          port,
          targetPort: Number(targetPort),
        })),
        endpoints: endpoints.map(({ nodeName = '', addresses = [] }) => ({
          node: nodeName,
          address: addresses[0] ?? '',
        })),
      },
    ]
  })
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z')
}
