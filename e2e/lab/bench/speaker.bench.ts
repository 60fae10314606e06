import { spawnSync, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BGP_ADVERTISEMENTS, BGP_PEERS, crds, IP_ADDRESS_POOLS } from '@metallb-ts/api'
import {
  createClient,
  ENDPOINT_SLICES,
  NAMESPACES,
  NODES,
  SERVICES,
  type KubeClient,
  type KubeTransport,
  type Resource,
} from '@metallb-ts/k8s-watch'
import { httpTransport } from '@metallb-ts/k8s-watch/node'
import { findBinaries, startControlPlane, type ControlPlane } from '@metallb-ts/tools/envtest'
import { runTool } from '@metallb-ts/tools/run'
import { eventually, pause, PROGRAM_FLAGS, SYSTEM } from '../src/index.ts'
import { ipBatch, start } from '../src/shell.ts'

/**
 * The speaker's bundle against a real kube-apiserver, with FRR's bgpd as the router, as JSON on standard output. All of it
 * lives in one network namespace. Times of routes are bgpd's own stamps. `node --conditions=development
 * bench/speaker.bench.ts [number of Services ...]`.
 */
const COUNTS = process.argv
  .slice(2)
  .map(Number)
  .filter(count => count >= 0)
const CHANGES = Number(process.env['CHANGES'] ?? 100)
const SPACE = `mtsb${process.pid}`
const MAIN = fileURLToPath(new URL('../../../apps/speaker/dist/main.js', import.meta.url))
const BGPD = '/usr/lib/frr/bgpd'
const [NODE_ADDRESS, ROUTER, SILENT, REFUSING] = ['10.80.0.1', '10.80.0.2', '10.80.0.3', '10.80.0.4']
const [HEALTH_PORT, METRICS_PORT, BGP_PORT] = [17_472, 7_472, 1_790]
const IN_FLIGHT = 32
const CRDS: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}

const rows: Readonly<Record<string, string | number>>[] = []
const binaries = findBinaries()
if (!binaries.ok) throw new Error(binaries.reason)
const build = await runTool('nx', ['run', '@metallb-ts/speaker:build'])
if (build.code !== 0) throw new Error(build.output)
for (const count of COUNTS.length > 0 ? COUNTS : [0, 1_000, 5_000, 10_000]) await bench(binaries.folder, count)
process.stdout.write(`${JSON.stringify({ benchmark: 'speaker', rows }, undefined, 2)}\n`)
process.exit()

async function bench(folder: string, services: number): Promise<void> {
  const scene = await Scene.build(folder)
  try {
    await scene.prepare(services)
    await scene.fromStart(services)
    await scene.atRest(services)
    await scene.changes(services, 'one router')
    await scene.peer('silent', SILENT)
    await scene.peer('refusing', REFUSING)
    await pause(3_000)
    await scene.changes(services, 'beside it a router that never answers, and one that refuses')
    await scene.unpeer('silent')
    await scene.unpeer('refusing')
    await scene.restart(services)
  } finally {
    await scene.remove()
  }
}

/** bgpd's log, read as it grows. */
class RouterLog {
  readonly #path: string
  #read = 0
  #rest = ''
  #newest = new Map<string, { readonly at: number; readonly isWithdrawn: boolean }>()

  constructor(path: string) {
    this.#path = path
  }

  forget(): void {
    this.#take()
    this.#newest = new Map()
  }

  /** Prefixes that are known to be announced since `forget`, with the stamp of the last. */
  announced(): { readonly count: number; readonly last: number } {
    this.#take()
    const all = [...this.#newest.values()].filter(({ isWithdrawn }) => !isWithdrawn)
    return { count: all.length, last: Math.max(0, ...all.map(({ at }) => at)) }
  }

  /** When it last heard this of a prefix. */
  stamp(prefix: string, isWithdrawn: boolean): number | undefined {
    this.#take()
    const found = this.#newest.get(prefix)
    return found?.isWithdrawn === isWithdrawn ? found.at : undefined
  }

  #take(): void {
    const bytes = readFileSync(this.#path)
    const text = this.#rest + bytes.subarray(this.#read).toString('utf8')
    this.#read = bytes.length
    const lines = text.split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      const found = /^(\S+ \S+) .* rcvd (?:UPDATE about )?(\S+\/\d+) IPv4 unicast(?: -- (withdrawn))?/.exec(line)
      if (found === null) continue
      const [, when = '', prefix = '', withdrawn] = found
      this.#newest.set(prefix, { at: stampMs(when), isWithdrawn: withdrawn !== undefined })
    }
  }
}

