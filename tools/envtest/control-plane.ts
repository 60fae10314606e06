import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeCertificates } from './certificates.ts'

export interface ControlPlaneInit {
  /** Folder that holds the programs. */
  readonly binaries: string
  /** Network namespace to run in. @default this process's */
  readonly namespace?: string
  /** Address to listen on. @default 127.0.0.1 */
  readonly address?: string
  /** @default free ones; in a namespace of its own 6443 */
  readonly port?: number
  /** Also kube-controller-manager, which makes EndpointSlices of Pods. @default true */
  readonly controllerManager?: boolean
  /** More users: token to name and groups. `admin-token` is there already. */
  readonly users?: readonly { readonly token: string; readonly name: string; readonly groups: readonly string[] }[]
  readonly apiServerFlags?: readonly string[]
}

/** A real kube-apiserver over a real etcd. */
export interface ControlPlane {
  readonly url: string
  /** Path of a kubeconfig with all rights. */
  readonly kubeconfig: string
  readonly caFile: string
  readonly adminToken: string
  /** A kubeconfig for one of the users. */
  kubeconfigFor(token: string): string
  /** Sends a signal to one of the processes. */
  signal(program: 'kube-apiserver' | 'etcd' | 'kube-controller-manager', signal: NodeJS.Signals): void
  /** Starts the API server again after it was killed. */
  restartApiServer(): Promise<void>
  stop(): Promise<void>
}

