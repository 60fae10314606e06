// A cluster's API server in a process of its own: 10 000 Services, 50 000 EndpointSlices, 1 000 Nodes. Told what to do by messages.
import { setTimeout as sleep } from 'node:timers/promises'
import { startFakeApiServer, type StoredObject } from '../src/testing/index.ts'
import { issueCertificate } from '../src/node/webhook/index.ts'
import { node, service, slice } from './objects.ts'

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
