// A cluster's API server in a process of its own: 10 000 Services, 50 000 EndpointSlices, 1 000 Nodes. Told what to do by messages.
import { setTimeout as sleep } from 'node:timers/promises'
import { startFakeApiServer, type StoredObject } from '../src/testing/index.ts'
import { issueCertificate } from '../src/node/webhook/index.ts'

export type Order =
  | { readonly type: 'burst'; readonly events: number }
  /** The server goes, with all its connections, and comes back on its port; its history begins anew. */
  | { readonly type: 'restart'; readonly downMs: number }
  | { readonly type: 'figures' }

/** Since the server came up. */
export interface Figures {
  readonly requests: number
  readonly watches: number
  readonly connections: number
}

const DAY = 86_400_000
const certificate = await issueCertificate({
  commonName: 'api',
  notBefore: Date.now() - DAY,
  notAfter: Date.now() + DAY,
})
const init = { tls: certificate, historyLimit: 200_000, bookmarkMs: 60_000 }
let server = await startFakeApiServer(init)
const { store } = server.core

let turn = 0
for (let i = 0; i < 10_000; i++) put('services', service(i))
for (let i = 0; i < 50_000; i++) put('endpointslices.discovery.k8s.io', slice(i))
for (let i = 0; i < 1_000; i++) put('nodes', node(i))
process.send?.({ kubeconfig: server.kubeconfig })

process.on('SIGINT', () => process.exit(0))
process.on('message', (order: Order) => {
  void obey(order).then(() => {
    const { requests, connections, watches } = server
    process.send?.({ requests: requests.length, watches, connections } satisfies Figures)
  })
})

async function obey(order: Order): Promise<void> {
  if (order.type === 'burst') burst(order.events)
  if (order.type !== 'restart') return
  await server.stop()
  store.compact()
  await sleep(order.downMs)
  server = await startFakeApiServer({ ...init, store, port: Number(new URL(server.url).port) })
}

function burst(events: number): void {
  const services = store.list('services')
  for (let i = 0; i < events; i++) {
    const before = store.get('services', keyOf(services[i % services.length]!))!
    const labels = { ...(before.metadata['labels'] as object), turn: String(turn++) }
    store.replace('services', keyOf(before), { ...before, metadata: { ...before.metadata, labels } })
  }
}

function put(collection: string, object: StoredObject): void {
  store.create(collection, keyOf(object), object)
}

function keyOf({ metadata: { namespace, name } }: StoredObject): string {
  return namespace === undefined ? name : `${namespace}/${name}`
}

function managed(manager: string): object[] {
  const fields = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f:field-${i}`, {}]))
  return [{ manager, operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: { 'f:spec': fields } }]
}

function service(i: number): StoredObject {
  return {
    metadata: {
      name: `service-${i}`,
      namespace: `ns-${i % 50}`,
      labels: { app: `app-${i}`, team: `team-${i % 20}` },
      annotations: { 'example.com/owner': `somebody-${i}` },
      managedFields: managed('kubectl'),
    },
    spec: {
      type: 'LoadBalancer',
      clusterIP: `10.96.${i >> 8}.${i & 255}`,
      clusterIPs: [`10.96.${i >> 8}.${i & 255}`],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      selector: { app: `app-${i}` },
      ports: [80, 443].map(port => ({
        name: `p${port}`,
        port,
        targetPort: 8_080,
        nodePort: 30_000 + port,
        protocol: 'TCP',
      })),
      sessionAffinity: 'None',
      externalTrafficPolicy: 'Cluster',
    },
    status: { loadBalancer: { ingress: [{ ip: `192.0.${i >> 8}.${i & 255}`, ipMode: 'VIP' }] } },
  }
}

function slice(i: number): StoredObject {
  const service = Math.floor(i / 5)
  return {
    metadata: {
      name: `service-${service}-${i}`,
      namespace: `ns-${service % 50}`,
      labels: { 'kubernetes.io/service-name': `service-${service}`, app: `app-${service}` },
      managedFields: managed('kube-controller-manager'),
    },
    addressType: 'IPv4',
    endpoints: [1, 2].map(n => ({
      addresses: [`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: `node-${(i * n) % 1_000}`,
      targetRef: { kind: 'Pod', name: `pod-${i}-${n}`, namespace: `ns-${service % 50}`, uid: `uid-${i}-${n}` },
    })),
    ports: [{ name: 'p80', port: 8_080, protocol: 'TCP' }],
  }
}

function node(i: number): StoredObject {
  return {
    metadata: {
      name: `node-${i}`,
      labels: { 'kubernetes.io/hostname': `node-${i}` },
      managedFields: managed('kubelet'),
    },
    spec: { podCIDR: `10.${i >> 8}.${i & 255}.0/24` },
    status: {
      addresses: [{ type: 'InternalIP', address: `10.0.${i >> 8}.${i & 255}` }],
      conditions: ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure', 'NetworkUnavailable'].map(type => ({
        type,
        status: type === 'Ready' ? 'True' : 'False',
        reason: 'Because',
        message: 'x'.repeat(60),
      })),
      images: Array.from({ length: 50 }, (_, n) => ({
        names: [`images.example/thing-${n}@sha256:${'0'.repeat(64)}`, `images.example/thing-${n}:v1`],
        sizeBytes: 1_000_000 * n,
      })),
    },
  }
}
