import { crds, type EndpointSlice, type Service } from '@metallb-ts/api'
import {
  CUSTOM_RESOURCE_DEFINITIONS,
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
import type { ApiKind } from './api-server.ts'
import { eventually, pause } from './eventually.ts'

export const SYSTEM = 'metallb-system'
export const POD_PORT = 8080

export interface ServiceInit {
  /** Nodes with a pod of the Service. @default all */
  readonly pods?: readonly NodeName[]
  readonly annotations?: Readonly<Record<string, string>>
  readonly labels?: Readonly<Record<string, string>>
}

/** The cluster of one lab, as its users and operators see it. */
export class Cluster {
  readonly client: KubeClient
  readonly #kind: ApiKind

  constructor(client: KubeClient, kind: ApiKind) {
    this.client = client
    this.#kind = kind
  }

  /** What an installation brings: the definitions of our resources, and their namespace. */
  async define(): Promise<void> {
    for (const crd of crds()) await this.apply(CUSTOM_RESOURCE_DEFINITIONS, crd)
    await this.apply(NAMESPACES, { metadata: { name: SYSTEM } })
  }

  async prepare(): Promise<void> {
    if (this.#kind === 'embedded') await this.apply(NAMESPACES, { metadata: { name: 'default' } })
    for (const node of NODES) await this.#node(node)
  }

  async apply(resource: Resource, object: object): Promise<KubeObject> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.client.create(resource, object as never)
      } catch (error) {
        // Cluster addresses come from objects that the API server makes shortly after its start.
        if (tries >= APPLY_TRIES || !isCode(error, 'server-error', 'invalid', 'not-found')) throw error
        await pause(APPLY_PAUSE_MS)
      }
    }
  }

  /** Merges into an object of `metallb-system`, or of the namespace named before a slash. */
  async patch(resource: Resource, name: string, patch: object): Promise<void> {
    await this.client.patch(resource, name.includes('/') ? name : `${SYSTEM}/${name}`, patch, { type: 'merge' })
  }

  async remove(resource: Resource, name: string): Promise<void> {
    await this.client.remove(resource, name.includes('/') ? name : `${SYSTEM}/${name}`)
  }

  /** A Service in front of the pods, one on each node named. */
  async service(
    name: string,
    spec: Record<string, unknown> = {},
    { pods = NODES, ...metadata }: ServiceInit = {},
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
    if (this.#kind === 'embedded') await this.#slices(name, pods)
  }

  async removeService(name: string): Promise<void> {
    await this.client.remove(SERVICES, `default/${name}`)
    if (this.#kind !== 'embedded') return
    for (const family of FAMILIES) await this.client.remove(ENDPOINT_SLICES, sliceKey(name, family))
  }

  /** The pods of a Service pass or fail their readiness checks. */
  async ready(name: string, pods: readonly NodeName[], isReady: boolean): Promise<void> {
    for (const node of pods) await this.#podStatus(name, node, isReady)
    if (this.#kind !== 'embedded') return
    for (const family of FAMILIES) {
      const { endpoints } = await this.client.get<EndpointSlice>(ENDPOINT_SLICES, sliceKey(name, family))
      const changed = (endpoints ?? []).map(endpoint =>
        pods.some(node => node === endpoint.nodeName)
          ? { ...endpoint, conditions: { ready: isReady, serving: isReady, terminating: false } }
          : endpoint,
      )
      await this.patch(ENDPOINT_SLICES, sliceKey(name, family), { endpoints: changed })
    }
  }

  /** Addresses in the status, once there are as many as expected. */
  async addresses(name: string, count = 1): Promise<readonly string[]> {
    return eventually(`an address for ${name}`, async () => {
      const { status } = await this.client.get<Service>(SERVICES, `default/${name}`)
      const found = (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (ip === undefined ? [] : [ip]))
      return found.length >= count ? found : undefined
    })
  }

  async #node(node: NodeName): Promise<void> {
    const addresses = [
      { type: 'Hostname', address: node },
      { type: 'InternalIP', address: LAN.ipv4(nodeHost(node)) },
      { type: 'InternalIP', address: LAN.ipv6(nodeHost(node)) },
    ]
    const ready = { type: 'Ready', status: 'True', reason: 'Lab', message: 'lab' }
    const conditions = [{ ...ready, lastHeartbeatTime: now(), lastTransitionTime: now() }]
    await this.apply(NODE_RESOURCE, { metadata: { name: node, labels: { 'kubernetes.io/hostname': node } } })
    await this.client.patch(NODE_RESOURCE, node, { status: { addresses, conditions } }, STATUS)
  }

  async #pod(app: string, node: NodeName): Promise<void> {
    await this.apply(PODS, {
      metadata: { name: `${app}-${node}`, namespace: 'default', labels: { app } },
      spec: { nodeName: node, containers: [{ name: 'server', image: 'lab', ports: [{ containerPort: POD_PORT }] }] },
    })
    await this.#podStatus(app, node, true)
  }

  async #podStatus(app: string, node: NodeName, isReady: boolean): Promise<void> {
    const { ipv4, ipv6 } = podAddress(node)
    const status = {
      phase: 'Running',
      podIP: ipv4,
      podIPs: [{ ip: ipv4 }, { ip: ipv6 }],
      conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False', lastTransitionTime: now() }],
    }
    await this.client.patch(PODS, `default/${app}-${node}`, { status }, STATUS)
  }

  /** What the controller manager makes of pods, for the API server that has none. */
  async #slices(app: string, pods: readonly NodeName[]): Promise<void> {
    for (const family of FAMILIES) {
      const [namespace, name] = sliceKey(app, family).split('/')
      await this.apply(ENDPOINT_SLICES, {
        metadata: { name, namespace, labels: { 'kubernetes.io/service-name': app } },
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
}

const FAMILIES = ['IPv4', 'IPv6'] as const
const STATUS = { type: 'merge', subresource: 'status' } as const
const APPLY_TRIES = 60
const APPLY_PAUSE_MS = 250

function sliceKey(app: string, family: (typeof FAMILIES)[number]): string {
  return `default/${app}-${family.toLowerCase()}`
}

function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z')
}
