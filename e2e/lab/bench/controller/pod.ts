import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runTool } from '@metallb-ts/tools/run'
import { SYSTEM } from '../../src/index.ts'

/** Services created one at a time, and how far apart. */
export const SINGLES = 200
export const SINGLE_EVERY_MS = 50

const CONTROLLER = fileURLToPath(new URL('../../../../apps/controller', import.meta.url))
const MAIN = join(CONTROLLER, 'dist', 'main.js')

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

export interface PodInit {
  readonly server: string
  readonly caFile: string
  readonly token: string
  readonly flags?: readonly string[]
}

/** Makes the bundle that is measured, from the sources. */
export async function buildController(): Promise<void> {
  const build = await runTool('tsup', [], { cwd: CONTROLLER })
  if (build.code !== 0) throw new Error(build.output)
}

/** The controller's bundle; `NODE_FLAGS` in the environment shows what a flag of node's changes. */
export function startControllerPod({ server, caFile, token, flags = [] }: PodInit): ChildProcess {
  const { hostname, port } = new URL(server)
  const nodeFlags = (process.env['NODE_FLAGS'] ?? '').split(' ').filter(flag => flag !== '')
  const all = [`--namespace=${SYSTEM}`, '--port=0', '--log-level=warn', ...flags]
  return spawn('unshare', ['-m', 'sh', '-c', AS_POD, process.execPath, ...nodeFlags, MAIN, ...all], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, TOKEN: token, CA: caFile, KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
  })
}

export interface Footprint {
  readonly rssMb: number
  readonly peakRssMb: number
  /** Of all its threads so far. */
  readonly cpuMs: number
}

export function footprint({ pid }: ChildProcess): Footprint {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const mib = (field: string): number => Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1_024)
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return { rssMb: mib('VmRSS'), peakRssMb: mib('VmHWM'), cpuMs: (Number(stat[11]) + Number(stat[12])) * 10 }
}

export async function stopped(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = new Promise(resolve => child.once('exit', resolve))
  child.kill(signal)
  await exit
}

/** The value below which a share of them lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!
}

/** A certificate for 127.0.0.1, good for a day, in files of this folder. */
export function loopbackCertificate(folder: string): {
  readonly cert: string
  readonly key: string
  readonly file: string
} {
  const [file, keyFile] = [join(folder, 'tls.crt'), join(folder, 'tls.key')]
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=bench']
  const { status, stderr } = spawnSync(
    'openssl',
    [...request, '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', keyFile, '-out', file],
    { encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(stderr)
  return { cert: readFileSync(file, 'utf8'), key: readFileSync(keyFile, 'utf8'), file }
}
