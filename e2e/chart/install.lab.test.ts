import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '@metallb-ts/lab'
import { CONTROL_PLANE, findBinaries, startControlPlane, type ControlPlane } from '@metallb-ts/tools/envtest'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CHART, renderChart, runHelm, type Rendered } from '@metallb-ts/tools/chart/helm'
import { ROOT } from '@metallb-ts/tools/run'
import { environment } from './running.ts'
import { containerOf } from './support.ts'

const binaries = findBinaries([...CONTROL_PLANE, 'helm'])

const SYSTEM = 'metallb-system'
const GRACE_MS = 10_000
const PROMETHEUS = { serviceAccount: 'prometheus', namespace: 'monitoring' }

describe.skipIf(!binaries.ok)(`the chart on a real API server (${binaries.ok ? 'here' : binaries.reason})`, () => {
  let plane: ControlPlane
  let folder: string
  let values: Record<string, Record<string, unknown>>
  const running: ChildProcess[] = []

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'chart-'))
    plane = await startControlPlane({ binaries: binaries.ok ? binaries.folder : '', controllerManager: false })
    const [metricsPort, controllerPort, speakerPort, mlBindPort] = await freePorts(4)
    values = {
      prometheus: { metricsPort },
      controller: probedAt(controllerPort!),
      speaker: {
        ...probedAt(speakerPort!),
        memberlist: { mlBindPort, mlSecretKeyPath: folder },
      },
    }
  })

  afterAll(async () => {
    for (const child of running) child.kill('SIGKILL')
    await plane?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const helm = (...args: readonly string[]): Promise<string> =>
    runHelm([...args, `--namespace=${SYSTEM}`, `--kubeconfig=${plane.kubeconfig}`], values, { HOME: folder })

  async function kubectl(args: readonly string[], input: readonly object[] = []): Promise<string> {
    const program = join(binaries.ok ? binaries.folder : '', 'kubectl')
    const all = [...args, `--kubeconfig=${plane.kubeconfig}`, `--cache-dir=${folder}`]
    return new Promise((resolve, reject) => {
      const child = execFile(program, all, { maxBuffer: 16 * 1024 * 1024 }, (error, out, complaint) =>
        error === null ? resolve(out) : reject(new Error(complaint)),
      )
      child.stdin?.end(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: input }))
    })
  }

  /** A program as its container is described, with the rights of its service account. */
  async function start(component: 'controller' | 'speaker', more: readonly string[] = []): Promise<Started> {
    const { args, env } = containerOf(await renderChart({ values }), component)
    const token = await kubectl(['create', 'token', `metallb-${component}`, `--namespace=${SYSTEM}`])
    const kubeconfig = join(folder, `${component}.json`)
    const config = JSON.parse(readFileSync(plane.kubeconfig, 'utf8')) as { users: object[] }
    writeFileSync(kubeconfig, JSON.stringify({ ...config, users: [{ name: 'u', user: { token: token.trim() } }] }))
    const main = join(ROOT, 'apps', component, 'src/main.ts')
    const child = spawn(process.execPath, ['--conditions=development', main, ...args, ...more], {
      env: { PATH: process.env['PATH'], ...environment(env), KUBECONFIG: kubeconfig },
    })
    running.push(child)
    let log = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (log += text.toString()))
    const exit = new Promise<number | null>(resolve => child.once('exit', resolve))
    return {
      log: () => log,
      stop: async () => {
        const grace = setTimeout(() => child.kill('SIGKILL'), GRACE_MS)
        child.kill('SIGTERM')
        const code = await exit
        clearTimeout(grace)
        return code
      },
    }
  }

  async function isReady(component: 'controller' | 'speaker', { log }: Started): Promise<void> {
    const { livenessProbe, readinessProbe } = containerOf(await renderChart({ values }), component)
    for (const probe of [livenessProbe, readinessProbe]) {
      const { path, port } = probe!.httpGet
      await eventually(`${component} ${path}: ${log()}`, async () => {
        const response = await fetch(`http://127.0.0.1:${port}${path}`)
        return response.status === 200
      })
    }
  }

  it('[row 109] helm installs it', async () => {
    await kubectl(['create', 'namespace', SYSTEM])
    const said = await helm('install', 'metallb', CHART, '--values=-')
    expect(said).toContain('STATUS: deployed')
    const kinds = await kubectl(['get', 'crd', '--output=name'])
    expect(kinds.match(/metallb\.io/g)).toHaveLength(10)
  })

  it('[row 109] the API server knows every field of every object, whatever is chosen', async () => {
    const chosen = await renderChart({
      release: 'other',
      namespace: SYSTEM,
      values: {
        imagePullSecrets: [{ name: 'registry' }],
        tls: { minVersion: 'VersionTLS12', controllerMetricsTLSSecret: 'a', speakerMetricsTLSSecret: 'b' },
        prometheus: { ...PROMETHEUS, scrapeAnnotations: true, podMonitor: { enabled: true } },
        controller: { webhookMode: 'enabled', replicas: 2, command: '/controller', labels: { a: 1 } },
        speaker: { bgpListenPort: 179, tolerations: [{ operator: 'Exists' }], podAnnotations: { a: 1 } },
        networkpolicies: { enabled: true, defaultDeny: true },
      },
    })
    const dryRun = ['apply', '--dry-run=server', '--validate=strict', '--server-side', '--force-conflicts']
    await kubectl([...dryRun, '--filename=-'], chosen.filter(isBuiltIn))
    await kubectl([...dryRun, `--filename=${join(ROOT, 'config/manifests/metallb-native.yaml')}`])
    for (const overlay of ['webhooks', 'networkpolicies'])
      await kubectl([...dryRun, `--kustomize=${join(ROOT, 'config', overlay)}`])
  })

  it('[row 109] the controller gives addresses with the rights of the chart, and makes the secret of the speakers', async () => {
    await kubectl(
      ['apply', '--filename=-'],
      [
        {
          apiVersion: 'metallb.io/v1beta1',
          kind: 'IPAddressPool',
          metadata: { name: 'a', namespace: SYSTEM },
          spec: { addresses: ['192.0.2.0/24'] },
        },
        {
          apiVersion: 'v1',
          kind: 'Service',
          metadata: { name: 'web', namespace: 'default' },
          spec: { type: 'LoadBalancer', ports: [{ port: 80 }] },
        },
      ],
    )
    const controller = await start('controller')
    await isReady('controller', controller)
    const address = ['get', 'service', 'web', '--output=jsonpath={.status.loadBalancer.ingress[0].ip}']
    await eventually('the address', async () => (await kubectl(address)) === '192.0.2.0')
    const secret = ['get', 'secret', 'metallb-memberlist', `--namespace=${SYSTEM}`, '--output=json']
    const made = JSON.parse(await eventually('the secret', () => kubectl(secret))) as Rendered & {
      data: { secretkey: string }
    }
    expect(made.metadata).toMatchObject({ ownerReferences: [{ kind: 'Deployment', name: 'metallb-controller' }] })
    writeFileSync(join(folder, 'secretkey'), Buffer.from(made.data.secretkey, 'base64'))
    await eventually('the counters of the pool', async () => {
      const counters = await kubectl(['get', 'ipaddresspool', 'a', `--namespace=${SYSTEM}`, '--output=json'])
      return (JSON.parse(counters) as { status?: { assignedIPv4?: number } }).status?.assignedIPv4 === 1
    })
    await eventually('the event', async () =>
      (await kubectl(['get', 'events', '--output=json'])).includes('IPAllocated'),
    )
    expect(await controller.stop()).toBe(0)
    expect(controller.log()).not.toMatch(/forbidden/i)
  })

  it('[row 109] the speaker reads all it watches with the rights of the chart, and the secret that the controller made', async () => {
    const nothing = join(folder, 'no-interfaces.yaml')
    writeFileSync(nothing, 'announcedInterfacesToExclude: [.*]\n') // this machine's network is not the test's
    const speaker = await start('speaker', [`--exclude-interfaces-file=${nothing}`])
    await isReady('speaker', speaker)
    expect(await speaker.stop()).toBe(0)
    expect(speaker.log()).not.toMatch(/forbidden/i)
  })

  it('[row 100] the metrics show themselves to the token of the PodMonitors, and to no other', async () => {
    const monitored = await renderChart({
      values: { ...values, prometheus: { ...values['prometheus'], ...PROMETHEUS, podMonitor: { enabled: true } } },
    })
    await kubectl(['apply', '--filename=-'], monitored.filter(isBuiltIn).filter(isForMetrics))
    const token = async (account: string): Promise<string> =>
      (await kubectl(['create', 'token', account, `--namespace=${SYSTEM}`])).trim()
    const controller = await start('controller')
    await isReady('controller', controller)
    const port = Number(values['prometheus']!['metricsPort'])
    const shown = await scrape(port, await token('metallb-metrics-reader'))
    expect(shown).toMatchObject({ status: 200 })
    expect(shown.page).toContain('metallb_k8s_client_config_loaded_bool 1')
    expect(shown.page).toContain('metallb_allocator_addresses_in_use_total{pool="a"} 1')
    expect(await scrape(port, await token('metallb-speaker'))).toMatchObject({ status: 403 })
    expect(await scrape(port)).toMatchObject({ status: 401 })
    expect(await controller.stop()).toBe(0)
  })

  it('[row 109] helm upgrades it to other values, and takes it away', async () => {
    values = { controller: { webhookMode: 'enabled' }, networkpolicies: { enabled: true } }
    expect(await helm('upgrade', 'metallb', CHART, '--values=-')).toContain('STATUS: deployed')
    expect(await kubectl(['get', 'validatingwebhookconfiguration', '--output=name'])).toContain('metallb')
    await helm('uninstall', 'metallb')
    expect(await kubectl(['get', 'all,role,rolebinding,networkpolicy', `--namespace=${SYSTEM}`])).toBe('')
    expect(await kubectl(['get', 'validatingwebhookconfiguration', '--output=name'])).toBe('')
  })
})

function probedAt(port: number): Record<string, unknown> {
  return { livenessProbe: { port }, readinessProbe: { port } }
}

interface Started {
  log(): string
  /** SIGTERM, and SIGKILL when the pod's grace period is over; answers with the exit code, if it ended by itself. */
  stop(): Promise<number | null>
}

/** Monitors are Prometheus's kinds, which are not there. */
function isBuiltIn({ apiVersion }: Rendered): boolean {
  return !apiVersion.startsWith('monitoring.coreos.com/')
}

function isForMetrics({ metadata: { name } }: Rendered): boolean {
  return name.startsWith('metallb-metrics-')
}

function scrape(port: number, token?: string): Promise<{ status: number | undefined; page: string }> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: '/metrics', headers, rejectUnauthorized: false }
    request(options, response => {
      let page = ''
      response.setEncoding('utf8').on('data', (text: string) => (page += text))
      response.on('end', () => resolve({ status: response.statusCode, page }))
    })
      .on('error', reject)
      .end()
  })
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer()
      return new Promise<typeof server>(resolve => server.listen(0, '127.0.0.1', () => resolve(server)))
    }),
  )
  const ports = servers.map(server => (server.address() as AddressInfo).port)
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))))
  return ports
}
