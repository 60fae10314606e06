import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BGP_ADVERTISEMENTS, BGP_PEERS, IP_ADDRESS_POOLS } from '@metallb-ts/api'
import {
  createClient,
  ENDPOINT_SLICES,
  NODES,
  SERVICES,
  type KubeClient,
  type KubeTransport,
  type Resource,
} from '@metallb-ts/k8s-watch'
import { httpTransport } from '@metallb-ts/k8s-watch/node'
import { startControlPlane, type ControlPlane } from '@metallb-ts/tools/envtest'
import { Cluster, eventually, pause, PROGRAM_FLAGS, SYSTEM, type Account } from '../../src/index.ts'
import { start } from '../../src/shell.ts'
import { BGP_PORT, NODE, ROUTER } from './network.ts'

/** A real API server over etcd, and the Services of one benchmark in it, with two endpoints each. */
export class BenchCluster {
  readonly #plane: ControlPlane
  readonly #relay: ChildProcess
  readonly #transport: KubeTransport
  readonly #client: KubeClient
  readonly #objects: Cluster

  static async start(space: string, binaries: string, folder: string): Promise<BenchCluster> {
    const plane = await startControlPlane({ binaries, namespace: space, controllerManager: false })
    const socketPath = join(folder, 'api.sock')
    const { hostname, port } = new URL(plane.url)
    const relay = start(space, process.execPath, [...PROGRAM_FLAGS, RELAY, socketPath, hostname, port])
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
    return new BenchCluster(plane, relay, transport)
  }

  private constructor(plane: ControlPlane, relay: ChildProcess, transport: KubeTransport) {
    this.#plane = plane
    this.#relay = relay
    this.#transport = transport
    this.#client = createClient(transport, { writesInFlight: IN_FLIGHT })
    this.#objects = new Cluster(this.#client, 'real')
  }

  /** What the service account of a pod with all rights is given. */
  get account(): Account {
    const { url: server, caFile, adminToken: token } = this.#plane
    return { server, caFile, token }
  }

  /** Configuration, and Services 0 to `services` - 1 with an address each; beside them one without, `CHANGED`. */
  async prepare(services: number): Promise<void> {
    await this.#objects.define()
    for (const name of ['n1', 'n2']) await this.#objects.apply(NODES, { metadata: { name } })
    const status = { addresses: [{ type: 'InternalIP', address: NODE }] }
    await this.#client.patch(NODES, 'n1', { status }, { type: 'merge', subresource: 'status' })
    await this.#configure(IP_ADDRESS_POOLS, 'all', { addresses: ['10.64.0.0/12'] })
    await this.#configure(BGP_ADVERTISEMENTS, 'all', {})
    await this.peer('router', ROUTER)
    await this.#service(CHANGED, false)
    await Promise.all(Array.from({ length: services }, (_, i) => this.#service(i, true)))
  }

  peer(name: string, peerAddress: string): Promise<void> {
    const spec = { myASN: 64_512, peerASN: 64_513, peerAddress, sourceAddress: NODE, peerPort: BGP_PORT }
    return this.#configure(BGP_PEERS, name, spec)
  }

  async unpeer(name: string): Promise<void> {
    await this.#client.remove(BGP_PEERS, `${SYSTEM}/${name}`)
  }

  async setAddress(i: number, ip: string | undefined): Promise<void> {
    const status = { loadBalancer: { ingress: ip === undefined ? null : [{ ip }] } }
    await this.#client.patch(SERVICES, `default/s${i}`, { status }, { type: 'merge', subresource: 'status' })
  }

  async setEndpoints(i: number, nodes: readonly string[]): Promise<void> {
    await this.#client.patch(ENDPOINT_SLICES, `default/s${i}-1`, { endpoints: endpoints(nodes) }, { type: 'merge' })
  }

  /** Write requests answered so far, but for those of leases. */
  async writes(): Promise<number> {
    const page = await (await this.#transport.request({ method: 'GET', path: '/metrics' })).text()
    const verbs = /^apiserver_request_total\{([^}]*verb="(?:POST|PUT|PATCH|APPLY|DELETE)"[^}]*)\} (\S+)$/gm
    return [...page.matchAll(verbs)]
      .filter(([, labels]) => !labels!.includes('resource="leases"'))
      .reduce((sum, [, , count]) => sum + Number(count), 0)
  }

  /** The same once nobody has written for a while. */
  async writesAtRest(): Promise<number> {
    let before = -1
    return eventually(
      'nobody to write',
      async () => {
        const now = await this.writes()
        if (now === before) return now
        before = now
        await pause(QUIET_MS)
        return undefined
      },
      QUIET_LIMIT_MS,
    )
  }

  async stop(): Promise<void> {
    await this.#transport.close()
    await this.#plane.stop()
    this.#relay.kill('SIGKILL')
  }

  async #configure(resource: Resource, name: string, spec: object): Promise<void> {
    await this.#objects.apply(resource, { metadata: { name, namespace: SYSTEM }, spec })
  }

  async #service(i: number, hasAddress: boolean): Promise<void> {
    const spec = { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, ports: [{ port: 80 }] }
    await this.#objects.apply(SERVICES, { metadata: { name: `s${i}`, namespace: 'default' }, spec })
    await this.#objects.apply(ENDPOINT_SLICES, {
      metadata: { name: `s${i}-1`, namespace: 'default', labels: { 'kubernetes.io/service-name': `s${i}` } },
      addressType: 'IPv4',
      ports: [{ port: 8080 }],
      endpoints: endpoints(['n1', 'n2']),
    })
    if (hasAddress) await this.setAddress(i, `10.64.${i >> 8}.${i & 255}`)
  }
}

/** The Service that changes while the others stay. */
export const CHANGED = 100_000

const RELAY = fileURLToPath(new URL('../../src/programs/relay.ts', import.meta.url))
const IN_FLIGHT = 32
const QUIET_MS = 4_000
const QUIET_LIMIT_MS = 300_000

function endpoints(nodes: readonly string[]): readonly object[] {
  return nodes.map((nodeName, i) => ({ nodeName, addresses: [`10.244.0.${i + 1}`], conditions: { ready: true } }))
}