/** `2026/11/28 01:02:03.456789`, local time. */
function stampMs(text: string): number {
  const [seconds = '', fraction = '0'] = text.split('.')
  return new Date(seconds.replaceAll('/', '-').replace(' ', 'T')).getTime() + Number(`0.${fraction}`) * 1_000
}

class Scene {
  readonly #plane: ControlPlane
  readonly #transport: KubeTransport
  readonly #client: KubeClient
  readonly #helpers: readonly ChildProcess[]
  readonly #log: RouterLog
  readonly #folder: string
  #speaker: ChildProcess | undefined

  static async build(binariesFolder: string): Promise<Scene> {
    const folder = mkdtempSync(join(tmpdir(), 'speaker-bench-'))
    ipBatch([`netns add ${SPACE}`])
    process.once('exit', () => spawnSync('ip', ['netns', 'delete', SPACE]))
    ipBatch(
      ['link set lo up', ...[NODE_ADDRESS, ROUTER, SILENT, REFUSING].map(one => `address add ${one}/24 dev lo`)],
      SPACE,
    )
    const drop = `add table inet b; add chain inet b i { type filter hook input priority 0; }; add rule inet b i ip daddr ${SILENT} tcp dport ${BGP_PORT} drop`
    spawnSync('ip', ['netns', 'exec', SPACE, 'nft', drop])
    const log = join(folder, 'bgpd.log')
    writeFileSync(log, '')
    writeFileSync(join(folder, 'bgpd.conf'), routerConfig(log))
    mkdirSync(join(folder, 'vty'))
    spawnSync('chmod', ['-R', '777', folder])
    const at = ['-l', ROUTER, '-p', String(BGP_PORT), '-P', '0', '--vty_socket', join(folder, 'vty')]
    const bgpd = start(SPACE, BGPD, [
      '-Z',
      '-S',
      '-f',
      join(folder, 'bgpd.conf'),
      '-i',
      join(folder, 'bgpd.pid'),
      ...at,
    ])
    const plane = await startControlPlane({ binaries: binariesFolder, namespace: SPACE, controllerManager: false })
    const socketPath = join(folder, 'api.sock')
    const relayProgram = fileURLToPath(new URL('../src/programs/relay.ts', import.meta.url))
    const { hostname, port } = new URL(plane.url)
    const relay = start(SPACE, process.execPath, [...PROGRAM_FLAGS, relayProgram, socketPath, hostname, port])
    const transport = httpTransport({
      server: plane.url,
      socketPath,
      tls: { ca: readFileSync(plane.caFile) },
      authorization: () => `Bearer ${plane.adminToken}`,
    })
    await eventually('the API server', async () => {
      const response = await transport.request({ method: 'GET', path: '/readyz' })
      await response.text()
      return response.status === 200
    })
    return new Scene(plane, transport, [bgpd, relay], new RouterLog(log), folder)
  }

  private constructor(
    plane: ControlPlane,
    transport: KubeTransport,
    helpers: readonly ChildProcess[],
    log: RouterLog,
    folder: string,
  ) {
    this.#plane = plane
    this.#transport = transport
    this.#client = createClient(transport, { writesInFlight: IN_FLIGHT })
    this.#helpers = helpers
    this.#log = log
    this.#folder = folder
  }