/** Rejects with the end of a log when something does not come up. Nothing is left behind then, nor when this process ends. */
export async function startControlPlane(init: ControlPlaneInit): Promise<ControlPlane> {
  const { namespace, address = '127.0.0.1', controllerManager = true, users = [] } = init
  const folder = mkdtempSync(join(tmpdir(), 'envtest-'))
  const ports = namespace === undefined ? await freePorts(4) : [6443, 2379, 2380, 10257]
  const [port = init.port, etcdPort, etcdPeerPort, managerPort] = ports
  const processes = new Map<string, ChildProcess>()
  const certs = join(folder, 'certs')
  makeCertificates(certs, [address, '127.0.0.1', '10.96.0.1'])
  writeFileSync(
    join(folder, 'tokens.csv'),
    [
      `${ADMIN_TOKEN},admin,u-admin,"system:masters"`,
      ...users.map(({ token, name, groups }) => `${token},${name},u-${name},"${groups.join(',')}"`),
    ].join('\n'),
  )
  const url = `https://${address}:${port}`

  const start = (program: string, args: readonly string[]): void => {
    const log = openSync(join(folder, `${program}.log`), 'a')
    const path = join(init.binaries, program)
    const [command, all] = namespace === undefined ? [path, args] : ['ip', ['netns', 'exec', namespace, path, ...args]]
    processes.set(program, spawn(command, [...all], { stdio: ['ignore', log, log], cwd: folder }))
  }
  const killAll = (): void => {
    for (const child of processes.values()) child.kill('SIGKILL')
  }
  const atExit = (): void => {
    killAll()
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  }
  process.once('exit', atExit)

  const startApiServer = (): void =>
    start('kube-apiserver', [
      `--etcd-servers=http://127.0.0.1:${etcdPort}`,
      `--bind-address=${address}`,
      `--secure-port=${port}`,
      `--tls-cert-file=${certs}/apiserver.crt`,
      `--tls-private-key-file=${certs}/apiserver.key`,
      `--client-ca-file=${certs}/ca.crt`,
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${certs}/sa.pub`,
      `--service-account-signing-key-file=${certs}/sa.key`,
      `--token-auth-file=${folder}/tokens.csv`,
      '--authorization-mode=RBAC',
      '--service-cluster-ip-range=10.96.0.0/16,fd10:96::/112',
      '--endpoint-reconciler-type=none',
      `--advertise-address=${namespace === undefined ? '10.255.255.1' : address}`, // loopback is refused here
      '--disable-admission-plugins=ServiceAccount',
      '--allow-privileged=true',
      ...(init.apiServerFlags ?? []),
    ])

  const kubeconfigFor = (token: string): string => {
    const path = join(folder, `kubeconfig-${token}`)
    const cluster = { server: url, 'certificate-authority': `${certs}/ca.crt` }
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster }],
      users: [{ name: 'u', user: { token } }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'c',
    }
    writeFileSync(path, JSON.stringify(config))
    return path
  }
  const ready = async (): Promise<void> => {
    const curl = [
      '-sf',
      '--noproxy',
      '*',
      '-m',
      '2',
      '--cacert',
      `${certs}/ca.crt`,
      '-H',
      `Authorization: Bearer ${ADMIN_TOKEN}`,
      `${url}/readyz`,
    ]
    const [command, args] =
      namespace === undefined ? ['curl', curl] : ['ip', ['netns', 'exec', namespace, 'curl', ...curl]]
    for (let i = 0; i < READY_TRIES; i++) {
      if (spawnSync(command, args, { stdio: 'ignore' }).status === 0) return
      await sleep(READY_PAUSE_MS)
    }
    throw new Error(
      `kube-apiserver did not become ready:\n${readFileSync(join(folder, 'kube-apiserver.log'), 'utf8').slice(-3_000)}`,
    )
  }

  try {
    mkdirSync(join(folder, 'etcd'), { mode: 0o700 })
    start('etcd', [
      `--data-dir=${folder}/etcd`,
      `--listen-client-urls=http://127.0.0.1:${etcdPort}`,
      `--advertise-client-urls=http://127.0.0.1:${etcdPort}`,
      `--listen-peer-urls=http://127.0.0.1:${etcdPeerPort}`,
      `--initial-advertise-peer-urls=http://127.0.0.1:${etcdPeerPort}`,
      `--initial-cluster=default=http://127.0.0.1:${etcdPeerPort}`,
      '--quota-backend-bytes=4294967296',
      '--unsafe-no-fsync=true',
      '--watch-progress-notify-interval=5s',
    ])
    startApiServer()
    await ready()
    if (controllerManager) {
      start('kube-controller-manager', [
        `--kubeconfig=${kubeconfigFor(ADMIN_TOKEN)}`,
        '--bind-address=127.0.0.1',
        `--secure-port=${managerPort}`,
        `--service-account-private-key-file=${certs}/sa.key`,
        `--root-ca-file=${certs}/ca.crt`,
        '--leader-elect=false',
        '--use-service-account-credentials=false',
        '--controllers=endpointslice-controller,endpointslice-mirroring-controller,serviceaccount-controller,namespace-controller,garbage-collector-controller,service-cidr-controller',
      ])
    }
  } catch (error) {
    process.off('exit', atExit)
    atExit()
    throw error
  }

  return {
    url,
    kubeconfig: kubeconfigFor(ADMIN_TOKEN),
    caFile: `${certs}/ca.crt`,
    adminToken: ADMIN_TOKEN,
    kubeconfigFor,
    signal: (program, signal) => void processes.get(program)?.kill(signal),
    restartApiServer: async () => {
      const before = processes.get('kube-apiserver')!
      before.kill('SIGKILL')
      await ended(before) // until then its port is taken
      startApiServer()
      await ready()
    },
    stop: async () => {
      killAll() // a clean stop of kube-apiserver takes up to a minute, and nothing here has to survive
      await Promise.all([...processes.values()].map(ended))
      process.off('exit', atExit)
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

const ADMIN_TOKEN = 'admin-token'
const READY_TRIES = 120
const READY_PAUSE_MS = 500

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

/** Outside the range that outgoing connections take theirs from: nothing may take one while its server restarts. */
async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  for (let tries = 0; ports.size < count && tries < MOST_PORT_TRIES; tries++) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT))
    if (await isFree(port)) ports.add(port)
  }
  if (ports.size < count) throw new Error(`no ${count} free ports from ${FIRST_PORT} to ${LAST_PORT}`)
  return [...ports]
}

const FIRST_PORT = 20_000
const LAST_PORT = 32_000
const MOST_PORT_TRIES = 200

function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise(resolve => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
