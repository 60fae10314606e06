// Creates the objects of a cluster on the API server of a kubeconfig: `fill.ts KUBECONFIG SERVICES SLICES NODES`. Told
// `{ changes }` afterwards, it changes a Service that often. Says `'done'` after each.
import {
  createClient,
  ENDPOINT_SLICES,
  isCode,
  NAMESPACES,
  NODES,
  objectKey,
  SERVICES,
  type KubeObject,
  type Resource,
} from '../src/index.ts'
import { connect } from '../src/node/index.ts'
import type { StoredObject } from '../src/testing/index.ts'
import { node, service, slice } from './objects.ts'

export interface Change {
  readonly changes: number
}

const IN_FLIGHT = 32
const MOST_TRIES = 20
const RETRY_MS = 500

process.on('disconnect', () => process.exit(0))
const PASSING = ['server-error', 'invalid', 'unreachable', 'too-many-requests'] as const
const [path = '', ...counts] = process.argv.slice(2)
const [services = 0, slices = 0, nodes = 0] = counts.map(Number)
const { transport } = await connect(path, 'fill')
const client = createClient(transport, { writesInFlight: IN_FLIGHT })

await each(namespaces(), i => create(NAMESPACES, { metadata: { name: `ns-${i}` } }))
await each(services, i => create(SERVICES, asked(service(i))))
await each(slices, i => create(ENDPOINT_SLICES, slice(i)))
await each(nodes, i => create(NODES, node(i)))
process.send?.('done')

let turn = 0
process.on('message', ({ changes }: Change) => {
  void each(changes, i => {
    const metadata = { labels: { turn: String(turn++) } }
    const key = objectKey(service(i % services) as KubeObject)
    return patiently(() => client.patch(SERVICES, key, { metadata }, { type: 'merge' }))
  }).then(() => process.send?.('done'))
})

function namespaces(): number {
  return Math.min(50, services)
}

/** As many at a time as the client lets through. */
async function each(count: number, make: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const work = async (): Promise<void> => {
    while (next < count) await make(next++)
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, work))
}

/** The server tracks who owns what itself. */
async function create(resource: Resource, { metadata, ...fields }: StoredObject): Promise<void> {
  const { managedFields: _tracked, ...kept } = metadata
  await patiently(async () => {
    try {
      await client.create(resource, { ...fields, metadata: kept })
    } catch (error) {
      if (!isCode(error, 'already-exists')) throw error // a try that had no answer was done
    }
  })
}

/** A server that starts, or has much to do, is asked again: a range of cluster addresses comes a moment after the start. */
async function patiently(write: () => Promise<unknown>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await write()
      return
    } catch (error) {
      if (tries >= MOST_TRIES || !isCode(error, ...PASSING)) throw error
      await new Promise(resolve => setTimeout(resolve, RETRY_MS))
    }
  }
}

/** Without what the server gives itself; there are not as many node ports as ports here. */
function asked(object: StoredObject): StoredObject {
  const { clusterIP: _ip, clusterIPs: _ips, ports, ...spec } = object['spec'] as Record<string, unknown>
  const free = (ports as readonly Record<string, unknown>[]).map(({ nodePort: _given, ...port }) => port)
  const { status: _later, ...rest } = object
  return { ...rest, spec: { ...spec, ports: free, allocateLoadBalancerNodePorts: false } }
}