  async prepare(services: number): Promise<void> {
    for (const crd of crds()) await this.#client.create(CRDS, crd as never)
    await this.#client.create(NAMESPACES, { metadata: { name: SYSTEM } } as never)
    for (const name of ['n1', 'n2']) await this.#client.create(NODES, { metadata: { name } } as never)
    const status = { addresses: [{ type: 'InternalIP', address: NODE_ADDRESS }] }
    await this.#client.patch(NODES, 'n1', { status }, { type: 'merge', subresource: 'status' })
    const apply = (resource: Resource, name: string, spec: object): Promise<unknown> =>
      eventually(resource.plural, () =>
        this.#client.create(resource, { metadata: { name, namespace: SYSTEM }, spec } as never).then(() => true),
      )
    await apply(IP_ADDRESS_POOLS, 'all', { addresses: ['10.64.0.0/12'] })
    await apply(BGP_ADVERTISEMENTS, 'all', {})
    await this.peer('router', ROUTER)
    const names = Array.from({ length: services }, (_, i) => i)
    await eventually('cluster addresses', () => this.#service(CHANGED, false).then(() => true))
    await Promise.all(names.map(i => this.#service(i, true)))
  }

  async peer(name: string, peerAddress: string): Promise<void> {
    const spec = { myASN: 64_512, peerASN: 64_513, peerAddress, sourceAddress: NODE_ADDRESS, peerPort: BGP_PORT }
    await this.#client.create(BGP_PEERS, { metadata: { name, namespace: SYSTEM }, spec } as never)
  }

  async unpeer(name: string): Promise<void> {
    await this.#client.remove(BGP_PEERS, `${SYSTEM}/${name}`)
  }

  async fromStart(services: number): Promise<void> {
    const before = await this.#writes()
    this.#log.forget()
    const from = Date.now()
    this.#run()
    const lastMs = await this.#lastRoute(services, from)
    await eventually('ready', () => this.#get(HEALTH_PORT, '/readyz').status === 200, 60_000)
    const readyMs = Date.now() - from
    const writes = (await this.#quiet()) - before
    rows.push({
      what: 'from the start of the process',
      services,
      'last route ms': lastMs,
      'ready ms': readyMs,
      'API writes a Service': services === 0 ? writes : round(writes / services),
      'longest event-loop block ms': this.#longestBlock(),
    })
  }

  async atRest(services: number): Promise<void> {
    const before = await this.#writes()
    const cpu = this.#cpuSeconds()
    await pause(REST_MS)
    const used = this.#cpuSeconds() - cpu
    rows.push({
      what: 'at rest',
      services,
      'CPU %': round((used / REST_MS) * 100_000),
      'API writes': (await this.#writes()) - before,
      'RSS MB': this.#memory('VmRSS'),
      'peak RSS MB': this.#memory('VmHWM'),
    })
  }

  async changes(services: number, beside: string): Promise<void> {
    const shown: number[] = []
    const gone: number[] = []
    this.#longestBlock()
    for (let i = 0; i < CHANGES; i++) {
      await this.#setAddress(CHANGED, '10.79.255.1')
      shown.push(await this.#heard('10.79.255.1/32', false))
      await pause(BETWEEN_MS)
      await this.#endpoints(CHANGED, [])
      gone.push(await this.#heard('10.79.255.1/32', true))
      await this.#setAddress(CHANGED, undefined)
      await this.#endpoints(CHANGED, ['n1', 'n2'])
      await pause(BETWEEN_MS)
    }
    rows.push({
      what: 'one change at a time',
      services,
      beside,
      'status to route p50 ms': at(shown, 0.5),
      'status to route p99 ms': at(shown, 0.99),
      'endpoints gone to withdrawal p50 ms': at(gone, 0.5),
      'endpoints gone to withdrawal p99 ms': at(gone, 0.99),
      'longest event-loop block ms': this.#longestBlock(),
    })
  }

  async restart(services: number): Promise<void> {
    await this.#quiet()
    const exit = new Promise(resolve => this.#speaker?.once('exit', resolve))
    const stopping = Date.now()
    this.#speaker?.kill('SIGTERM')
    await exit
    const stopMs = Date.now() - stopping
    const before = await this.#writes()
    this.#log.forget()
    const from = Date.now()
    this.#run()
    const lastMs = await this.#lastRoute(services, from)
    await pause(SETTLED_MS)
    rows.push({
      what: 'restart with nothing changed',
      services,
      'stop ms': stopMs,
      'last route ms': lastMs,
      'API writes': (await this.#quiet()) - before,
      'RSS MB': this.#memory('VmRSS'),
    })
  }

  async remove(): Promise<void> {
    this.#speaker?.kill('SIGKILL')
    await this.#transport.close()
    await this.#plane.stop()
    for (const helper of this.#helpers) helper.kill('SIGKILL')
    spawnSync('ip', ['netns', 'delete', SPACE])
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 3 })
  }

  #run(): void {
    const flags = [
      `--kubeconfig=${this.#plane.kubeconfig}`,
      `--namespace=${SYSTEM}`,
      '--node-name=n1',
      '--log-level=warn',
      `--health-probe-port=${HEALTH_PORT}`,
      `--port=${METRICS_PORT}`,
      '--metrics-plain-http',
    ]
    this.#speaker = start(SPACE, process.execPath, [MAIN, ...flags], { stdio: ['ignore', 'ignore', 'inherit'] })
  }

  async #lastRoute(services: number, from: number): Promise<number | string> {
    if (services === 0) return '-'
    await eventually('every route', () => this.#log.announced().count >= services, 120_000)
    return Math.round(this.#log.announced().last - from)
  }

  /** Milliseconds from the answer to the last write to the router's stamp. */
  async #heard(prefix: string, isWithdrawn: boolean): Promise<number> {
    const answered = performance.timeOrigin + performance.now()
    const stamp = await eventually(`${prefix}, ${isWithdrawn ? 'withdrawn' : 'announced'}`, () =>
      this.#log.stamp(prefix, isWithdrawn),
    )
    this.#log.forget()
    return stamp - answered
  }

  async #service(i: number, hasAddress: boolean): Promise<void> {
    const spec = { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, ports: [{ port: 80 }] }
    await this.#client.create(SERVICES, { metadata: { name: `s${i}`, namespace: 'default' }, spec } as never)
    await this.#client.create(ENDPOINT_SLICES, {
      metadata: { name: `s${i}-1`, namespace: 'default', labels: { 'kubernetes.io/service-name': `s${i}` } },
      addressType: 'IPv4',
      ports: [{ port: 8080 }],
      endpoints: endpoints(['n1', 'n2']),
    } as never)
    if (hasAddress) await this.#setAddress(i, `10.64.${i >> 8}.${i & 255}`)
  }

  async #setAddress(i: number, ip: string | undefined): Promise<void> {
    const status = { loadBalancer: { ingress: ip === undefined ? null : [{ ip }] } }
    await this.#client.patch(SERVICES, `default/s${i}`, { status }, { type: 'merge', subresource: 'status' })
  }

  async #endpoints(i: number, nodes: readonly string[]): Promise<void> {
    await this.#client.patch(ENDPOINT_SLICES, `default/s${i}-1`, { endpoints: endpoints(nodes) }, { type: 'merge' })
  }

  async #writes(): Promise<number> {
    const page = await (await this.#transport.request({ method: 'GET', path: '/metrics' })).text()
    const verbs = /^apiserver_request_total\{([^}]*verb="(?:POST|PUT|PATCH|APPLY|DELETE)"[^}]*)\} (\S+)$/gm
    return [...page.matchAll(verbs)]
      .filter(([, labels]) => !labels!.includes('resource="leases"'))
      .reduce((sum, [, , count]) => sum + Number(count), 0)
  }

  async #quiet(): Promise<number> {
    for (let before = -1, now = await this.#writes(); ;) {
      if (now === before) return now
      await pause(QUIET_MS)
      ;[before, now] = [now, await this.#writes()]
    }
  }

  /** Since it was last asked. */
  #longestBlock(): number {
    const { body } = this.#get(METRICS_PORT, '/metrics')
    return round(Number(/^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(body)?.[1] ?? NaN) * 1_000)
  }

