import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { crds, IP_ADDRESS_POOLS, type Service } from '@metallb-ts/api'
import { EventBus } from '@metallb-ts/event-bus'
import {
  createClient,
  createInformer,
  NAMESPACES,
  SERVICES,
  type KubeEvents,
  type KubeObject,
  type Resource,
} from '@metallb-ts/k8s-watch'
import { httpTransport } from '@metallb-ts/k8s-watch/node'
import { REAL_CLOCK, realRandom } from '@metallb-ts/runtime/node'
import { findBinaries, startControlPlane } from '@metallb-ts/tools/envtest'
import { runTool } from '@metallb-ts/tools/run'
import { eventually, pause, SYSTEM } from '../src/index.ts'

/**
 * The controller's bundle against a real kube-apiserver over etcd on the same machine, as JSON on standard output: cold
 * start, restart with everything assigned, and one Service at a time, quietly and beside deletions. `node
 * --conditions=development bench/controller-real.bench.ts [number of Services ...]`.
 */
const COUNTS = process.argv
  .slice(2)
  .map(Number)
  .filter(count => count > 0)
const MAIN = fileURLToPath(new URL('../../../apps/controller/dist/main.js', import.meta.url))
/** As a pod sees it: the service account's files where it looks for them, in a mount namespace of its own. */
const AS_POD = `
mount -t tmpfs tmpfs /run
account=/run/secrets/kubernetes.io/serviceaccount
mkdir -p $account
printf %s "$TOKEN" > $account/token
printf default > $account/namespace
cp "$CA" $account/ca.crt
exec "$0" "$@"
`

/** Flags of node, to see what they change. */
const NODE_FLAGS = (process.env['NODE_FLAGS'] ?? '').split(' ').filter(flag => flag !== '')
const SINGLES = 200
const SINGLE_EVERY_MS = 50
const IN_FLIGHT = 32
const COMPACTED_MS = 5_000
const HEALTH_PORT = 17_491

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
const build = await runTool('nx', ['run', '@metallb-ts/controller:build'])
if (build.code !== 0) throw new Error(build.output)
for (const count of COUNTS.length > 0 ? COUNTS : [1_000, 5_000, 10_000]) await bench(binaries.folder, count)
process.stdout.write(`${JSON.stringify({ benchmark: 'controller-real', rows }, undefined, 2)}\n`)
process.exit()

