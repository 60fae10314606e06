import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@metallb-ts/k8s-watch'
import { httpTransport } from '@metallb-ts/k8s-watch/node'
import { Cluster, eventually, SYSTEM } from '@metallb-ts/lab'
import { renderChart, runHelm } from '@metallb-ts/tools/chart/helm'
import { CONTROL_PLANE, findBinaries, startControlPlane, type ControlPlane } from '@metallb-ts/tools/envtest'
import { ROOT } from '@metallb-ts/tools/run'
import { environment } from './running.ts'
import { containerOf } from './support.ts'

export const binaries: ReturnType<typeof findBinaries> = findBinaries([...CONTROL_PLANE, 'helm'])

/** A program that runs with the rights of its service account. */
export interface Started {
  log(): string
  /** SIGTERM, and SIGKILL when the pod's grace period is over; answers with the exit code, if it ended by itself. */
  stop(): Promise<number | null>
}

/** A real API server of its own, on loopback, and what one does with it. */
export class Installation {
  readonly folder: string
  /** With ports that nobody else has here. */
  values: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** What users and operators do, without a program for each. */
  readonly cluster: Cluster
  readonly #plane: ControlPlane
  readonly #transport: ReturnType<typeof httpTransport>
  readonly #running: ChildProcess[] = []

  static async start(): Promise<Installation> {
    const folder = mkdtempSync(join(tmpdir(), 'chart-'))
    const plane = await startControlPlane({ binaries: binaries.ok ? binaries.folder : '', controllerManager: false })
    return new Installation(plane, folder, await freePorts(4))
  }

  private constructor(plane: ControlPlane, folder: string, ports: readonly number[]) {
    const [metricsPort, controllerPort, speakerPort, mlBindPort] = ports
    this.folder = folder
    this.#plane = plane
    this.#transport = httpTransport({
      server: plane.url,
      tls: { ca: readFileSync(plane.caFile) },
      authorization: () => `Bearer ${plane.adminToken}`,
    })
    this.cluster = new Cluster(createClient(this.#transport), 'real')
    this.values = {
      prometheus: { metricsPort },
      controller: probedAt(controllerPort!),
      speaker: { ...probedAt(speakerPort!), memberlist: { mlBindPort, mlSecretKeyPath: folder } },
    }
  }

  async remove(): Promise<void> {
    for (const child of this.#running) child.kill('SIGKILL')
    await this.#transport.close()
    await this.#plane.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** Of its API server, PEM. */
  get authority(): string {
    return readFileSync(this.#plane.caFile, 'utf8')
  }

  /** With the values, where the arguments say `--values=-`. */
  helm(...args: readonly string[]): Promise<string> {
    const all = [...args, `--namespace=${SYSTEM}`, `--kubeconfig=${this.#plane.kubeconfig}`]
    return runHelm(all, this.values, { HOME: this.folder })
  }

  kubectl(args: readonly string[], input: readonly object[] = []): Promise<string> {
    const program = join(binaries.ok ? binaries.folder : '', 'kubectl')
    const all = [...args, `--kubeconfig=${this.#plane.kubeconfig}`, `--cache-dir=${this.folder}`]
    return new Promise((resolve, reject) => {
      const child = execFile(program, all, { maxBuffer: MAX_OUTPUT }, (error, out, complaint) =>
        error === null ? resolve(out) : reject(new Error(complaint)),
      )
      child.stdin?.end(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: input }))
    })
  }

  /** A program as its container is described, with the rights of its service account. */
  async start(component: 'controller' | 'speaker', more: readonly string[] = []): Promise<Started> {
    const { args, env } = containerOf(await renderChart({ values: this.values }), component)
    const token = await this.kubectl(['create', 'token', `metallb-${component}`, `--namespace=${SYSTEM}`])
    const kubeconfig = join(this.folder, `${component}.json`)
    const config = JSON.parse(readFileSync(this.#plane.kubeconfig, 'utf8')) as { users: object[] }
    writeFileSync(kubeconfig, JSON.stringify({ ...config, users: [{ name: 'u', user: { token: token.trim() } }] }))
    const main = join(ROOT, 'apps', component, 'src/main.ts')
    const child = spawn(process.execPath, ['--conditions=development', main, ...args, ...more], {
      env: { PATH: process.env['PATH'], ...environment(env), KUBECONFIG: kubeconfig },
    })
    this.#running.push(child)
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

  async isReady(component: 'controller' | 'speaker', { log }: Started): Promise<void> {
    const { livenessProbe, readinessProbe } = containerOf(await renderChart({ values: this.values }), component)
    for (const probe of [livenessProbe, readinessProbe]) {
      const { path, port } = probe!.httpGet
      await eventually(`${component} ${path}: ${log()}`, async () => {
        const response = await fetch(`http://127.0.0.1:${port}${path}`)
        return response.status === 200
      })
    }
  }
}

const GRACE_MS = 10_000
const MAX_OUTPUT = 16 * 1024 * 1024

function probedAt(port: number | undefined): Record<string, unknown> {
  return { livenessProbe: { port }, readinessProbe: { port } }
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
