import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { IP_ADDRESS_POOLS, L2_ADVERTISEMENTS } from '@metallb-ts/api'
import { ENDPOINT_SLICES, SERVICES } from '@metallb-ts/k8s-watch'
import { Lab, NODES, pause, PROGRAM_FLAGS, SYSTEM, type NodeName } from '../src/index.ts'
import { buildProgram, footprint, startPod, stopped, warmUp } from './pod.ts'
import { vip } from './l2/addresses.ts'
import { Talk } from './l2/talk.ts'

/**
 * Three speakers that start together with a real kube-apiserver and so many addresses to answer for at layer 2, as JSON on
 * standard output: when the last address answers, and what the speakers have used when nothing is written any more. Once in
 * a cluster that they say everything for the first time in, and once again.
 * `l2-start.bench.ts [number of addresses ...]`
 */
const COUNTS = process.argv.slice(2).map(Number)
const AT_ONCE = 32
const QUIET_MS = 4_000

const rows: Readonly<Record<string, string | number>>[] = []
process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))

await buildProgram('speaker')
for (const count of COUNTS.length > 0 ? COUNTS : [100, 1_000]) await measure(count)
process.stdout.write(`${JSON.stringify({ benchmark: 'l2-start', page: 'l2', rows }, undefined, 2)}\n`)
process.exit()

async function measure(count: number): Promise<void> {
  const lab = await Lab.build({ api: 'real', routers: [] })
  try {
    for (const node of NODES) lab.processes.kill(`kube-proxy-${node}`)
    const compiled = join(lab.folder, 'compiled')
    warmUp('speaker', compiled)
    await prepare(lab, count)
    for (const what of ['the first time', 'again, with nothing changed'])
      rows.push({ 'speakers start': what, addresses: count, ...(await start(lab, count, compiled)) })
  } finally {
    await lab.remove()
  }
}

async function start(lab: Lab, count: number, compiled: string): Promise<(typeof rows)[number]> {
  const before = await quiet(lab)
  const client = new Talk('the client', ask(lab, count))
  await client.hear('asking', line => line === 'asking')
  const startedAt = Date.now()
  const speakers = NODES.map(node => startSpeaker(lab, node, compiled))
  const answered = JSON.parse(await client.hear('every answer', line => line.startsWith('{'), 120_000)) as {
    readonly firstAt: number
    readonly lastAt: number
  }
  const writes = (await quiet(lab)) - before
  const used = speakers.map(footprint)
  await Promise.all(speakers.map(speaker => stopped(speaker, 'SIGTERM')))
  return {
    'first answer after ms': Math.round(answered.firstAt - startedAt),
    'last answer after ms': Math.round(answered.lastAt - startedAt),
    'RSS of a speaker MB': Math.max(...used.map(({ rssMb }) => rssMb)),
    'CPU of a speaker s': Math.max(...used.map(({ cpuMs }) => cpuMs)) / 1_000,
    'API writes an address': Math.round((100 * writes) / count) / 100,
  }
}

function startSpeaker(lab: Lab, node: NodeName, compiled: string): ReturnType<typeof startPod> {
  const env = lab.speakerEnvironment(node)
  return startPod('speaker', { ...lab.account!, space: lab.spaces.node(node), flags: ['--port=0'], env, compiled })
}

async function prepare({ cluster }: Lab, count: number): Promise<void> {
  await cluster.apply(IP_ADDRESS_POOLS, {
    metadata: { name: 'all', namespace: SYSTEM },
    spec: { addresses: ['10.88.0.0/16'] },
  })
  await cluster.apply(L2_ADVERTISEMENTS, { metadata: { name: 'all', namespace: SYSTEM }, spec: {} })
  const numbers = Array.from({ length: count }, (_, i) => i)
  for (let i = 0; i < count; i += AT_ONCE) {
    await Promise.all(numbers.slice(i, i + AT_ONCE).map(each => service(cluster, each)))
  }
}

/** With an address and endpoints already, as after an upgrade of the speakers. */
async function service(cluster: Lab['cluster'], i: number): Promise<void> {
  const name = `s${i}`
  await cluster.apply(SERVICES, {
    metadata: { name, namespace: 'default' },
    spec: { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, ports: [{ port: 80 }] },
  })
  await cluster.apply(ENDPOINT_SLICES, {
    metadata: { name: `${name}-1`, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [{ port: 8080 }],
    endpoints: NODES.map((nodeName, n) => ({
      nodeName,
      addresses: [`10.244.0.${n + 1}`],
      conditions: { ready: true },
    })),
  })
  const status = { loadBalancer: { ingress: [{ ip: vip(i) }] } }
  await cluster.client.patch(SERVICES, `default/${name}`, { status }, { type: 'merge', subresource: 'status' })
}

function ask(lab: Lab, count: number): ReturnType<typeof spawn> {
  const script = fileURLToPath(new URL('l2/first-answers.ts', import.meta.url))
  const command = ['netns', 'exec', lab.spaces.client, process.execPath, ...PROGRAM_FLAGS, script]
  return spawn('ip', [...command, 'eth0', String(count)], { stdio: ['pipe', 'pipe', 'inherit'] })
}

/** Writes so far, once there are no more of them. */
async function quiet(lab: Lab): Promise<number> {
  for (let before = -1, now = await writes(lab); ;) {
    if (now === before) return now
    await pause(QUIET_MS)
    ;[before, now] = [now, await writes(lab)]
  }
}

/** All but those to Leases, which components of Kubernetes renew. */
async function writes({ cluster }: Lab): Promise<number> {
  const response = await cluster.client.transport.request({ method: 'GET', path: '/metrics' })
  const verbs = /^apiserver_request_total\{([^}]*verb="(?:POST|PUT|PATCH|APPLY|DELETE)"[^}]*)\} (\S+)$/gm
  return [...(await response.text()).matchAll(verbs)]
    .filter(([, labels]) => !labels!.includes('resource="leases"'))
    .reduce((sum, [, , count]) => sum + Number(count), 0)
}