async function bench(folder: string, services: number): Promise<void> {
  const plane = await startControlPlane({ binaries: folder, controllerManager: false })
  const transport = httpTransport({
    server: plane.url,
    tls: { ca: readFileSync(plane.caFile) },
    authorization: () => `Bearer ${plane.adminToken}`,
  })
  const client = createClient(transport, { writesInFlight: IN_FLIGHT })
  const assigned = new Set<string>()
  const events = new EventBus<KubeEvents>({ now: () => REAL_CLOCK.now(), onHandlerError: console.error })
  const informer = createInformer<KubeObject & Service, boolean>(
    { transport, clock: REAL_CLOCK, random: realRandom(), events },
    {
      resource: SERVICES,
      namespace: 'default',
      project: ({ status }) => (status?.loadBalancer?.ingress ?? []).length > 0,
    },
  )
  const waiters = new Map<string, () => void>()
  events.subscribe('kube:changed', ({ detail: { key } }) => {
    if (informer.get(key) !== true) return void assigned.delete(key)
    assigned.add(key)
    waiters.get(key)?.()
  })
  let child: ChildProcess | undefined

  process.once('exit', () => child?.kill('SIGKILL'))

  const run = (): void => {
    const { hostname, port } = new URL(plane.url)
    const flags = [`--namespace=${SYSTEM}`, `--health-probe-port=${HEALTH_PORT}`, '--port=0', '--log-level=warn']
    child?.kill('SIGKILL')
    child = spawn('unshare', ['-m', 'sh', '-c', AS_POD, process.execPath, ...NODE_FLAGS, MAIN, ...flags], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        ...process.env,
        TOKEN: plane.adminToken,
        CA: plane.caFile,
        KUBERNETES_SERVICE_HOST: hostname,
        KUBERNETES_SERVICE_PORT: port,
      },
    })
  }
  const stop = async (): Promise<void> => {
    const exit = new Promise(resolve => child?.once('exit', resolve))
    child?.kill('SIGTERM')
    await exit
  }
  const create = (name: string): Promise<unknown> =>
    client.create(SERVICES, {
      metadata: { name, namespace: 'default' },
      spec: {
        type: 'LoadBalancer',
        allocateLoadBalancerNodePorts: false,
        ports: [
          { name: 'a', port: 80 },
          { name: 'b', port: 443 },
        ],
      },
    } as never)
  const writes = async (): Promise<number> => {
    const page = await (await transport.request({ method: 'GET', path: '/metrics' })).text()
    const lines = page.matchAll(
      /^apiserver_request_total\{([^}]*verb="(?:POST|PUT|PATCH|APPLY|DELETE)"[^}]*)\} (\S+)$/gm,
    )
    return [...lines]
      .filter(([, labels]) => !labels!.includes('resource="leases"'))
      .reduce((sum, [, , count]) => sum + Number(count), 0)
  }
  const quiet = async (): Promise<number> => {
    for (let before = -1, now = await writes(); ;) {
      if (now === before) return now
      await pause(1_000)
      ;[before, now] = [now, await writes()]
    }
  }
  /** Now, and at its worst: after a start the heap is compacted. */
  const memory = async (): Promise<Record<string, number>> => {
    await pause(COMPACTED_MS)
    const status = readFileSync(`/proc/${child?.pid}/status`, 'utf8')
    const mib = (field: string): number =>
      Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1_024)
    return { 'RSS MB': mib('VmRSS'), 'peak RSS MB': mib('VmHWM') }
  }
  const ready = (): Promise<boolean> =>
    fetch(`http://127.0.0.1:${HEALTH_PORT}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    )
  const singles = async (prefix: string, beside: (i: number) => void): Promise<Record<string, number>> => {
    const waits: number[] = []
    const creates: number[] = []
    const all: Promise<unknown>[] = []
    for (let i = 0; i < SINGLES; i++) {
      const from = performance.now()
      const name = `${prefix}-${i}`
      all.push(
        new Promise<void>(resolve => waiters.set(`default/${name}`, resolve)).then(() =>
          waits.push(performance.now() - from),
        ),
      )
      beside(i)
      await create(name)
      creates.push(performance.now() - from)
      await pause(SINGLE_EVERY_MS)
    }
    await Promise.all(all)
    const at = (times: readonly number[], share: number): number =>
      Math.round(times.toSorted((a, b) => a - b)[Math.min(times.length - 1, Math.floor(share * times.length))]!)
    return {
      'p50 ms': at(waits, 0.5),
      'p95 ms': at(waits, 0.95),
      'p99 ms': at(waits, 0.99),
      'of it, the create p50 ms': at(creates, 0.5),
    }
  }

  try {
    for (const crd of crds()) await client.create(CRDS, crd as never)
    await client.create(NAMESPACES, { metadata: { name: SYSTEM } } as never)
    await eventually('the definitions', () =>
      client
        .create(IP_ADDRESS_POOLS, {
          metadata: { name: 'p', namespace: SYSTEM },
          spec: { addresses: ['10.64.0.0/12'] },
        } as never)
        .then(() => true),
    )
    await eventually('cluster addresses', () => create('s0').then(() => true))
    await Promise.all(Array.from({ length: services - 1 }, (_, i) => create(`s${i + 1}`)))
    informer.start()
    await eventually('the observer', () => informer.size >= services)
    let before = await quiet()
    let from = performance.now()
    run()
    await eventually('every address', () => assigned.size >= services, 300_000)
    const coldMs = Math.round(performance.now() - from)
    const cold = (await quiet()) - before
    rows.push({
      what: 'cold start',
      services,
      'last address ms': coldMs,
      'writes a Service': Math.round((cold / services) * 100) / 100,
      ...(await memory()),
    })

    await stop()
    await create('waits')
    before = await quiet()
    from = performance.now()
    run()
    await eventually('the one that waits', () => assigned.has('default/waits'), 60_000)
    const servedMs = Math.round(performance.now() - from)
    await eventually('ready', ready)
    const readyMs = Math.round(performance.now() - from)
    const restart = (await quiet()) - before
    rows.push({
      what: 'restart, one Service waiting',
      services,
      'served ms': servedMs,
      'ready ms': readyMs,
      writes: restart,
      ...(await memory()),
    })

    rows.push({ what: 'one created at a time', services, ...(await singles('quiet', () => {})) })
    let victim = 0
    const remove = (): void => void client.remove(SERVICES, `default/s${victim++}`).catch(() => {})
    rows.push({
      what: 'the same, one deleted a second',
      services,
      ...(await singles('some', i => i % 20 === 0 && remove())),
    })
    rows.push({ what: 'the same, twenty deleted a second', services, ...(await singles('mass', remove)) })
    await stop()
  } finally {
    child?.kill('SIGKILL')
    informer.stop()
    await transport.close()
    await plane.stop()
  }
}