  #get(port: number, path: string): { readonly status: number; readonly body: string } {
    const curl = ['netns', 'exec', SPACE, 'curl', '-s', '--noproxy', '*', '-m', '5', '-w', '\n%{http_code}']
    const { stdout } = spawnSync('ip', [...curl, `http://127.0.0.1:${port}${path}`], { encoding: 'utf8' })
    const lines = stdout.split('\n')
    return { status: Number(lines.at(-1)), body: lines.slice(0, -1).join('\n') }
  }

  #memory(field: string): number {
    const status = readFileSync(`/proc/${this.#speaker?.pid}/status`, 'utf8')
    return Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1_024)
  }

  #cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.#speaker?.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) / 100
  }
}

/** The Service that changes while the others stay. */
const CHANGED = 100_000
const REST_MS = 15_000
const BETWEEN_MS = 30
const SETTLED_MS = 6_000
const QUIET_MS = 4_000

function endpoints(nodes: readonly string[]): readonly object[] {
  return nodes.map((nodeName, i) => ({ nodeName, addresses: [`10.244.0.${i + 1}`], conditions: { ready: true } }))
}

function routerConfig(log: string): string {
  return [
    `log file ${log}`,
    'log timestamp precision 6',
    'debug bgp updates in',
    'router bgp 64513',
    ` bgp router-id ${ROUTER}`,
    ' no bgp ebgp-requires-policy',
    ` neighbor ${NODE_ADDRESS} remote-as 64512`,
    ` neighbor ${NODE_ADDRESS} passive`,
    ` neighbor ${NODE_ADDRESS} update-source ${ROUTER}`,
    ` neighbor ${NODE_ADDRESS} disable-connected-check`,
    '',
  ].join('\n')
}

function at(times: readonly number[], share: number): number {
  return round(times.toSorted((a, b) => a - b)[Math.min(times.length - 1, Math.floor(share * times.length))]!)
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
